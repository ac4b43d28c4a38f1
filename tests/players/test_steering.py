"""Steering vectors: they begin as nothing, are the only thing that learns, and merge into biases of a plain model."""

import copy

import pytest
import torch
from adapted import steered
from torch.testing import assert_close
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    PhiConfig,
    Qwen3Config,
    SmolLM3Config,
)

from rlad.config import ConfigError, LoraConfig, SteeringConfig
from rlad.config.steering import SITES
from rlad.generation.transformers import TransformersSampler
from rlad.generation.vllm.weights import read_weights, write_model
from rlad.players.adapters import adapt, has_adapter, is_adapters, plain_weights
from rlad.players.steering import add_vectors, merged_biases

IDS = torch.tensor([[9, 10, 11, 12, 13]])
ENDS = {"vocab_size": 40, "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0}
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, **ENDS}
CONFIGS = {
    "gpt2": lambda: GPT2Config(n_embd=16, n_layer=2, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, **ENDS),
    "gpt_neox": lambda: GPTNeoXConfig(**SIZES),
    "llama": lambda: LlamaConfig(num_key_value_heads=1, **SIZES),
    "phi": lambda: PhiConfig(**SIZES),
    "qwen3": lambda: Qwen3Config(num_key_value_heads=1, head_dim=8, tie_word_embeddings=False, **SIZES),
    "smollm3": lambda: SmolLM3Config(num_key_value_heads=1, **SIZES),
}
ALL = [(kind, site) for kind, sites in SITES.items() for site in sites]


def built(kind):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(CONFIGS[kind]()).eval()


@pytest.mark.parametrize(("kind", "site"), ALL)
def test_vectors_begin_as_nothing_alone_learn_and_merge_into_a_folder_of_equal_logits(kind, site, tmp_path):
    base = built(kind)
    fresh = add_vectors(copy.deepcopy(base), SteeringConfig("all", site))
    assert type(fresh) is type(base) and has_adapter(fresh) and not has_adapter(base)
    assert torch.equal(fresh(IDS).logits, base(IDS).logits)
    fresh(IDS, labels=IDS).loss.backward()
    moved = {name for name, parameter in fresh.named_parameters() if parameter.grad is not None}
    assert len(moved) == 2 and all(is_adapters(name) and name.endswith(".vector") for name in moved)
    assert all(parameter.grad.abs().max() > 0 for name, parameter in fresh.named_parameters() if name in moved)

    model = steered(base, SteeringConfig([1], site))  # the other layer's bias is nothing
    weights = dict(plain_weights(model.named_parameters(), model))
    names = set(weights) - {"lm_head.weight"}  # saving empties what it is given; a tied head is none of them
    model.save_pretrained(tmp_path / "export", state_dict=weights)
    plain, loading = AutoModelForCausalLM.from_pretrained(tmp_path / "export", output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"] and not has_adapter(plain)
    assert (model(IDS).logits - base(IDS).logits).abs().max() > 0.01
    assert_close(plain.eval()(IDS).logits, model(IDS).logits, rtol=0, atol=1e-5)
    write_model(model, tmp_path / "served")
    served = {name for name, _ in read_weights(tmp_path / "served")} - {"lm_head.weight"}
    assert served == names == set(dict(plain.named_parameters())) - {"lm_head.weight"}


def test_the_vector_is_in_the_residual_stream_of_its_layer():
    """Behind the MLP of layer 0: the stream into layer 1 moves by the vector, at every position."""
    base, model = built("llama"), steered(built("llama"), SteeringConfig([0]))
    vector = next(parameter for name, parameter in model.named_parameters() if is_adapters(name))
    streams = [one(IDS, output_hidden_states=True).hidden_states[1] for one in (base, model)]
    assert_close(streams[1] - streams[0], vector.expand_as(streams[0]), rtol=0, atol=1e-5)


def test_a_bias_that_the_base_has_is_kept():
    base = AutoModelForCausalLM.from_config(LlamaConfig(num_key_value_heads=1, mlp_bias=True, **SIZES))
    with torch.no_grad():
        base.model.layers[0].mlp.down_proj.bias.fill_(2.0)
    model = steered(base, SteeringConfig([0]))
    weights = dict(plain_weights(model.named_parameters(), model))
    vector = model.model.layers[0].mlp.down_proj.vector
    assert torch.equal(weights["model.layers.0.mlp.down_proj.bias"], vector.detach() + 2)
    assert weights.keys() == dict(base.named_parameters()).keys()
    with pytest.raises(ValueError, match="vector of 'model.layers.0.mlp.down_proj' is incomplete"):
        dict(merged_biases([("model.layers.0.mlp.down_proj.vector", vector)], ()))


def test_a_sampler_beside_its_base_takes_the_vectors_alone():
    base = built("qwen3")
    one, other = (steered(base, SteeringConfig("all"), seed) for seed in (1, 2))  # two roles on one base
    sampler = TransformersSampler(adapt(base, LoraConfig(), SteeringConfig("all"), 0), [1], 0)
    assert sampler.adapters
    for model in (one, other):
        sampler.load_weights([(name, p) for name, p in model.named_parameters() if p.requires_grad], 1)
        assert torch.equal(sampler.model(IDS).logits, model(IDS).logits)
    assert not torch.equal(one(IDS).logits, other(IDS).logits)


def test_what_vllms_own_class_leaves_out_runs_as_transformers_class(tmp_path):
    for kind, name in (("qwen3", "TransformersForCausalLM"), ("llama", "LlamaForCausalLM")):
        write_model(add_vectors(built(kind), SteeringConfig("all")), tmp_path / kind)
        assert f'"{name}"' in (tmp_path / kind / "config.json").read_text()


def test_a_model_that_cannot_hold_them_is_refused_in_a_sentence():
    from transformers import Qwen2Config

    model = AutoModelForCausalLM.from_config(Qwen2Config(num_key_value_heads=1, **SIZES))
    with pytest.raises(ConfigError, match="a qwen2 has none; gpt2, .* have, and lora.rank trains any"):
        add_vectors(model, SteeringConfig("all"))
    with pytest.raises(ConfigError, match="layer 2, but the model has 2, from 0 to 1"):
        add_vectors(built("llama"), SteeringConfig([2]))


def test_without_layers_all_weights_learn():
    model = adapt(built("llama"), LoraConfig(), SteeringConfig(), 0)
    assert all(parameter.requires_grad for parameter in model.parameters()) and not has_adapter(model)
