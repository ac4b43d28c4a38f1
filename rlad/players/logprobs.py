"""What a model says of given completions: log-probs, entropies and ranks of their tokens, without full logits.

A model's output head is asked in place: while the model runs, the head's `forward` gives the scores of its tokens
instead of their logits. Whatever surrounds a head (DeepSpeed's gathering of a partitioned weight, once per forward and
once per backward; tied embeddings; adapters below it) stays as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import torch

from rlad.players import pieces
from rlad.players.blocks import block_mask
from rlad.players.head import Float32Head, Squash, head_ranks, head_scores

SHRINK = 1e-5
"""Scores so much smaller pass a soft cap unchanged: tanh x = x (1 - x^2 / 3)."""
PROBE = torch.tensor([-300.0, -20.0, -1.0, 0.0, 0.5, 7.0, 40.0])


class Completions(Protocol):
    """B completions of at most C tokens, in B padded rows of P + C positions, where all of them begin at position P; or
    anywhere in R rows of L positions, with a `place`. Plain rows may stand behind S positions that a `cache` holds."""

    input_ids: torch.Tensor
    """(B, P + C) or (R, L)"""
    attention_mask: torch.Tensor | None
    """(B, P + C), or (2, R, L): the numbers of which `block_mask` makes a mask; None = positions that begin anew say
    where a sequence does. Behind a cache (B, S + P + C)."""
    position_ids: torch.Tensor
    """(B, P + C) or (R, L)"""
    place: torch.Tensor | None
    """(B, C) int64: which of the R x L positions, row by row, predicts each token. None = the rows are plain."""
    completion: torch.Tensor
    """(B, C) token ids"""
    mask: torch.Tensor
    """(B, C) float: 1 on completion tokens"""


@dataclass(frozen=True)
class Scores:
    """All (B, C), 0 on padding where the pieces were used; log-probs and entropies float32, nats."""

    logp: torch.Tensor
    entropy: torch.Tensor | None = None
    rank: torch.Tensor | None = None
    """int64, 1 = no word is likelier."""


def completion_logits(model, batch: Completions) -> torch.Tensor:
    """Logits (B, C, V) of the completion's tokens."""
    if batch.place is None:
        return _run(model, batch)[:, :-1]
    head = _module(model).get_output_embeddings()
    with _answering(head, lambda hidden: type(head).forward(head, hidden.flatten(0, 1)[batch.place])):
        return _run(model, batch)


def token_scores(
    model, batch: Completions, temperature: float, entropy: bool | str = True, rank: bool = False
) -> Scores:
    """Scores of the completion's tokens at the sampling temperature.

    Args:
        entropy: False = none, True = without gradient, "grad" = with one.
        rank: also the place of each token among the words, without gradient.

    Collective where the model is partitioned.
    """
    cut = _cut(model, batch, temperature)
    if cut is None:
        return scores_of(completion_logits(model, batch), batch, temperature, entropy, rank)
    head, squash = cut
    # What the model does with its head's products it does with the scores too.
    through = 1 / squash.scale if squash.cap is None else SHRINK
    here, found = batch.mask > 0, {}

    def scores(hidden: torch.Tensor) -> torch.Tensor:
        given = (*_inputs(head, hidden, batch), batch.completion[here], squash)
        if rank:
            found["rank"] = head_ranks(*given)
        padded = [_padded(values, here, 0.0) for values in head_scores(*given, entropy == "grad")]
        return torch.stack(padded, dim=-1) * through

    with _answering(head, scores):
        logp, entropies = (_run(model, batch) / (through * squash.scale)).unbind(-1)
    if entropy != "grad":
        entropies = entropies.detach() if entropy else None
    return Scores(logp, entropies, _padded(found["rank"], here, 1) if rank else None)


@torch.no_grad()
def filtered_logprobs(
    model, batch: Completions, temperature: float, rule: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """A rule's values (B, C) for the completion's tokens, 0 on padding where pieces were used; no gradient.

    rule: (log-probs (..., V) over the vocabulary, token ids (...)) -> (...). It sees whole distributions, so here the
    tokens are cut instead of the vocabulary. Collective where the model is partitioned.
    """
    cut = _cut(model, batch, temperature)
    if cut is None:
        distribution = torch.log_softmax(completion_logits(model, batch).float() / temperature, dim=-1)
        return rule(distribution, batch.completion)
    head, squash = cut
    here, found = batch.mask > 0, []

    def values(hidden: torch.Tensor) -> torch.Tensor:
        states, weight, bias = _inputs(head, hidden, batch)
        tokens = pieces.tokens(len(weight), states.device.type)
        for part, ids in zip(states.split(tokens), batch.completion[here].split(tokens), strict=True):
            products = torch.nn.functional.linear(part, weight, bias).float()
            found.append(rule(torch.log_softmax(squash.forward(products), dim=-1), ids))
        return hidden[..., :1]

    with _answering(head, values):
        _run(model, batch)
    return _padded(torch.cat(found), here, 0.0)


def _cut(model, batch: Completions, temperature: float) -> tuple[torch.nn.Module, Squash] | None:
    """The head to be asked in pieces and what happens to its products; None where full logits are made."""
    squash = _squash(model, batch)
    if squash is None:
        return None
    head = _module(model).get_output_embeddings()
    whole = batch.completion.numel() * head.out_features <= pieces.WHOLE
    return None if whole else (head, Squash(temperature, squash.scale, squash.cap))


def _inputs(head: torch.nn.Module, hidden: torch.Tensor, batch: Completions) -> tuple[torch.Tensor, ...]:
    """States (N, D) that predict the tokens on the batch's mask, weight and bias of the head."""
    here = batch.mask > 0
    if batch.place is None:
        states = hidden[:, -here.shape[1] - 1 : -1][here]
    else:
        states = hidden.flatten(0, 1)[batch.place[here]]
    weight, bias = head.weight, head.bias
    if isinstance(head, Float32Head):
        states, weight, bias = states.float(), weight.float(), None if bias is None else bias.float()
    return states, weight, bias


def _padded(values: torch.Tensor, here: torch.Tensor, otherwise: float) -> torch.Tensor:
    """Values (N,) where the mask is, something else elsewhere: (B, C)."""
    return torch.full(here.shape, otherwise, dtype=values.dtype, device=here.device).masked_scatter(here, values)


def scores_of(
    logits: torch.Tensor, batch: Completions, temperature: float, entropy: bool | str = True, rank: bool = False
) -> Scores:
    """What `token_scores` gives, from logits (B, C, V)."""
    distribution = torch.log_softmax(logits.float() if temperature == 1 else logits.float() / temperature, dim=-1)
    logp = distribution.gather(-1, batch.completion[..., None])
    entropies = None
    if entropy:
        with torch.set_grad_enabled(entropy == "grad" and torch.is_grad_enabled()):
            entropies = -(distribution.exp() * distribution).sum(-1)
    return Scores(logp[..., 0], entropies, (distribution > logp).sum(-1) + 1 if rank else None)


def _module(model):
    """The Hugging Face model of a DeepSpeed engine, or the model itself."""
    return getattr(model, "module", model)


def _run(model, batch: Completions) -> torch.Tensor:
    """Logits, or what the head answers instead: of the completions and one position before, or of all."""
    mask = batch.attention_mask
    cache = getattr(batch, "cache", None)
    return model(
        input_ids=batch.input_ids,
        attention_mask=mask if batch.place is None or mask is None else block_mask(*mask, _module(model).dtype),
        position_ids=batch.position_ids,
        use_cache=cache is not None,
        logits_to_keep=batch.completion.shape[1] + 1 if batch.place is None else 0,
        **({} if cache is None else {"past_key_values": cache}),
    ).logits


@contextlib.contextmanager
def _answering(head: torch.nn.Module, forward: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Another `forward` in the head's place: its hooks, those that gather its weight too, run around it."""
    head.forward = forward
    try:
        yield
    finally:
        del head.forward


_KNOWN: WeakKeyDictionary[torch.nn.Module, Squash | None] = WeakKeyDictionary()
"""By output head: models are asked once."""


def _squash(model, batch: Completions) -> Squash | None:
    """What a model does with its head's products; None where that is nothing that `Squash` describes.

    It is asked, not looked up: numbers go in where the head's products would, and what comes out is compared. The first
    call runs one token through the model, on every rank alike, whatever its batch.
    """
    module = _module(model)
    head = module.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear) or type(head).forward not in (
        torch.nn.Linear.forward,
        Float32Head.forward,
    ):
        return None
    if head not in _KNOWN:
        cap = getattr(module.config.get_text_config(), "final_logit_softcapping", None)
        _KNOWN[head] = _asked(model, head, batch, cap)
    return _KNOWN[head]


@torch.no_grad()
def _asked(model, head: torch.nn.Module, batch: Completions, cap: float | None) -> Squash | None:
    inside = PROBE.to(batch.mask.device)[None, None]
    one = torch.ones_like(batch.input_ids[:1, :1])
    with _answering(head, lambda hidden: inside.clone()):
        outside = model(
            input_ids=one, attention_mask=one, position_ids=one - 1, use_cache=False, logits_to_keep=1
        ).logits
    if outside.shape != inside.shape:
        return None
    scale = outside[..., -1:] / inside[..., -1:] if cap is None else torch.tensor(1.0)
    squash = Squash(1.0, scale.item(), cap)
    same = torch.allclose(squash.forward(inside.clone()), outside.float(), rtol=1e-5, atol=1e-5)
    return squash if same else None
