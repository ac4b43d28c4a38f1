"""SAE features: the autoencoder's nulls, streams that are the model's own, steering that is nothing at strength 0."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, Qwen3Config

from evals.features import autoencoder as sae
from evals.features.__main__ import main
from evals.features.ranking import effect, ranked
from evals.features.steering import Outcome, compared
from evals.features.streams import SteeredSampler, block_of, read_streams
from rlad.cli import PlainError
from rlad.config import ConfigError, load_config, save_config
from rlad.generation import Sampling
from rlad.generation.transformers import TransformersSampler
from rlad.players.policy import make_policy

ENDS = {"vocab_size": 40, "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0}
SIZES = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24, **ENDS}
CONFIGS = {
    "gpt2": lambda: GPT2Config(n_embd=16, n_layer=3, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, **ENDS),
    "gpt_neox": lambda: GPTNeoXConfig(**SIZES),
    "qwen3": lambda: Qwen3Config(num_key_value_heads=1, head_dim=8, tie_word_embeddings=False, **SIZES),
}
PROMPTS = [[9, 10, 11], [12, 13], [14, 15, 16, 17], [12, 13]]


def built(kind="qwen3", seed=0):
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(CONFIGS[kind]()).eval()


def orthonormal(active):
    """An autoencoder of eight features that are the axes of a stream of eight numbers, shifted and scaled."""
    model = sae.TopKAutoencoder(8, 8, active)
    with torch.no_grad():
        model.decoder.copy_(torch.eye(8))
        model.encoder.copy_(torch.eye(8))
        model.centre.fill_(3.0)
        model.scale.fill_(2.0)
    return model.requires_grad_(False)


def test_what_few_features_make_is_rebuilt_and_of_more_the_largest_are_kept():
    model = orthonormal(active=2)
    features = torch.tensor([[0.0, 1.5, 0, 0, 0, 0, 0.25, 0], [2.0, 0, 0, 0, 0, 0, 0, 0]])
    assert torch.equal(model.encode(model.decode(features)), features)
    more = torch.tensor([[1.0, 3.0, 0, 2.0, 0, 0, 0, 0]])
    assert model.encode(model.decode(more)).tolist() == [[0.0, 3.0, 0, 2.0, 0, 0, 0, 0]]


def test_training_finds_the_directions_that_streams_are_made_of_and_leaves_none_longer_than_one():
    generator = torch.Generator().manual_seed(0)
    truth = torch.nn.functional.normalize(torch.randn(12, 16, generator=generator), dim=-1)
    chosen = torch.rand(4000, 12, generator=generator).topk(2).indices
    strength = torch.zeros(4000, 12).scatter(1, chosen, 1 + torch.rand(4000, 2, generator=generator))
    streams = 5 * (strength @ truth) + 7  # of any scale, and away from 0
    model = sae.train_autoencoder(streams[:3000], 24, 2, steps=400, batch=256, lr=5e-3)
    unseen = streams[3000:]
    assert sae.explained_variance(unseen, model.decode(model.encode(unseen))) > 0.9
    assert (model.encode(unseen) > 0).sum(1).max() <= 2
    assert_close(model.decoder.norm(dim=-1), torch.ones(24))
    assert ((model.decoder @ truth.T).max(0).values > 0.9).sum() >= 10
    again = sae.train_autoencoder(streams[:3000], 24, 2, steps=3, batch=256, lr=5e-3)
    same = sae.train_autoencoder(streams[:3000], 24, 2, steps=3, batch=256, lr=5e-3)
    assert torch.equal(again.decoder, same.decoder)


@pytest.mark.parametrize("kind", CONFIGS)
def test_streams_are_the_models_own_for_texts_of_any_length(kind):
    model = built(kind)
    texts = [([9, 10, 11], [12, 13, 1]), ([14], [15]), ([16, 17], [18, 19])]
    found, owners = read_streams(model, 1, texts, pad_id=0)
    assert owners.tolist() == [0, 0, 0, 1, 2, 2]
    with torch.inference_mode():
        for i, (prompt, completion) in enumerate(texts):
            own = model(torch.tensor([[*prompt, *completion]]), output_hidden_states=True).hidden_states[2][0]
            assert_close(found[owners == i], own[len(prompt) - 1 : -1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", CONFIGS)
def test_strength_0_changes_no_bit_and_a_vector_only_the_last_prompt_position(kind):
    model = built(kind)
    plain = TransformersSampler(model, [1], 0)
    steered = SteeredSampler(plain, 1)
    how = Sampling(1.0, 6, seed=3)
    assert steered.generate(PROMPTS, how) == plain.generate(PROMPTS, how)  # tokens and log-probs
    vector = torch.full((16,), 3.0)
    steered.steer(0 * vector)
    assert steered.generate(PROMPTS, how) == plain.generate(PROMPTS, how)
    streams = []
    handle = block_of(model, 2).register_forward_hook(lambda module, given, out: streams.append(given[0]))
    with torch.inference_mode():
        plain.prefill(PROMPTS)
        steered.steer(vector)
        steered.prefill(PROMPTS)
    handle.remove()
    assert torch.equal(streams[0][:, :-1], streams[1][:, :-1])
    assert torch.equal(streams[0][:, -1] + vector, streams[1][:, -1])
    steered.steer(20 * torch.randn(16, generator=torch.Generator().manual_seed(0)))
    assert steered.generate(PROMPTS, Sampling(0.0, 6)) != plain.generate(PROMPTS, Sampling(0.0, 6))
    assert not block_of(model, 1)._forward_hooks  # nothing stays behind


def test_a_planted_feature_is_ranked_first():
    rng = np.random.default_rng(0)
    guided, plain = rng.normal(size=(50, 6)), rng.normal(size=(40, 6))
    guided[:, 4] += 3
    plain[:, 2] += 3  # the other way round is no feature of abstractions
    assert ranked(effect(guided, plain), 1) == [4] and 2 not in ranked(effect(guided, plain), 6)


def test_controls_stand_beside_what_was_chosen_in_the_same_table():
    plain = Outcome(np.array([0.0, 1, 0, 1]), ((1,), (2,), (3,), (4,)))
    steered = Outcome(np.array([1.0, 1, 1, 1]), ((9,), (2,), (9,), (4,)))
    found = compared(plain, plain.right, steered, [plain, Outcome(1 - plain.right, plain.ids)], 50)
    assert found["ranked"]["difference"] == 0.5 and found["ranked"]["changed"] == 0.5
    assert found["random"]["accuracy"] == 0.5 and found["random"]["of_sets"] == [0.5, 0.5]
    assert found["guided"]["difference"] == 0 and found["ranked_minus_random"]["difference"] == 0.5


WORDS = ["base.hidden_size=16", "base.layers=2", "base.heads=2", "base.kv_heads=1", "base.intermediate_size=32",
         "problems.validation=4", "problems.test=6", "problems.train=40", "abstraction.max_new_tokens=4",
         "solution.max_new_tokens=6", "features.problems=40", "features.steps=20", "features.batch=64",
         "features.latents=24", "features.active=3", "features.strengths=[1.0]", "features.controls=2",
         "features.top=2", "sweep.bootstrap=50"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run whose random base was never trained; all that it writes is an abstraction."""
    runs = tmp_path_factory.mktemp("runs")
    run = load_config(None, [f"runs_dir={runs}", "name=tiny", *WORDS])
    policy = make_policy("base", run.base, run, runs / "tiny" / "base")
    with torch.no_grad():  # ends as often as not, or no abstraction would be whole
        policy.model.get_output_embeddings().weight[policy.tokenizer.eos_token_id] += 1.0
    policy.export()
    save_config(run, runs / "tiny" / "config.yaml")
    return runs / "tiny"


def test_the_command_writes_what_it_measured_and_takes_its_autoencoder_back(folder, capsys):
    main([str(folder)])
    found = json.loads((folder / "features.json").read_text())
    facts = found["autoencoder"]
    assert (facts["layer"], facts["latents"], facts["active"]) == (0, 24, 3) and 0 <= facts["dead"] < 24
    assert facts["explained_variance"] < 1 and facts["held_out_tokens"] > 0
    assert len(found["chosen"]) == 3 and found["test"]["problems"] == 6
    kinds = {row["set"] for row in found["validation"]["rows"]}
    assert kinds == {"ranked", "random 1", "random 2"}
    out = capsys.readouterr().out
    assert f"{facts['dead']} dead" in out and "random feature, as long" in out and "ranked against random" in out

    main([str(folder), "--sae", str(folder / "features" / "layer_0.safetensors")])
    again = json.loads((folder / "features.json").read_text())
    assert {**again, "meta": 0} == {**found, "meta": 0}
    with pytest.raises(ConfigError, match="knows layer 0, not features.layer=1"):
        main([str(folder), "features.layer=1", "--sae", str(folder / "features" / "layer_0.safetensors")])


def test_bad_input_is_refused_in_a_sentence(folder, tmp_path):
    with pytest.raises(ConfigError, match="features.layer=2 does not exist: the model has 2, from 0 to 1"):
        main([str(folder), "features.layer=2"])
    with pytest.raises(ConfigError, match="features.active=30 of features.latents=24 cannot be active"):
        main([str(folder), "features.active=30"])
    with pytest.raises(PlainError, match="There is no autoencoder"):
        main([str(folder), "--sae", str(tmp_path / "none")])
    other = tmp_path / "other.safetensors"
    sae.save_autoencoder(sae.TopKAutoencoder(16, 24, 3), other, sae.fingerprint(built().named_parameters()), 0)
    with pytest.raises(PlainError, match="was trained on another model"):
        main([str(folder), "--sae", str(other)])
    (tmp_path / "torn").write_bytes(other.read_bytes()[:50])
    with pytest.raises(PlainError, match="is no safetensors file"):
        main([str(folder), "--sae", str(tmp_path / "torn")])
