"""Rows to micro-batches, the same number of them on every rank."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rlad.players.logprobs import token_scores
from trainers.data.rows import Row
from trainers.learner.branches import Inputs, padded, side_by_side
from trainers.learner.layout import MicroBatch, Sharing, laid_out
from trainers.learner.token_budget import plan_by_tokens
from trainers.runtime import zero3


@dataclass(frozen=True)
class Batch:
    """A micro-batch of B rows, whose completions are padded to C tokens.

    Everything that an update needs to know of its rows is here: `collate` makes it of them once, and an update adds
    what it measures and chooses (`old` to `kept_factor`). The forward has B times P + C positions, prompts padded on
    the left, so that completions start together; or R times L, in which rows share prompts and lie side by side.
    """

    index: list[int]
    """Place of each row in the list that was collated; -1 = a padding row that weighs nothing."""
    input_ids: torch.Tensor
    """(B, P + C), or (R, L)"""
    attention_mask: torch.Tensor | None
    """(B, P + C), or (2, R, L): of every position the number of its prompt and of its completion (branches.py); None
    where the positions say it."""
    position_ids: torch.Tensor
    """(B, P + C), or (R, L)"""
    place: torch.Tensor | None
    """(B, C) int64: which of the R x L positions, row by row, predicts each token; None in B x (P + C) positions."""
    completion: torch.Tensor
    """(B, C) token ids"""
    mask: torch.Tensor
    """(B, C) float: 1 on tokens that the player wrote, 0 on padding and on what a tool has put there"""
    advantage: torch.Tensor
    """(B, C): every token's advantage, 0 where nothing is learnt from."""
    sampler_logprobs: torch.Tensor
    """(B, C) nats: the sampler's log-probs; 0 on padding, and where the rows carry none."""
    pg_weight: torch.Tensor
    """(B, 1): 0 without a policy gradient; like the following ones 0 on padding rows."""
    kl_weight: torch.Tensor
    """(B, 1)"""
    copies: torch.Tensor
    """(B, 1): how many samples a row stands for; 0 where it is no sample of this prompt but distilled into it."""
    bare: torch.Tensor
    """(B, 1): 1 on rows without an abstraction in a run with abstractions."""
    gamma: torch.Tensor
    """(B, 1): gamma of the shaped ratio, 0 = an ordinary sample."""
    distillation: torch.Tensor
    """(B, C): of distilled rows the coefficient times A, for all their copies, over the row's length; else 0."""
    distilled: int
    """Samples that the distilled rows stand for."""
    prompt: torch.Tensor
    """(B, 1) int64: the same number for the same prompt, on every rank."""
    old: torch.Tensor | None = None
    """(B, C) nats: the trainer's log-probs of before the first update; None in the first, where they are its own."""
    weight: torch.Tensor | None = None
    """(B, 1): what each token's loss weighs in the step's."""
    chosen: torch.Tensor | None = None
    """(B, C) in 0..1: share of each token's copies that the loss chose; None for losses that don't choose."""
    filtered: torch.Tensor | None = None
    """(B, C) nats: the trainer's log-probs of before the first update as the loss filters them, if it does."""
    kept: torch.Tensor | None = None
    """(B, C) in 0..1: share of each token's copies that keeps its policy gradient; None without forking tokens."""
    kept_factor: torch.Tensor | None = None
    """(B, 1): what `forking.denominator` multiplies the kept ones by."""


def mini_batches(rows: list[Row], count: int, device: torch.device) -> list[list[Row]]:
    """This rank's rows of each of `count` mini-batches, which hold the same rows however these were dealt to ranks.

    Different texts (prompt with completion) of all ranks are put in the order of their hashes, which is as good as a
    shuffle and the same everywhere, and dealt round; rows of one text stay together. Collective if count > 1.
    """
    if count == 1:
        return [rows]
    keys = [hash((row.prompt, row.completion)) for row in rows]  # tuples of whole numbers hash alike everywhere
    everyone, _ = zero3.concatenated(torch.tensor(keys, dtype=torch.int64, device=device)[:, None])
    place = {key: number for number, key in enumerate(everyone.unique().tolist())}
    dealt: list[list[Row]] = [[] for _ in range(count)]
    for row, key in zip(rows, keys, strict=True):
        dealt[place[key] % count].append(row)
    return dealt


def plan_micro_batches(lengths: list[int], micro_batch: int) -> list[list[int]]:
    """Splits rows (given by length) into micro-batches of at most `micro_batch` rows of like length.

    >>> plan_micro_batches([5, 1, 4], 2)
    [[1, 2], [0]]
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return [order[i : i + micro_batch] for i in range(0, len(order), micro_batch)]


def micro_batches(
    rows: list[Row], size: int, pad_id: int, device: torch.device, tokens: int = 0, sharing: Sharing | None = None
) -> list[Batch]:
    """The rows in micro-batches of at most `size` rows or `tokens` positions, equally many on all ranks. Collective.

    Rows share prompts and lie side by side where `sharing` finds that cheaper. Ranks with fewer micro-batches get
    padding rows, because a rank that runs fewer forwards than the others hangs a ZeRO-3 job.
    """
    sizes = [(len(row.prompt), len(row.completion)) for row in rows]
    plan = plan_by_tokens(sizes, tokens) if tokens else plan_micro_batches(list(map(sum, sizes)), size)
    shared = None
    if sharing is not None:
        widths = [[max(sizes[i][side] for i in part) for side in (0, 1)] for part in plan]
        plain = sum(sharing.cost(len(part), sum(width)) for part, width in zip(plan, widths, strict=True))
        shared = laid_out(rows, sharing, size, tokens, plain)
    missing = int(zero3.largest(len(shared or plan), device)) - len(shared or plan)
    if shared is not None:
        batches = [collate_shared(rows, own, pad_id, device, sharing.varlen) for own in shared]
    else:
        batches = [collate(rows, index, pad_id, device) for index in plan]
    return batches + [collate(rows, [-1], pad_id, device) for _ in range(missing)]


def collate(rows: list[Row], index: list[int], pad_id: int, device: torch.device) -> Batch:
    """Pads the rows named by `index`; -1 stands for a padding row of one token."""
    nothing = Row((pad_id,), (pad_id,), pg_weight=0.0, kl_weight=0.0, copies=0)
    chosen = [rows[i] if i >= 0 else nothing for i in index]
    left = max(len(row.prompt) for row in chosen)
    before = [[pad_id] * (left - len(row.prompt)) for row in chosen]
    ids = padded([[*pad, *row.prompt, *row.completion] for pad, row in zip(before, chosen, strict=True)], pad_id)
    ones = [[1] * (len(row.prompt) + len(row.completion)) for row in chosen]
    attention = padded([[0] * len(pad) + own for pad, own in zip(before, ones, strict=True)], 0)
    position = (attention.cumsum(1) - 1).clamp(min=0)
    mask = attention[:, left:].float() * torch.tensor([float(i >= 0) for i in index])[:, None]
    _leave_given_out(mask, chosen)
    return _batch(chosen, index, Inputs(ids, attention, position), ids[:, left:], mask, device)


def collate_shared(
    rows: list[Row], micro_batch: MicroBatch, pad_id: int, device: torch.device, varlen: bool = False
) -> Batch:
    """The rows of a micro-batch behind shared prompts, side by side; `varlen` ones have no mask."""
    index = [i for row in micro_batch for part in row for i in part]
    chosen = [rows[i] for i in index]
    completion = padded([row.completion for row in chosen], pad_id)
    mask = padded([[1.0] * len(row.completion) for row in chosen], 0.0)
    _leave_given_out(mask, chosen)
    return _batch(chosen, index, side_by_side(rows, micro_batch, pad_id, varlen), completion, mask, device)


def _leave_given_out(mask: torch.Tensor, chosen: list[Row]) -> None:
    """Sets the mask (B, C) to 0 on the tokens that a tool has put there."""
    for place, row in enumerate(chosen):
        for begin, end in row.given:
            mask[place, begin:end] = 0


def _batch(
    chosen: list[Row],
    index: list[int],
    inputs: Inputs,
    completion: torch.Tensor,
    mask: torch.Tensor,
    device: torch.device,
) -> Batch:
    """The rows `chosen`, with the forward that reads them, on the device."""
    everything = (None if t is None else t.to(device) for t in (*inputs, completion, mask))
    ids, attention, position, place, completion, mask = everything

    def per_row(values: list, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.tensor(values, dtype=dtype, device=device)[:, None]

    pg_weight = per_row([row.pg_weight for row in chosen])
    return Batch(
        index=index,
        input_ids=ids,
        attention_mask=attention,
        position_ids=position,
        place=place,
        completion=completion,
        mask=mask,
        advantage=_per_token([row.per_token for row in chosen], mask) * pg_weight,
        sampler_logprobs=_per_token([row.sampler_logprobs or () for row in chosen], mask),
        pg_weight=pg_weight,
        kl_weight=per_row([row.kl_weight for row in chosen]),
        copies=per_row([0 if row.distillation else row.copies for row in chosen]),
        bare=per_row([float(row.bare) for row in chosen]),
        gamma=per_row([row.shaping for row in chosen]),
        distillation=_per_token([row.per_token for row in chosen], mask)
        * per_row([row.distillation * row.copies / row.length for row in chosen]),
        distilled=sum(row.copies for row in chosen if row.distillation),
        # A tuple of whole numbers hashes alike everywhere; 52 bits are exact in float64 too.
        prompt=per_row([hash(row.prompt) & (2**52 - 1) for row in chosen], torch.int64),
    )


def _per_token(values: list[tuple[float, ...]], mask: torch.Tensor) -> torch.Tensor:
    """Lists of at most C values, padded with zeros to the shape of `mask`, (B, C); 0 where that is 0."""
    return torch.where(mask > 0, padded(values, 0.0, mask.shape[1]).to(mask), 0.0)


def token_logprobs(model, batch: Batch, temperature: float, with_entropy: bool | str = True):
    """Log-probs (B, C) of the completion's tokens at the sampling temperature, and the entropies (B, C), in float32.

    The entropy carries no gradient unless `with_entropy` is "grad"; it is None with False.
    """
    scores = token_scores(model, batch, temperature, with_entropy)
    return scores.logp, scores.entropy
