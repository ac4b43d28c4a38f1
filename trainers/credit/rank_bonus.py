"""VERL's bonus (2509.23808): how far a text's hidden states spread, against the moving averages of the steps before."""

from __future__ import annotations

from dataclasses import asdict, replace

from rlad.entropy.rank import RankDynamics, deviation, exploration_bonus, rank_dynamics, shaped_advantage
from trainers.credit.measurements import Measurements
from trainers.data.rows import Row
from trainers.runtime import zero3

METRICS = ("er", "erv", "era")


def measure_ranks(
    rows: list[Row], measured: Measurements, stride: int
) -> tuple[list[RankDynamics], dict[str, float] | None]:
    """Every row's metrics, and their means over the samples of all ranks; None when there is none. Collective."""
    ranks = [RankDynamics(0.0, 0.0, 0.0)] * len(rows)
    for i, states in measured.hidden_states(rows):
        ranks[i] = rank_dynamics(states, stride)
    copies = sum(row.copies for row in rows)
    sums = [sum(asdict(rank)[name] * row.copies for rank, row in zip(ranks, rows, strict=True)) for name in METRICS]
    *totals, count = zero3.total([*sums, copies], measured.device)
    return ranks, {name: value / count for name, value in zip(METRICS, totals, strict=True)} if count else None


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
