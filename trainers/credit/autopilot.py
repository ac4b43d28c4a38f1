"""The entropy autopilot (ours): forecasts what a player has left to spend, and keeps some of it for the end.

The law R = -a e^H + b (2505.22617) says what entropy buys: at entropy H a reward of a * (e^H - 1) is still to be had
below the ceiling b - a. While training it is fitted on the run's own steps. Of what was to be had at the start, a share
`open` shall be left at the end; a cancels, so the goal is one for entropy, log(1 + open * (e^H_start - 1)), and the fit
says what it is worth, or that spending buys nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, shaping
from trainers.credit.entrocraft import check_whole, kept_sign, of_sign
from trainers.credit.standing import UNTOUCHED, Control, Standing

if TYPE_CHECKING:
    from rlad.entropy.law import EntropyLaw
    from trainers.credit.measurements import Measurements
    from trainers.data.rows import Row


@dataclass
class AutopilotKeys:
    """What shall be left at the end, and how far the controller may go for it."""

    open: float = key(0.3, least=0, below=1)
    """Share of the reward that was to be had with entropy at the start, by the law, which shall be left at the end."""
    gain: float = key(0.1, least=0)
    """Pull that a step adds for each whole share by which the forecast falls short; 0 = it only measures."""
    width: float = key(0.1, least=0, below=1)
    """Half the width of the band around the plan, as a share of the starting entropy."""
    first: int = key(5, least=3)
    """Steps whose mean entropy is the start; until then it only measures."""
    window: int = key(20, least=3)
    """Newest steps by whose line the entropy is forecast."""
    kl_most: float = key(8.0, least=1)
    """At full pull the KL coefficient is so many times what the configuration says."""
    rate_least: float = key(0.3, above=0, most=1)
    """At full pull the learning rate is this share of what it would be."""


def still_for_sale(entropy: float) -> float:
    """e^H - 1: what the law still sells at an entropy, in units of its a.

    >>> still_for_sale(0.0), round(still_for_sale(math.log(3)), 9)
    (0.0, 2.0)
    """
    return math.expm1(entropy)


def goal(start: float, open_share: float) -> float:
    """The entropy at which a share of what was for sale at the start is left.

    >>> round(math.exp(goal(math.log(3), 0.25)), 9)       # a quarter of 3 - 1, and 1
    1.5
    """
    return math.log1p(open_share * still_for_sale(start))


def forecast(progress: Sequence[float], entropy: Sequence[float]) -> float:
    """The entropy at the end of the training, by the least-squares line of the points given; at least 0.

    >>> round(forecast([0.0, 0.1, 0.2], [1.0, 0.9, 0.8]), 9), forecast([0.0, 0.2], [1.0, 0.4]), forecast([0.3], [0.7])
    (0.0, 0.0, 0.7)
    """
    count = len(progress)
    x, y = math.fsum(progress) / count, math.fsum(entropy) / count
    spread = math.fsum((p - x) ** 2 for p in progress)
    slope = math.fsum((p - x) * (h - y) for p, h in zip(progress, entropy, strict=True)) / spread if spread else 0.0
    return max(0.0, y + slope * (1 - x))


def pulled(pull: float, gain: float, target: float, end: float, start: float) -> float:
    """The pull after a step, 0 to 1: it grows while the forecast `end` sells less than the target, and falls after.

    >>> h = math.log(3)       # for sale: 2 at the start, 1 at the target, 0 in the forecast
    >>> round(pulled(0.2, 0.1, math.log(2), 0.0, h), 3), round(pulled(0.02, 0.1, math.log(2), h, h), 3)
    (0.25, 0.0)
    """
    short = (still_for_sale(target) - still_for_sale(end)) / max(still_for_sale(start), 1e-6)
    return min(1.0, max(0.0, pull + gain * max(-1.0, min(1.0, short))))


def buys_nothing(law: EntropyLaw) -> bool:
    """Whether reward falls with the entropy, by more than two standard errors: then there is nothing to spend it on."""
    return law.a + 2 * law.s / math.sqrt(law.s_xx) < 0


@shaping("autopilot", keys=AutopilotKeys, check=check_whole)
class Autopilot:
    """Bands around the planned entropy, and more KL and a lower rate while the forecast falls short of the plan.

    The plan is a straight line from the starting entropy to the goal; where the law, fitted so far, says that spending
    buys nothing, it is the entropy of that moment. Inside the band and with a forecast above the goal nothing is
    touched.
    """

    def __init__(self, keys: AutopilotKeys):
        self.keys = keys
        self.state: dict = {"progress": [], "entropy": [], "reward": [], "pull": 0.0, "held": None}
        self.numbers: dict[str, float] = {}
        self.control = UNTOUCHED

    def __call__(self, rows: list[Row], measured: Measurements) -> list[Row]:
        standing = measured.standing()
        self._note(standing)
        if len(self.state["entropy"]) < self.keys.first:
            return rows
        keys, start = self.keys, math.fsum(self.state["entropy"][: self.keys.first]) / self.keys.first
        end = forecast(*(self.state[name][-keys.window :] for name in ("progress", "entropy")))
        target, plan = self._plan(start, standing)
        self.state["pull"] = pull = pulled(self.state["pull"], keys.gain, target, end, start)
        self.control = Control(keys.kl_most**pull, keys.rate_least**pull)
        low, high = plan - keys.width * start, plan + keys.width * start
        sign = kept_sign(standing.entropy, low, high) if keys.gain else 0
        self.numbers |= {"forecast_entropy": end, "pull": pull, "band_low": low, "band_high": high, "kept_sign": sign}
        return of_sign(rows, sign)

    def _note(self, standing: Standing) -> None:
        """Keeps a step's point; a player that stood still since has none."""
        newest = {name: getattr(standing, name) for name in ("entropy", "reward", "progress")}
        before = {name: self.state[name][-1] for name in newest if self.state[name]}
        if None not in newest.values() and (newest["entropy"], newest["reward"]) != (
            before.get("entropy"),
            before.get("reward"),
        ):
            for name, value in newest.items():
                self.state[name].append(value)

    def _plan(self, start: float, standing: Standing) -> tuple[float, float]:
        """(entropy at the end, entropy by now)."""
        from rlad.entropy.law import fit_law  # here, so that a configuration is checked without torch

        entropy, reward = self.state["entropy"], self.state["reward"]
        law = fit_law(entropy, reward) if max(entropy) - min(entropy) > 1e-3 else None
        if law:
            self.numbers = {"ceiling": law.ceiling, "ceiling_error": law.error(1.0)}
        if law and buys_nothing(law):
            if self.state["held"] is None:
                self.state["held"] = entropy[-1]
            return self.state["held"], self.state["held"]
        self.state["held"] = None
        target = goal(start, self.keys.open)
        return target, start + (target - start) * standing.progress
