"""Scores of tokens in pieces of the vocabulary are those from full logits, and so are the gradients."""

from types import SimpleNamespace

import pytest
import torch
from adapted import adapted
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    PhiConfig,
    PhiForCausalLM,
)

from rlad.config import LoraConfig, ModelConfig
from rlad.players import head, pieces
from rlad.players.logprobs import filtered_logprobs, token_scores
from rlad.players.policy import tiny_model, with_head

WORDS = 150
"""With PIECE at 1, pieces of 64, 64 and 22 words."""
SIZES = {"vocab_size": WORDS, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SIZES |= {"num_key_value_heads": 1, "intermediate_size": 16, "max_position_embeddings": 32, "pad_token_id": 0}
TINY = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16, max_positions=32)


def tied():
    model = tiny_model(TINY, WORDS, 1, 0)
    model.config.tie_word_embeddings = True
    model.tie_weights()
    assert model.lm_head.weight is model.model.embed_tokens.weight
    return model


MODELS = {
    "untied": lambda: tiny_model(TINY, WORDS, 1, 0),
    "tied": tied,
    "adapter": lambda: adapted(tiny_model(TINY, WORDS, 1, 0), LoraConfig(rank=2)),
    "float32 head": lambda: with_head(
        tiny_model(TINY, WORDS, 1, 0), ModelConfig(hidden_size=16, layers=1, float32_head=True)
    ),
    "bias": lambda: PhiForCausalLM(PhiConfig(**SIZES)),
    "scaled": lambda: CohereForCausalLM(CohereConfig(**SIZES, logit_scale=0.5)),
    "divided": lambda: GraniteForCausalLM(GraniteConfig(**SIZES, logits_scaling=3.0)),
    "soft cap": lambda: Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=8, final_logit_softcapping=2.0)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=WORDS, n_positions=32, n_embd=16, n_layer=1, n_head=2)),
}


def batch(lengths=(5, 2, 0)):
    """Rows of 3 prompt tokens and completions of these lengths; a padding row for a length of 0."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(2, WORDS, (len(lengths), 3 + max(lengths)), generator=generator)
    mask = torch.tensor([[float(t < length) for t in range(max(lengths))] for length in lengths])
    attention = torch.cat([torch.ones(len(lengths), 3), mask], 1).long()
    return SimpleNamespace(
        input_ids=ids,
        attention_mask=attention,
        position_ids=(attention.cumsum(1) - 1).clamp(min=0),
        place=None,
        completion=ids[:, 3:],
        mask=mask,
    )


@pytest.fixture
def in_pieces(monkeypatch):
    """Switches between full logits and pieces."""

    def switch(on):
        monkeypatch.setattr(pieces, "WHOLE", 0 if on else 10**9)
        monkeypatch.setattr(pieces, "PIECE", {"cpu": 1})

    return switch


def measured(model, rows, entropy, temperature=0.7):
    """Scores on the mask and the gradient, by name, of a mixture of log-probs and entropies."""
    model.zero_grad()
    found = token_scores(model, rows, temperature, entropy, rank=True)
    weights = torch.linspace(-1.0, 2.0, rows.mask.numel()).reshape(rows.mask.shape) * rows.mask
    loss = (found.logp.exp() * weights).sum()
    if entropy == "grad":
        loss = loss + (found.entropy * weights.flip(1) * rows.mask).sum()
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    return found.logp * rows.mask, found.entropy * rows.mask, found.rank * rows.mask, gradients


@pytest.mark.parametrize("entropy", [True, "grad"])
@pytest.mark.parametrize("name", MODELS)
def test_scores_and_gradients_in_pieces_are_those_of_full_logits(name, entropy, in_pieces):
    torch.manual_seed(0)
    model, rows = MODELS[name]().eval(), batch()
    with torch.no_grad():  # far from uniform
        model.get_output_embeddings().weight.mul_(20.0)
    in_pieces(False)
    *whole, expected = measured(model, rows, entropy)
    in_pieces(True)
    *cut, got = measured(model, rows, entropy)
    for one, other in zip(whole, cut, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=2e-6)
    assert got.keys() == expected.keys() and expected
    largest = max(gradient.abs().max() for gradient in expected.values())
    for key, gradient in expected.items():
        torch.testing.assert_close(got[key], gradient, rtol=1e-5, atol=1e-6 * max(1.0, largest.item()), msg=key)


class Largest(TorchDispatchMode):
    """The number of elements of the largest tensor that anything made."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.elements = max(self.elements, result.numel())
        return result


@pytest.mark.parametrize("name", ["tied", "scaled", "soft cap"])
@pytest.mark.parametrize("rank", [False, True])
def test_no_tensor_as_large_as_the_logits_is_made(name, rank, in_pieces):
    model, rows = MODELS[name]().eval(), batch((25, 25, 20, 13, 25))
    for cut in (False, True):
        in_pieces(cut)
        with Largest() as largest:
            found = token_scores(model, rows, 1.0, "grad", rank)
            (found.logp + found.entropy).sum().backward()
        parameters = max(parameter.numel() for parameter in model.parameters())
        assert (largest.elements <= max(parameters, rows.mask.numel() * 64)) is cut


@pytest.mark.parametrize("name", ["untied", "bias", "divided", "soft cap"])
def test_a_rule_sees_whole_distributions_in_pieces_of_the_tokens(name, in_pieces):
    def rule(distribution, ids):
        assert distribution.shape[-1] == WORDS and (not cut or len(ids) <= 2)
        return distribution.gather(-1, ids[..., None])[..., 0] - distribution.amax(-1)

    model, rows, found = MODELS[name]().eval(), batch(), []
    for cut in (False, True):
        in_pieces(cut)
        head.pieces.PIECE["cpu"] = 2 * WORDS
        found.append(filtered_logprobs(model, rows, 0.7, rule) * rows.mask)
    torch.testing.assert_close(*found, rtol=1e-6, atol=2e-6)
    assert found[0].abs().max() > 0


def test_a_batch_of_padding_gives_gradients_of_zero(in_pieces):
    """Every rank must run the same backward, also one without a row."""
    model = tiny_model(TINY, WORDS, 1, 0)
    rows = batch((2, 2))
    rows.mask.zero_()
    in_pieces(True)
    scores = token_scores(model, rows, 1.0)
    (scores.logp * rows.mask).sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())
    assert not scores.logp.any() and not scores.entropy.any()


def test_tokens_without_a_gradient_cost_no_backward(in_pieces, monkeypatch):
    model, rows = tiny_model(TINY, WORDS, 1, 0), batch((5, 5))
    in_pieces(True)
    seen = []
    monkeypatch.setattr(head, "_gradients", lambda *a, make=head._gradients: (seen.append(len(a[3])), make(*a))[1])
    (token_scores(model, rows, 1.0).logp[0] * torch.tensor([1.0, 0, 2, 0, 0])).sum().backward()
    assert seen == [2]


def test_what_is_no_plain_head_goes_the_old_way(in_pieces):
    """A head whose products are bent in a way that is not known, or that is another kind of layer."""

    class Bent(type(tiny_model(TINY, WORDS, 1, 0))):
        def forward(self, **inputs):
            out = super().forward(**inputs)
            out.logits = out.logits**3
            return out

    class OtherHead(torch.nn.Linear):
        def forward(self, hidden):
            return super().forward(hidden) + 1.0

    rows, bent, other = batch(), tiny_model(TINY, WORDS, 1, 0), tiny_model(TINY, WORDS, 1, 0)
    bent.__class__ = Bent
    other.lm_head.__class__ = OtherHead
    for model in (bent, other):
        in_pieces(False)
        whole = token_scores(model, rows, 1.0).logp
        in_pieces(True)
        assert torch.equal(token_scores(model, rows, 1.0).logp, whole)
