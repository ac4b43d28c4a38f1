"""Two models that decode one text together: each reads all of it, and a gate says whose token comes next."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch

from evals.routing.gate import Gate
from rlad.generation import Sampling
from rlad.generation.cache import roomy_cache
from rlad.generation.decoding.base import DecodingMethod, GrowingSequence, Marks, Writer
from rlad.generation.transformers import TransformersSampler, sample_coupled

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NO_MARKS = Marks((), (), (), (), str)


class PairedCache:
    """The caches of both models, row by row the same texts."""

    def __init__(self, base, trained):
        self.base, self.trained = base, trained

    def batch_select_indices(self, rows: torch.Tensor) -> None:
        """Keeps these rows of both."""
        self.base.batch_select_indices(rows)
        self.trained.batch_select_indices(rows)


class TwoModels(torch.nn.Module):
    """Runs both on the same tokens. Its logits are (B, 1, V + V + D): base's, trained's, and the base's last state."""

    def __init__(self, base: PreTrainedModel, trained: PreTrainedModel):
        super().__init__()
        self.base, self.trained, self.config = base, trained, base.config

    @property
    def device(self) -> torch.device:
        """Of the base; both are on one."""
        return self.base.device

    def forward(self, past_key_values, **given) -> SimpleNamespace:
        """As both models are called; a cache that is not of both is taken for the base's and joined by another."""
        both = past_key_values
        if not isinstance(both, PairedCache):
            both = PairedCache(past_key_values, roomy_cache(self.trained.config))
        base = self.base(past_key_values=both.base, output_hidden_states=True, **given)
        trained = self.trained(past_key_values=both.trained, **given)
        parts = (base.logits[:, -1:], trained.logits[:, -1:], base.hidden_states[-1][:, -1:])
        return SimpleNamespace(logits=torch.cat([part.float() for part in parts], -1), past_key_values=both)


def together(base: TransformersSampler, trained: TransformersSampler) -> TransformersSampler:
    """A sampler around both players' models, for a `Writer` with `Routed`."""
    return TransformersSampler(TwoModels(base.model, trained.model), base.eos.tolist(), base.pad_id, base.max_batch)


@dataclass(frozen=True)
class Rule:
    """Where the trained player is asked, and whether what it says is taken."""

    gate: Gate | None = None
    """None = no gate: `above` alone decides."""
    above: float = float("inf")
    """The trained player is asked where the gate's score (0 without one) is greater: -inf = always, inf = never."""
    guardrail: bool = False
    """Of both players' tokens the one is taken that the trained player finds likelier; else, where asked, its own."""
    seed: int = 0
    """Of the gate's noise."""


class Routed(DecodingMethod):
    """Both players draw with the same noise, so that they differ where they must; notes (asked, taken, disputed)."""

    def __init__(self, writer: Writer, sampling: Sampling, rule: Rule):
        super().__init__(writer, sampling)
        self.rule = rule
        self.generator = torch.Generator().manual_seed(rule.seed)

    def choose(self, logits: torch.Tensor, rows: list[GrowingSequence]) -> list[int]:
        width = self.writer.sampler.model.config.hidden_size
        vocabulary = (logits.shape[-1] - width) // 2
        base, trained, states = logits.split([vocabulary, vocabulary, width], -1)
        pairs = sample_coupled([base, trained], self.sampling.temperature, self.writer.generator)
        (own, _), (other, _) = pairs
        asked = self._asked(states.cpu(), torch.tensor([len(row.ids) for row in rows])).to(own.device)
        taken = asked & (own != other)
        if self.rule.guardrail:
            told = trained.gather(-1, torch.stack([own, other], -1))
            taken &= told[:, 1] > told[:, 0]
        for row, *note in zip(rows, *(flag.tolist() for flag in (asked, taken, own != other)), strict=True):
            row.notes.append(tuple(note))
        return torch.where(taken, other, own).tolist()

    def _asked(self, states: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        gate = self.rule.gate
        scores = torch.zeros(len(at)) if gate is None else gate.scores(states, at, self.generator)
        return scores > self.rule.above
