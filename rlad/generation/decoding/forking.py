"""Branching at forking tokens (ours): further solutions part from a first one where it was least sure.

Forking tokens are the few of high entropy at which a solution could have gone on otherwise (2506.01939). What stands
before them need not be written again, so a branch costs only what comes behind its fork.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlad.config.registry import decoding, key
from rlad.generation.base import Sampling
from rlad.generation.decoding.base import DecodingMethod, GrowingSequence, Trace, Writer


@dataclass
class ForkingKeys:
    least_entropy: float = key(0.1, least=0)
    """Tokens of less entropy (nats, at temperature 1) are no forks; without any, the trunk alone is there."""


def forks(entropies: Sequence[float], count: int, least: float) -> list[int]:
    """Places of `count` forks, in the order of their entropy; the same ones again where there are fewer.

    >>> forks([0.2, 1.0, 0.05, 0.6], 2, 0.1), forks([0.2, 0.0], 3, 0.1), forks([0.0], 2, 0.1)
    ([1, 3], [0, 0, 0], [])
    """
    places = sorted((i for i, entropy in enumerate(entropies) if entropy >= least), key=lambda i: -entropies[i])
    return [places[i % len(places)] for i in range(count)] if places else []


class _Trunk(DecodingMethod):
    """Samples, and notes entropies."""

    def choose(self, logits, rows: list[GrowingSequence]) -> list[int]:
        logp = logits.float().log_softmax(-1)
        for row, entropy in zip(rows, (-(logp.exp() * logp).nansum(-1)).tolist(), strict=True):
            row.notes.append(entropy)
        return super().choose(logits, rows)


class _Branch(DecodingMethod):
    """Samples, first of all another token than the trunk's."""

    def __init__(self, writer: Writer, sampling: Sampling, banned: Sequence[int]):
        super().__init__(writer, sampling)
        self.banned = banned

    def choose(self, logits, rows: list[GrowingSequence]) -> list[int]:
        if any(not row.ids for row in rows):
            logits = logits.clone()
            for i, row in enumerate(rows):
                if not row.ids:
                    logits[i, self.banned[row.owner]] = float("-inf")
        return super().choose(logits, rows)


@decoding("forking", keys=ForkingKeys)
def forking(
    writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling, keys: ForkingKeys
) -> list[list[Trace]]:
    """One sample, and branches that part from it at its tokens of highest entropy; one vote each.

    A branch takes another token than the trunk at its fork and goes on by sampling; it pays for that token and what
    follows, the trunk for what they share.
    """
    trunks = writer.write(prompts, _Trunk(writer, sampling), sampling.max_new_tokens)
    found = [[Trace(tuple(row.ids), len(row.ids))] for row in trunks]
    places = [(i, at) for i, row in enumerate(trunks) for at in forks(row.notes, samples - 1, keys.least_entropy)]
    begun = [[*prompts[i], *trunks[i].ids[:at]] for i, at in places]
    banned = [trunks[i].ids[at] for i, at in places]
    rows = writer.write(begun, _Branch(writer, sampling, banned), [sampling.max_new_tokens - at for _, at in places])
    for (i, at), row in zip(places, rows, strict=True):
        found[i].append(Trace((*trunks[i].ids[:at], *row.ids), len(row.ids)))
    return found
