"""Soft Thinking with Cold Stop (2505.15778), and its Gumbel variant (2508.03440): thoughts of mixed embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import decoding, key
from rlad.generation.base import Sampling
from rlad.generation.decoding.base import DecodingMethod, GrowingSequence, Trace, Writer, by_prompt, in_turn, traces_of

if TYPE_CHECKING:
    import torch


@dataclass
class SoftThinkingKeys:
    top_p: float = key(0.95, above=0, most=1)
    """The likeliest tokens of a thinking step that hold this much of the probability."""
    top_k: int = key(30, least=1)
    """Most tokens before the mixture is cut to `mixed`."""
    min_p: float = key(0.001, least=0, below=1)
    """Tokens with less than this share of the likeliest one's probability are left out."""
    mixed: int = key(10, least=1)
    """Most tokens in the mixture that is fed back."""
    cold: float = key(0.01, least=0)
    """Cold Stop: a thinking step of less entropy (nats, unfiltered) is a cold one."""
    patience: int = key(256, least=1)
    """Cold steps in a row after which the thought is closed."""


@dataclass
class SoftGumbelKeys(SoftThinkingKeys):
    mixed: int = key(5, least=1)
    """Most tokens in the mixture that is fed back."""
    gumbel_temperature: float = key(0.5, above=0)
    """Of the softmax over log p + Gumbel noise: towards 0 a draw, large an even mixture."""


def filtered(p: torch.Tensor, keys: SoftThinkingKeys) -> tuple[torch.Tensor, torch.Tensor]:
    """The mixture of a step: probabilities (B, n) and tokens (B, n) after top-k, top-p, min-p and the cut to `mixed`.

    >>> import torch
    >>> weights, ids = filtered(torch.tensor([[0.6, 0.3, 0.1]]), SoftThinkingKeys(top_p=0.8, mixed=2))
    >>> weights.tolist(), ids.tolist()  # .6 and .3 reach .8 together
    ([[0.6666666865348816, 0.3333333432674408]], [[0, 1]])
    """
    top, ids = p.topk(min(keys.top_k, p.shape[-1]), dim=-1)
    before = top.cumsum(-1) - top
    kept = (before < keys.top_p * top.sum(-1, keepdim=True)) & (top >= keys.min_p * top[:, :1])
    top, ids = (top * kept)[:, : keys.mixed], ids[:, : keys.mixed]
    return top / top.sum(-1, keepdim=True), ids


def gumbel(weights: torch.Tensor, noise: torch.Tensor, temperature: float) -> torch.Tensor:
    """softmax((log p + g) / temperature) of a mixture (B, n) with Gumbel noise g of its shape.

    >>> import torch
    >>> gumbel(torch.tensor([[0.6, 0.4]]), torch.zeros(1, 2), 0.5).tolist()  # .36 and .16 of .52
    [[0.692307710647583, 0.307692289352417]]
    """
    return ((weights.log() + noise) / temperature).softmax(-1)


def cold_steps(count: int, entropy: float, cold: float) -> int:
    """Cold steps in a row, one step later.

    >>> counts = [0]
    >>> for entropy in (0.005, 0.005, 0.5, 0.005, 0.005, 0.005): counts.append(cold_steps(counts[-1], entropy, 0.01))
    >>> counts[1:]  # with patience 3 the thought is closed after the sixth step
    [1, 2, 0, 1, 2, 3]
    """
    return count + 1 if entropy < cold else 0


class _Soft(DecodingMethod):
    soft = True

    def __init__(self, writer: Writer, sampling: Sampling, keys: SoftThinkingKeys):
        super().__init__(writer, sampling)
        self.keys = keys

    def begin(self, row: GrowingSequence) -> None:
        row.state = {"thinking": True, "cold": 0, "fed": None}

    def choose(self, logits, rows: list[GrowingSequence]) -> list[int]:
        sampled = super().choose(logits, rows)
        p = (logits.float() / (self.sampling.temperature or 1.0)).softmax(-1)
        entropy = -(p * p.clamp(min=1e-30).log()).sum(-1)
        weights, ids = self.mixed(*filtered(p, self.keys))
        table = self.writer.sampler.model.get_input_embeddings()(ids)  # (B, n, D)
        fed = (weights[..., None].to(table.dtype) * table).sum(1)
        top = ids.gather(-1, weights.argmax(-1, keepdim=True))[:, 0].tolist()
        for i, row in enumerate(rows):
            row.state["fed"] = None
            if row.state["thinking"] and not row.forced:
                row.state |= {"fed": fed[i], "cold": cold_steps(row.state["cold"], float(entropy[i]), self.keys.cold)}
                sampled[i] = top[i]
        return sampled

    def mixed(self, weights: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is fed back of a mixture."""
        return weights, ids

    def settle(self, row: GrowingSequence, token: int) -> int:
        """The likeliest token of a mixture stands for it in the text; where that ends the thought, thinking is over."""
        own, marks = row.state, self.marks
        if not own["thinking"]:
            return token
        if own["cold"] >= self.keys.patience:
            own |= {"thinking": False, "fed": None}
            row.forced = [*marks.close, *([] if marks.close else marks.cue)]
            return row.forced.pop(0)
        if token in self.writer.eos or marks.ends([*row.ids, token]):
            own |= {"thinking": False, "fed": None}
        return token

    def mixture(self, row: GrowingSequence) -> torch.Tensor | None:
        return row.state["fed"]


class _SoftGumbel(_Soft):
    def mixed(self, weights: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        race = weights.new_empty(weights.shape).exponential_(generator=self.writer.generator)
        return gumbel(weights, -race.log(), self.keys.gumbel_temperature), ids


@decoding("soft_thinking", keys=SoftThinkingKeys, source="2505.15778")
def soft_thinking(
    writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling, keys: SoftThinkingKeys
) -> list[list[Trace]]:
    """Thinking steps feed back the mean embedding of the likeliest tokens; tokens are sampled from the answer on.

    Every mixture counts as a token. Thoughts of one prompt are alike; what is sampled is the answer.
    """
    rows = writer.write(in_turn(prompts, samples), _Soft(writer, sampling, keys), sampling.max_new_tokens)
    return by_prompt(traces_of(rows), samples)


@decoding("soft_thinking_gumbel", keys=SoftGumbelKeys, source="2508.03440")
def soft_thinking_gumbel(
    writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling, keys: SoftGumbelKeys
) -> list[list[Trace]]:
    """Soft Thinking whose mixtures are drawn with Gumbel noise, so that thoughts of one prompt differ."""
    rows = writer.write(in_turn(prompts, samples), _SoftGumbel(writer, sampling, keys), sampling.max_new_tokens)
    return by_prompt(traces_of(rows), samples)
