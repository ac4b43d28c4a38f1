"""What a candidate must pass that costs no call, and the statistics of what its calls gave."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from rlad.config import DistillConfig
from rlad.entropy.diversity import text_clusters
from rlad.problems import Problem, World
from rlad.reasoning.leaks import finding

_UNFIT = re.compile(r"\\boxed|</?[a-z]+>|^\s*(?:sure|certainly|of course|here (?:is|are)|as an ai)\b", re.IGNORECASE)
_REFERS = re.compile(
    r"\b(?:the|this|that|these|those|both|first|second)\s+(?:attempts?|traces?|solutions? (?:above|shown|given))\b",
    re.I,
)


def fault(text: str, problem: Problem, config: DistillConfig, world: World | None = None) -> tuple[str, str] | None:
    """(gate, reason) of the first gate that a candidate fails; None where it passes format, length and leak.

    What leaks is training's own rule: the world's where it has one, else that for English.
    """
    if not text:
        return "format", "it is empty, or a thought that does not end"
    if found := _UNFIT.search(text) or _REFERS.search(text):
        return "format", f"'{found[0].strip()}' has no place in an abstraction"
    if len(text) < config.least_chars:
        return "length", f"{len(text)} characters are fewer than {config.least_chars}"
    if len(text) > config.most_chars:
        return "length", f"{len(text)} characters are more than {config.most_chars}"
    found = finding(problem, text, world)
    return ("leak", f"{found.reason}: {found.quote}") if found.leak else None


def first_of_each(texts: Sequence[str], cut: float) -> list[int | None]:
    """For every text the earlier one with nearly the same wording (chrF of at least `cut` percent); None for the first.

    >>> first_of_each(["count the pairs", "draw a picture", "count the pairs."], 70)
    [None, None, 0]
    """
    labels = text_clusters([" ".join(text.split()) for text in texts], cut)
    return [None if labels.index(label) == i else labels.index(label) for i, label in enumerate(labels)]


def chance_of_gain(right: int, of: int, bare_right: int, bare_of: int) -> float:
    """Fisher's exact test, one-sided: how likely so many right solutions with an abstraction are where it does nothing.

    Given how many are right in all, those with the abstraction are drawn at random (hypergeometric). The test is
    conservative: of useless abstractions at most the share alpha passes at alpha, at most samples far fewer.

    >>> round(chance_of_gain(8, 8, 4, 8), 4), chance_of_gain(0, 8, 0, 8)
    (0.0385, 1.0)
    """
    total, marked = of + bare_of, right + bare_right
    ways = sum(math.comb(marked, k) * math.comb(total - marked, of - k) for k in range(right, min(of, marked) + 1))
    return ways / math.comb(total, of)


def probe_bound(samples: int, confidence: float = 0.95) -> float:
    """The largest leak rate that `samples` wrong answers of as many leave possible, at a confidence.

    >>> round(probe_bound(16), 4)
    0.1707
    """
    return 1 - (1 - confidence) ** (1 / samples) if samples else 1.0


def by_vectors(encode: Callable[[list[str]], object], texts: Sequence[str], cut: float) -> list[int]:
    """Strategies by a sentence encoder: average linkage on the cosine, cut at `cut`; a number per text."""
    import numpy as np

    if len(texts) < 2:
        return [0] * len(texts)
    from scipy.cluster.hierarchy import fcluster, linkage

    vectors = np.asarray(encode(list(texts)))
    far = np.clip(1 - vectors @ vectors.T, 0, 2)
    labels = fcluster(linkage(far[np.triu_indices(len(texts), 1)], "average"), 1 - cut, criterion="distance").tolist()
    names: dict[int, int] = {}
    return [names.setdefault(label, len(names)) for label in labels]
