"""Adapters: they begin as nothing, are the only thing that learns, and merge into what they were beside."""

import copy

import pytest
import torch
from adapted import adapted

from rlad.config import ConfigError, LoraConfig, ModelConfig, ProblemsConfig
from rlad.generation.transformers import TransformersSampler
from rlad.players.adapters import adapter_entries, adapter_scale, add_adapter, is_adapters, merged_weights
from rlad.players.policy import build_model, load_tokenizer

SMALL = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=48)
TOKENIZER = load_tokenizer(SMALL, ProblemsConfig())
LORA = LoraConfig(rank=4, alpha=8.0)
IDS = torch.tensor([[9, 10, 11, 12, 13]])


@pytest.fixture
def base():
    return build_model(SMALL, TOKENIZER, seed=1)


def test_a_fresh_adapter_changes_nothing_but_what_learns(base):
    before = torch.get_rng_state()
    model = add_adapter(copy.deepcopy(base), LORA, seed=5)
    assert torch.equal(torch.get_rng_state(), before)  # the run's own draws stay what they were
    assert type(model) is type(base)
    torch.testing.assert_close(model(IDS).logits, base(IDS).logits, rtol=0, atol=0)
    learnt = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learnt == {name for name, _ in model.named_parameters() if is_adapters(name)}
    assert len(learnt) == 2 * 7 * 2  # A and B of seven layers in two blocks
    assert adapter_scale(model) == 2.0 and adapter_scale(base) is None
    same, other = (dict(add_adapter(copy.deepcopy(base), LORA, seed).named_parameters()) for seed in (5, 6))
    first = "model.layers.0.self_attn.q_proj.lora_A.default.weight"
    assert torch.equal(same[first], dict(model.named_parameters())[first]) and not torch.equal(
        same[first], other[first]
    )


def test_rank_zero_is_off(base):
    model = add_adapter(base, LoraConfig(), 0)
    assert all(parameter.requires_grad for parameter in model.parameters()) and adapter_scale(model) is None


def test_the_merged_model_is_the_model(base):
    model = adapted(base, LORA)
    weights = dict(merged_weights(model.named_parameters(), adapter_scale(model)))
    assert weights.keys() == dict(base.named_parameters()).keys()
    whole = copy.deepcopy(base)
    whole.load_state_dict(weights, strict=False)
    torch.testing.assert_close(whole(IDS).logits, model(IDS).logits, rtol=0, atol=1e-4)
    assert (whole(IDS).logits - base(IDS).logits).abs().max() > 0.1
    with pytest.raises(ValueError, match="adapter of 'model.layers.0.self_attn.q_proj' is incomplete"):
        dict(merged_weights(adapter_only(model), 2.0))


def adapter_only(model):
    return [(name, parameter) for name, parameter in model.named_parameters() if is_adapters(name)]


def test_a_sampler_beside_its_base_takes_the_adapter_alone(base):
    model = adapted(base, LORA, 3)
    sampler = TransformersSampler(add_adapter(base, LORA, seed=0), [1], 0)
    assert sampler.adapters and not TransformersSampler(build_model(SMALL, TOKENIZER), [1], 0).adapters
    sampler.load_weights(adapter_only(model), 1)
    torch.testing.assert_close(sampler.model(IDS).logits, model(IDS).logits, rtol=0, atol=0)


def test_files_have_the_names_of_peft(base):
    import peft

    model = adapted(base, LORA)
    written = {name for name, _ in adapter_entries(model.named_parameters())}
    assert written == {f"base_model.model.{name}" for name in peft.get_peft_model_state_dict(model)}


def test_a_target_that_the_model_lacks_is_named_with_its_nearest(base):
    with pytest.raises(ConfigError, match="names 'qproj', but .* nearest is 'q_proj' \\(it has down_proj, gate_proj"):
        add_adapter(base, LoraConfig(rank=4, targets=["qproj"]), 0)


def test_a_model_without_linear_layers_is_refused_in_a_sentence():
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=16))
    with pytest.raises(ConfigError, match="GPT2LMHeadModel has none outside its output head"):
        add_adapter(model, LORA, 0)
