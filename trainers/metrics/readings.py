"""What one rank read off a step, summed over ranks and turned into the numbers of metrics.jsonl.

Everything is kept as counts, sums or single tokens until all ranks are together, so the numbers do not depend on how a
step was split over them.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from rlad.entropy.covariance import covariance_profile
from rlad.entropy.formats import counted_profile
from rlad.entropy.shares import shares_entropy
from rlad.entropy.tokens import entropy_profile, forking_overlap

Sums = dict[str, np.ndarray]
"""Name -> (sum, count)."""


@dataclass
class TokenReading:
    """Columns over N tokens of the rows that were learnt from; a row that stands for copies is there as often."""

    entropy: np.ndarray
    logp: np.ndarray
    advantage: np.ndarray
    learnt: np.ndarray
    """bool: whether the token carries a policy gradient (those of bare prompts do not)."""
    planning: np.ndarray | None
    """bool; None where no strategic grams were mined"""
    sequences: np.ndarray
    """(sum over sequences of their mean entropy, sequences)"""

    @classmethod
    def joined(cls, parts: list[TokenReading]) -> TokenReading:
        columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in ("entropy", "logp", "advantage")}
        planning = None if parts[0].planning is None else np.concatenate([p.planning for p in parts])
        learnt = np.concatenate([p.learnt for p in parts])
        return cls(**columns, learnt=learnt, planning=planning, sequences=sum(p.sequences for p in parts))

    def thinned(self, most: int) -> TokenReading:
        """Every so many-th token, so that at most `most` are left."""
        step = max(1, math.ceil(len(self.entropy) / most))
        kept = {name: getattr(self, name)[::step] for name in ("entropy", "logp", "advantage", "learnt")}
        planning = None if self.planning is None else self.planning[::step]
        return TokenReading(**kept, planning=planning, sequences=self.sequences)

    def numbers(self, forking_entropy: float) -> dict:
        """What `instruments` says of the tokens; nothing without tokens."""
        if not len(self.entropy):
            return {}
        found: dict = {"token_entropy": entropy_profile(self.entropy, forking_entropy)}
        found["sequence_entropy"] = float(self.sequences[0] / self.sequences[1])
        if self.learnt.any():
            found["covariance"] = covariance_profile(self.logp[self.learnt], self.advantage[self.learnt])
        if self.planning is not None:
            found["planning"] = self._planning(self.planning)
        return found

    def _planning(self, planning: np.ndarray) -> dict:
        found: dict = {"share": float(planning.mean())}
        if planning.any():
            found["entropy"] = float(self.entropy[planning].mean())
        if not planning.all():
            found["execution_entropy"] = float(self.entropy[~planning].mean())
            found["execution_perplexity"] = math.exp(-float(self.logp[~planning].mean()))
        return found


@dataclass
class TextReading:
    """What stands in a player's texts, as counts."""

    formats: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    """Of each format, how many texts were correct."""
    judged: bool = False
    lengths: list[int] = field(default_factory=list)
    repetition: float = 0.0
    """Sum over the texts."""
    grams: Counter[tuple[str, ...]] | None = None

    @classmethod
    def joined(cls, parts: list[TextReading]) -> TextReading:
        whole = cls(judged=parts[0].judged, grams=None if parts[0].grams is None else Counter())
        for part in parts:
            whole.formats.update(part.formats)
            whole.right.update(part.right)
            whole.lengths += part.lengths
            whole.repetition += part.repetition
            if whole.grams is not None:
                whole.grams.update(part.grams or {})
        return whole

    def numbers(self) -> dict:
        """What `instruments` says of the texts; nothing without texts."""
        if not self.lengths:
            return {}
        quantiles = np.quantile(self.lengths, (0.1, 0.5, 0.9)).tolist()
        found: dict = {
            "formats": counted_profile(self.formats, self.right, self.judged),
            "length": dict(zip(("p10", "p50", "p90"), quantiles, strict=True)),
            "repetition": self.repetition / len(self.lengths),
        }
        if self.grams is not None:
            found["planning"] = {
                "semantic_entropy": shares_entropy(self.grams.values()),
                "grams_per_text": self.grams.total() / len(self.lengths),
            }
        return found


@dataclass
class RankReading:
    """Hidden states of a few texts, and the token entropies of the learner and of its base on the same texts; those of
    the base are missing where nothing keeps it."""

    dynamics: list[tuple[float, float, float]] = field(default_factory=list)
    """(ER, ERV, ERA) per text"""
    own: list[float] = field(default_factory=list)
    base: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    @classmethod
    def joined(cls, parts: list[RankReading]) -> RankReading:
        return cls(*([x for part in parts for x in getattr(part, name)] for name in cls.__dataclass_fields__))

    def numbers(self) -> dict:
        """Means over the texts, and the tokens that fork most often; nothing without texts."""
        if not self.dynamics:
            return {}
        means = np.mean(self.dynamics, axis=0).tolist()
        own = np.array(self.own)
        forks = Counter(token for token, _ in _forks(self.tokens, own))
        overlap = {"overlap_with_base": forking_overlap(np.array(self.base), own)} if self.base else {}
        return {
            "rank": dict(zip(("er", "erv", "era"), means, strict=True)),
            "forking": overlap | {"tokens": [token for token, _ in forks.most_common(10)]},
        }


def _forks(tokens: list[str], entropy: np.ndarray) -> list[tuple[str, float]]:
    from rlad.entropy.tokens import forking_set

    return [(tokens[i], float(entropy[i])) for i in sorted(forking_set(entropy))]


def joined_sums(parts: list[Sums]) -> dict[str, float | None]:
    """Means of sums over ranks; None where nothing was counted.

    >>> joined_sums([{"a": np.array([1.0, 2.0])}, {"a": np.array([3.0, 2.0])}])
    {'a': 1.0}
    """
    whole = {name: sum(part[name] for part in parts) for name in parts[0]}
    return {name: float(total / count) if count else None for name, (total, count) in whole.items()}


def merged_numbers(*parts: dict) -> dict:
    """Dictionaries of numbers in one; those under a common key are joined too.

    >>> merged_numbers({"planning": {"share": 0.1}}, {"planning": {"semantic_entropy": 2.0}, "x": 1})
    {'planning': {'share': 0.1, 'semantic_entropy': 2.0}, 'x': 1}
    """
    whole: dict = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(whole.get(key), dict)
            whole[key] = merged_numbers(whole[key], value) if both else value
    return whole
