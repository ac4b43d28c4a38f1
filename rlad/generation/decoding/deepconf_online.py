"""DeepConf online (2508.15260): traces are given up where their confidence falls below that of a few first ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlad.config.registry import decoding, key
from rlad.generation.base import Sampling
from rlad.generation.certainty import top_confidence, window_means
from rlad.generation.decoding.base import DecodingMethod, GrowingSequence, Trace, Writer, by_prompt, in_turn


@dataclass
class DeepConfOnlineKeys:
    warmup: int = key(4, least=1)
    """Traces of a problem that are written to their end and set the threshold; 16 in the paper."""
    keep: float = key(0.9, above=0, most=1)
    """Share of them that would pass it."""
    window: int = key(16, least=1)
    """Tokens over which confidence is averaged; 2,048 in the paper. Nothing is given up before it is full."""
    top: int = key(20, least=1)
    """Log-probs of which a token's confidence is the negative mean."""


def lowest(confidences: Sequence[float], window: int) -> float:
    """The lowest mean over a window of a trace; over all of it where it is shorter.

    >>> lowest([4, 2, 6, 4], 2), lowest([4, 2], 8)  # windows 3, 4, 5
    (3.0, 3.0)
    """
    return min(window_means(confidences, window))


def threshold(lows: Sequence[float], keep: float) -> float:
    """What the given share of the first traces' lowest windows lie above (linear between two of them).

    >>> threshold(range(1, 17), 0.1), threshold(range(1, 17), 0.9)  # 14 of 16 lie below, and 2
    (14.5, 2.5)
    """
    ordered = sorted(lows)
    place = (1 - keep) * (len(ordered) - 1)
    low = int(place + 1e-9)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (place - low) * (ordered[high] - ordered[low]), 12)


class _Watched(DecodingMethod):
    """Samples; gives a row up when a full window of it is below its prompt's threshold."""

    def __init__(self, writer: Writer, sampling: Sampling, keys: DeepConfOnlineKeys, thresholds: Sequence[float]):
        super().__init__(writer, sampling)
        self.keys, self.thresholds = keys, thresholds

    def choose(self, logits, rows: list[GrowingSequence]) -> list[int]:
        logp = logits.float().log_softmax(-1)
        for row, confidence in zip(rows, top_confidence(logp, self.keys.top).tolist(), strict=True):
            row.notes.append(confidence)
        return super().choose(logits, rows)

    def settle(self, row: GrowingSequence, token: int) -> int:
        if self.thresholds and len(row.notes) >= self.keys.window:
            mean = sum(row.notes[-self.keys.window :]) / self.keys.window
            row.ended = row.state["given up"] = mean < self.thresholds[row.owner]
        return token


@decoding("deepconf_online", keys=DeepConfOnlineKeys, source="2508.15260")
def deepconf_online(
    writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling, keys: DeepConfOnlineKeys
) -> list[list[Trace]]:
    """A few traces set a threshold; the others end where their confidence falls below it; the rest vote.

    A vote's weight is the lowest mean confidence over a window.

    What was given up is paid for up to there and does not vote; nor do first traces that are below the threshold.
    """
    first = min(keys.warmup, samples)
    most = sampling.max_new_tokens
    begun = writer.write(in_turn(prompts, first), _Watched(writer, sampling, keys, []), most)
    lows = [[lowest(row.notes, keys.window) for row in rows] for rows in by_prompt(begun, first)]
    limits = [threshold(own, keys.keep) for own in lows]
    further = samples - first
    watched = _Watched(writer, sampling, keys, [limit for limit in limits for _ in range(further)])
    rest = (
        by_prompt(writer.write(in_turn(prompts, further), watched, most), further) if further else [[]] * len(prompts)
    )
    found = []
    for early, late, limit in zip(by_prompt(begun, first), rest, limits, strict=True):
        found.append([_trace(row, limit, keys.window) for row in [*early, *late]])
    return found


def _trace(row: GrowingSequence, limit: float, window: int) -> Trace:
    low = lowest(row.notes, window)
    votes = not row.state.get("given up") and low >= limit
    return Trace(tuple(row.ids), len(row.ids), low if votes else 0.0)
