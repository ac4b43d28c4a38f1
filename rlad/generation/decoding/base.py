"""What decoding methods share: rows that are decoded in step, and what was written in each of them.

A method hands a `DecodingMethod` to the `Writer`. In every step the method chooses a token for all rows at once; then
each row may have it replaced, or have tokens forced on it. A row's tokens are all that stands behind the plain prompt,
forced ones too: what a cue costs is the method's to pay. The end-of-sequence token counts as it does in plain sampling.
A method that declares `axis="KEY"` is a sweep's condition for every value of a list in that key (`budget_forcing.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rlad.generation.base import Sampling

if TYPE_CHECKING:
    import torch

    from rlad.generation.transformers import TransformersSampler


BOX = "\\boxed{"
"""Where an answer begins."""


@dataclass(frozen=True)
class Marks:
    """The parts of a solution in a player's own tokens: where thinking ends, and where the answer begins."""

    close: tuple[int, ...]
    """Closes a thought; empty where a player does not mark its thoughts: they end where the answer begins."""
    cue: tuple[int, ...]
    """Begins the answer."""
    done: tuple[int, ...]
    """Declares thinking finished: what stands for a thought that is not thought, without what closes it."""
    again: tuple[int, ...]
    """Makes a player think on."""
    piece: Callable[[int], str]
    """The text of one token."""

    def ends(self, ids: Sequence[int]) -> bool:
        """Whether the last token of what was written ends its thought: with the mark for that, else with a box."""
        if self.close:
            return tuple(ids[-len(self.close) :]) == self.close
        last = [self.piece(token) for token in ids[-8:]]
        return BOX in "".join(last) and BOX not in "".join(last[:-1])


@dataclass(frozen=True)
class Trace:
    """One solution that a method wrote."""

    token_ids: tuple[int, ...]
    """All that stands behind the plain prompt, as far as it is this solution's text."""
    tokens: int
    """Generated for this trace alone; what it shares with another is counted there."""
    weight: float = 1.0
    """Its vote; 0 = it was given up, or it is only on the way to another."""


@dataclass
class GrowingSequence:
    """A sequence while it is written."""

    owner: int
    """Which of the prompts it continues."""
    ids: list[int] = field(default_factory=list)
    forced: list[int] = field(default_factory=list)
    """Tokens that come next whatever the model says."""
    ended: bool = False
    notes: list[Any] = field(default_factory=list)
    """What the policy noted of each token that the model chose or was denied, in order."""
    state: dict[str, Any] = field(default_factory=dict)


class DecodingMethod:
    """Plain sampling; methods override what they do differently."""

    soft = False
    """Whether rows may be fed a mixture of embeddings (`mixture`)."""

    def __init__(self, writer: Writer, sampling: Sampling):
        self.writer, self.marks, self.sampling = writer, writer.marks, sampling

    def begin(self, row: GrowingSequence) -> None:
        """Before a row's first token."""

    def choose(self, logits: torch.Tensor, rows: list[GrowingSequence]) -> list[int]:
        """A token per row from `logits` (B, V); may note things in the rows."""
        from rlad.generation.transformers import sample_tokens

        token, _ = sample_tokens(logits, self.sampling.temperature, self.writer.generator)
        return token.tolist()

    def settle(self, row: GrowingSequence, token: int) -> int:
        """The token that is written in the place of the one that was chosen; may force more and end the row."""
        return token

    def mixture(self, row: GrowingSequence) -> torch.Tensor | None:
        """What a row is fed in the place of its last token's embedding, (D,); None = that."""


class Writer:
    """Decodes rows with a policy on a transformers sampler, as many together as its `max_batch`."""

    def __init__(self, sampler: TransformersSampler, marks: Marks, seed: int = 0):
        import torch

        self.sampler, self.marks = sampler, marks
        self.generator = torch.Generator(device=sampler.model.device).manual_seed(seed)
        self.eos = frozenset(sampler.eos.tolist())

    def write(
        self, prompts: Sequence[list[int]], policy: DecodingMethod, most: int | Sequence[int]
    ) -> list[GrowingSequence]:
        """A row per prompt, of at most `most` tokens (one number, or one for each)."""
        import torch

        limits = [most] * len(prompts) if isinstance(most, int) else list(most)
        found: list[GrowingSequence | None] = [None] * len(prompts)
        todo = [i for i, limit in enumerate(limits) if limit > 0]
        with torch.inference_mode():
            for start in range(0, len(todo), self.sampler.max_batch):
                part = todo[start : start + self.sampler.max_batch]
                for row in self._batch([prompts[i] for i in part], part, policy, limits):
                    found[row.owner] = row
        return [GrowingSequence(i) if row is None else row for i, row in enumerate(found)]

    def _batch(
        self, prompts: list[list[int]], owners: list[int], policy: DecodingMethod, limits: list[int]
    ) -> list[GrowingSequence]:
        import torch

        logits, cache, mask, position = self.sampler.prefill(prompts)
        rows, done = [GrowingSequence(owner) for owner in owners], []
        for row in rows:
            policy.begin(row)
        while True:
            self._step(policy, logits, rows, limits)
            keep = [i for i, row in enumerate(rows) if not row.ended]
            done += [row for row in rows if row.ended]
            if not keep:
                return done
            if len(keep) < len(rows):
                at = torch.tensor(keep, device=logits.device)
                cache.batch_select_indices(at)
                mask, position, rows = mask[at], position[at], [rows[i] for i in keep]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            fed = self._fed(policy, rows)
            out = self.sampler.model(
                **fed, attention_mask=mask, position_ids=position[:, None], past_key_values=cache, use_cache=True
            )
            logits, position = out.logits[:, -1], position + 1

    def _step(
        self, policy: DecodingMethod, logits: torch.Tensor, rows: list[GrowingSequence], limits: list[int]
    ) -> None:
        """One more token in every row."""
        for row, token in zip(rows, policy.choose(logits, rows), strict=True):
            chosen = row.forced.pop(0) if row.forced else policy.settle(row, token)
            row.ids.append(chosen)
            row.ended |= chosen in self.eos or len(row.ids) >= limits[row.owner]

    def _fed(self, policy: DecodingMethod, rows: list[GrowingSequence]) -> dict[str, torch.Tensor]:
        """The last tokens as the model takes them: ids, or embeddings where some are mixtures."""
        import torch

        model = self.sampler.model
        ids = torch.tensor([[row.ids[-1]] for row in rows], device=model.device)
        mixed = [policy.mixture(row) for row in rows] if policy.soft else []
        if all(one is None for one in mixed):
            return {"input_ids": ids}
        hard = model.get_input_embeddings()(ids)[:, 0]
        fed = [own if one is None else one.to(own.dtype) for own, one in zip(hard, mixed, strict=True)]
        return {"inputs_embeds": torch.stack(fed)[:, None]}


def in_turn(prompts: Sequence[list[int]], samples: int) -> list[list[int]]:
    """Every prompt `samples` times, copies next to each other."""
    return [prompt for prompt in prompts for _ in range(samples)]


def by_prompt(traces: Sequence[Trace], samples: int) -> list[list[Trace]]:
    """The traces of `in_turn` by prompt.

    >>> by_prompt(["a", "b", "c", "d"], 2)
    [['a', 'b'], ['c', 'd']]
    """
    return [list(traces[i : i + samples]) for i in range(0, len(traces), samples)]


def traces_of(rows: Sequence[GrowingSequence]) -> list[Trace]:
    """Rows as they are, one vote each."""
    return [Trace(tuple(row.ids), len(row.ids)) for row in rows]
