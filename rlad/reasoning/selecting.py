"""What a player that chooses among a tree's answers is worth, before it is asked and after it has spoken.

Its choice is evidence. How strong follows from validation problems (`Choosing`): how often it knows the right answer
where the vote has it and where the vote has not, and how often it repeats the vote whatever is right. Answers stand
with the leader of the vote first, of K that are shown; the last of K + 1 truths is that none of them is right.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Choosing:
    """What validation problems say of a player that chooses, beside the vote of a selection rule.

    It knows the right answer, or it repeats the vote, or else it picks blindly among those that it is shown. Only what
    it knows makes its word worth anything.
    """

    role: str
    """The player's role."""
    keep: float
    """How often it knows the right answer where the vote has it, 0 to 1."""
    rescue: float
    """How often it knows the right answer where the vote has another one and it is shown, 0 to 1."""
    repeat: float
    """How often it repeats the vote, right or wrong, 0 to 1."""
    tokens: tuple[float, ...]
    """Generated to choose among two, three ... answers; the last holds for all more."""
    shown: int
    """Most answers that it is shown, the most frequent ones."""

    def cost(self, answers: int) -> float:
        """Tokens of a choice among so many answers, two at least."""
        return self.tokens[min(max(answers, 2) - 2, len(self.tokens) - 1)]

    def parts(self, answers: Values) -> tuple[Values, Values, Values, Values, Values]:
        """Of so many answers, two at least, the probability of: the vote's and of any other one where the vote's is
        right; the right one, the vote's and any other one where another than the vote's is right.

        >>> [round(float(value), 4) for value in EXAMPLE.parts(np.array(2.0))]
        [0.9, 0.1, 0.8, 0.2, 0.2]
        >>> [round(float(value), 4) for value in EXAMPLE.parts(np.array(4.0))]  # .8 + .2 / 4, .6 + .4 / 4
        [0.85, 0.05, 0.7, 0.1, 0.1]
        """
        knows = min(self.rescue, 1 - self.repeat)
        swayed = max(0.0, 1 - self.keep - self.repeat) / answers
        other = (1 - knows - self.repeat) / answers
        return 1 - swayed * (answers - 1), swayed, knows + other, self.repeat + other, other

    def likelihoods(self, answers: int) -> Values:
        """P(choice | what is right), (K, K + 1): a row for each choice, a column for each truth; columns sum to 1.

        >>> EXAMPLE.likelihoods(2).round(3).tolist()
        [[0.9, 0.2, 0.5], [0.1, 0.8, 0.5]]
        """
        return _likelihoods(self, answers)


@lru_cache(maxsize=256)
def _likelihoods(player: Choosing, answers: int) -> Values:
    kept, swayed, rescued, repeated, other = player.parts(np.array(float(answers)))
    found = np.full((answers, answers + 1), float(other))
    found[:, 0], found[0, 1:answers] = swayed, repeated
    found[np.arange(1, answers), np.arange(1, answers)] = rescued
    found[:, answers] = (1 - player.repeat) / answers
    found[0, 0], found[0, answers] = kept, player.repeat + (1 - player.repeat) / answers
    return np.maximum(found, 1e-12)


EXAMPLE = Choosing("selector", keep=0.8, rescue=0.6, repeat=0.0, tokens=(6.0,), shown=8)
"""Made-up numbers, for examples: of two answers it keeps a right vote in 90 % and finds the other one in 80 %."""
LEAST = 1e-9
"""A gain below this is one of rounding: none."""


@dataclass(frozen=True)
class Heard:
    """What a player has chosen in a tree."""

    choice: Hashable
    shown: tuple[Hashable, ...]
    """The answers that it was shown, the vote's first."""


def worth(player: Choosing, chances: Sequence[float]) -> float:
    """By how much asking raises P(the selected answer is right), in expectation over what it may choose.

    chances: of the shown answers to be right, the vote's first. After a choice the answer is selected that is then the
    likeliest, so a player whose word would not change the answer is worth exactly 0, however often it errs.

    >>> round(worth(EXAMPLE, [0.5, 0.3]), 6)  # it says B: A .5 * .1 = .05, B .3 * .8 = .24; else A is selected anyway
    0.19
    >>> worth(Choosing("selector", 0.2, 0.2, 0.0, (6.0,), 8), [0.7, 0.2])  # says B: A .7 * .4 = .28, B .2 * .6 = .12
    0.0
    """
    given = np.asarray(chances, float)
    joint = player.likelihoods(len(given))[:, : len(given)] * given
    gain = float((joint.max(1) - joint[:, 0]).sum())
    return gain if gain > LEAST else 0.0


def worths(player: Choosing, shares: Values, given: NDArray[np.bool_], leader: NDArray[np.int64]) -> Values:
    """The same for many states at once, (S,).

    shares: (S, K) chances of the answers; given: (S, K) which of them are there; leader: (S,) the vote's.

    >>> rows = np.array([[0.3, 0.5, 0.1], [0.3, 0.5, 0.1]])
    >>> given = np.array([[True, True, False], [False, True, False]])
    >>> worths(EXAMPLE, rows, given, np.array([1, 1])).round(6).tolist()
    [0.19, 0.0]
    """
    rows, count = np.arange(len(shares)), given.sum(1).astype(float)
    kept, swayed, rescued, repeated, other = (part[:, None] for part in player.parts(np.maximum(2.0, count)))
    top = shares[rows, leader][:, None]
    rivals = np.where(given, shares, 0.0)
    rivals[rows, leader] = 0.0
    first = rivals.argmax(1)
    best = rivals[rows, first][:, None]
    rest = rivals.copy()
    rest[rows, first] = 0.0
    places = np.arange(shares.shape[1])
    beside = np.where(places == first[:, None], rest.max(1)[:, None], best)  # the likeliest that is neither
    told = np.maximum(rescued * rivals, other * beside) - swayed * top
    told = np.where(given & (places != leader[:, None]), np.maximum(0.0, told), 0.0).sum(1)
    found = told + np.maximum(0.0, repeated * best - kept * top)[:, 0]
    return np.where((count > 1) & (found > LEAST), found, 0.0)
