"""Shaping of advantages after credit, by name (`shaping` of a player). A new one is a class here or in its own file.

`effective_rank` is VERL (2509.23808, hf618/VERL, which is not the verl framework). In the authors' script the auxiliary
reward is gated off, so that the shaping changes nothing; here the bonus is in the advantages that the loss reads. Their
script keeps ranks in bfloat16 and takes a layer other than the paper's; here ranks are float64 of the last layer.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Protocol

from rlad.config import CotrainConfig
from rlad.entropy.rank import RankDynamics, deviation, exploration_bonus, rank_dynamics, shaped_advantage
from trainers.credit.measurements import Measurements
from trainers.data.rows import Row
from trainers.runtime import zero3


class Shaping(Protocol):
    """Changes the advantages of one player's rows; its state goes into the checkpoint."""

    state: dict[str, float]

    def __call__(self, rows: list[Row], measured: Measurements) -> list[Row]:
        """The shaped rows. Collective."""


class NoShaping:
    """Leaves the advantages as they are."""

    def __init__(self, config: CotrainConfig):
        self.state: dict[str, float] = {}

    def __call__(self, rows: list[Row], measured: Measurements) -> list[Row]:
        return rows


class EffectiveRankShaping:
    """VERL: effective rank, its velocity and its acceleration against their moving averages, on the last token."""

    def __init__(self, config: CotrainConfig):
        self.config = config
        self.state: dict[str, float] = {}
        """Moving averages over the steps so far."""

    def __call__(self, rows: list[Row], measured: Measurements) -> list[Row]:
        settings = self.config.effective_rank
        ranks = [RankDynamics(0.0, 0.0, 0.0)] * len(rows)
        for i, states in measured.hidden_states(rows):
            ranks[i] = rank_dynamics(states, settings.stride)
        copies = sum(row.copies for row in rows)
        sums = [sum(asdict(rank)[name] * row.copies for rank, row in zip(ranks, rows, strict=True)) for name in METRICS]
        *totals, count = zero3.total([*sums, copies], measured.device)
        if not count:
            return rows
        means = {name: value / count for name, value in zip(METRICS, totals, strict=True)}
        before = self.state or means  # the first step has nothing but itself to be compared with
        self.state = moved(self.state, means, settings.ema)
        return [shaped_row(row, values, before, settings.tokens) for row, values in zip(rows, ranks, strict=True)]


METRICS = ("er", "erv", "era")
SHAPINGS: dict[str, type] = {"none": NoShaping, "effective_rank": EffectiveRankShaping}


def moved(averages: dict[str, float], means: dict[str, float], newest: float) -> dict[str, float]:
    """The moving averages after a step; the first step's means start them.

    >>> moved({}, {"er": 2.0}, .5), moved({"er": 2.0}, {"er": 3.0}, .5)
    ({'er': 2.0}, {'er': 2.5})
    """
    return {name: newest * mean + (1 - newest) * averages.get(name, mean) for name, mean in means.items()}


def shaped_row(row: Row, metrics: RankDynamics, averages: dict[str, float], tokens: str = "last") -> Row:
    """The row with the bonus on its last token (the paper's formula) or on all of its tokens.

    The last token mostly ends the text and is next to certain, so its advantage has next to no gradient: a bonus that
    stays there moves little.

    >>> averages = {"er": 2.0, "erv": 1.0, "era": 0.0}
    >>> row = shaped_row(Row((1,), (2, 3), 1.0), RankDynamics(2.0, 4.0, 0.0), averages)   # d = (0, 3, 0)
    >>> [round(a, 4) for a in row.token_advantages]                                    # tanh(3) / 2 = .4975
    [1.0, 1.4975]
    """
    bonus = exploration_bonus(*(deviation(asdict(metrics)[name], averages[name]) for name in METRICS))
    own = row.per_token
    untouched = len(own) - 1 if tokens == "last" else 0
    changed = (shaped_advantage(value, bonus) for value in own[untouched:])
    return replace(row, token_advantages=(*own[:untouched], *changed))
