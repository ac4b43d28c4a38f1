"""What a player that chooses among a tree's answers is worth, before it is asked and after it has spoken.

Its choice is evidence. How strong follows from validation problems (`Choosing`): how often it is right where the vote
is, how often it finds the right answer where the vote does not, and whose answer it gives where it is wrong. Answers
stand with the leader of the vote first, of K that are shown; the last of K + 1 truths is that none of them is right.
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

    Shares are what it does beyond picking blindly: 0 is a blind choice, 1 always. Among K answers a share s stands for
    a probability of 1 / K + s (1 - 1 / K).
    """

    role: str
    """The player's role."""
    keep: float
    """How often its choice is right where the vote's is, where there are several answers."""
    rescue: float
    """How often its choice is right where the vote's is wrong and a right one is shown."""
    stay: float
    """How often it gives the vote's answer, among those that are wrong, where both are."""
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
        [0.9, 0.1, 0.8, 0.2, 0.0]
        >>> [round(float(value), 4) for value in EXAMPLE.parts(np.array(4.0))]  # .25 + .8 * .75 and .25 + .6 * .75
        [0.85, 0.05, 0.7, 0.1, 0.1]
        """
        kept, rescued = beyond(self.keep, answers), beyond(self.rescue, answers)
        stayed = beyond(self.stay, answers - 1)  # of two it can only be the vote's
        other = (1 - rescued) * (1 - stayed) / np.maximum(1.0, answers - 2)
        return kept, (1 - kept) / (answers - 1), rescued, (1 - rescued) * stayed, other

    def likelihoods(self, answers: int) -> Values:
        """P(choice | what is right), (K, K + 1): a row for each choice, a column for each truth; columns sum to 1.

        >>> EXAMPLE.likelihoods(2).round(3).tolist()
        [[0.9, 0.2, 0.5], [0.1, 0.8, 0.5]]
        """
        return _likelihoods(self, answers)


def beyond(share: float, answers: Values | float) -> Values:
    """The probability that a share beyond a blind choice among so many answers stands for.

    >>> float(beyond(0.5, 4)), float(beyond(0.0, 4)), float(beyond(0.3, 1))
    (0.625, 0.25, 1.0)
    """
    return 1 / np.asarray(answers, float) + share * (1 - 1 / np.asarray(answers, float))


@lru_cache(maxsize=256)
def _likelihoods(player: Choosing, answers: int) -> Values:
    kept, swayed, rescued, stayed, other = player.parts(np.array(float(answers)))
    found = np.full((answers, answers + 1), float(other))
    found[:, 0], found[0, 1:answers] = swayed, stayed
    found[np.arange(1, answers), np.arange(1, answers)] = rescued
    none = float(beyond(player.stay, answers))
    found[0, 0], found[0, answers], found[1:, answers] = kept, none, (1 - none) / (answers - 1)
    return np.maximum(found, 1e-9)


EXAMPLE = Choosing("selector", keep=0.8, rescue=0.6, stay=0.0, tokens=(6.0,), shown=8)
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
    kept, swayed, rescued, stayed, other = (part[:, None] for part in player.parts(np.maximum(2.0, count)))
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
    found = told + np.maximum(0.0, stayed * best - kept * top)[:, 0]
    return np.where((count > 1) & (found > LEAST), found, 0.0)
