"""Entrocraft (2604.26326): a thermostat for entropy that drops advantages of one sign while it is out of its band."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import key, shaping

if TYPE_CHECKING:
    from rlad.config import RunConfig
    from trainers.credit.measurements import Measurements
    from trainers.data.rows import Row


@dataclass
class EntrocraftKeys:
    """The band at the first and at the last step, nats per token; in between it moves in a straight line."""

    low_start: float = key(0.6, least=0)
    """Below this only negative advantages are learnt from, at first."""
    low_end: float = key(0.4, least=0)
    """The lower end at the end."""
    high_start: float = key(0.7, least=0)
    """Above this only positive advantages are learnt from, at first."""
    high_end: float = key(0.5, least=0)
    """The upper end at the end."""


def check_whole(run: RunConfig, role: str) -> None:
    """What a band drops must stay dropped: whitening would centre it again."""
    player = run.players[role]
    if player.chosen("advantage").facts.get("step_scale") == "whiten":
        raise ConfigError(
            f"{role}.advantage={player.advantage} is whitened over the step, which gives the advantages that "
            f"{role}.shaping={player.shaping} drops a value again; use another advantage."
        )


def _check(run: RunConfig, role: str) -> None:
    """A band has a lower and an upper end, all the way."""
    keys = run.players[role].of("entrocraft")
    for place in ("start", "end"):
        low, high = getattr(keys, f"low_{place}"), getattr(keys, f"high_{place}")
        if low > high:
            raise ConfigError(f"{role}.entrocraft.low_{place}={low} is above {role}.entrocraft.high_{place}={high}.")
    check_whole(run, role)


def entropy_band(keys: EntrocraftKeys, progress: float) -> tuple[float, float]:
    """(lower, upper) end when a share of the training is done.

    >>> [round(end, 3) for end in entropy_band(EntrocraftKeys(), 0.5)]
    [0.5, 0.6]
    """
    low = keys.low_start + (keys.low_end - keys.low_start) * progress
    return low, keys.high_start + (keys.high_end - keys.high_start) * progress


def kept_sign(entropy: float | None, low: float, high: float) -> int:
    """The sign of the advantages that are learnt from: 1, -1, or 0 = both.

    Learning from what went well lowers entropy, learning from what went wrong raises it.

    >>> kept_sign(0.8, 0.6, 0.7), kept_sign(0.5, 0.6, 0.7), kept_sign(0.65, 0.6, 0.7), kept_sign(None, 0.6, 0.7)
    (1, -1, 0, 0)
    """
    if entropy is None or low <= entropy <= high:
        return 0
    return 1 if entropy > high else -1


def of_sign(rows: list[Row], sign: int) -> list[Row]:
    """The rows with 0 for every advantage of the other sign; they stay, for their KL and in every denominator.

    >>> from trainers.data.rows import Row
    >>> rows = [Row((1,), (2, 3), 0.5), Row((1,), (4, 5), -1.0), Row((1,), (6, 7), 1.0, token_advantages=(1.0, -0.5))]
    >>> [row.per_token for row in of_sign(rows, 1)]
    [(0.5, 0.5), (0.0, 0.0), (1.0, 0.0)]
    """
    if not sign:
        return rows

    def kept(value: float) -> float:
        return value if value * sign > 0 else 0.0

    def cut(row: Row) -> Row:
        tokens = row.token_advantages and tuple(map(kept, row.token_advantages))
        return replace(row, advantage=kept(row.advantage), token_advantages=tokens)

    return [cut(row) if row.pg_weight else row for row in rows]


@shaping("entrocraft", keys=EntrocraftKeys, check=_check, source="2604.26326")
class Entrocraft:
    """Above the band only positive advantages are learnt from, below it only negative ones, inside it all.

    Where we differ from the authors' code: their entropy is that of the step's own rollouts, ours that of the newest
    update, one step older; outside the band they replace the advantage by the reward of one sign (RAFT++, NSR), we keep
    the run's own advantages of that sign, so that it works with any of them, as the paper says it does.
    """

    def __init__(self, keys: EntrocraftKeys):
        self.keys = keys
        self.state: dict = {}
        self.numbers: dict[str, float] = {}

    def __call__(self, rows: list[Row], measured: Measurements) -> list[Row]:
        standing = measured.standing()
        low, high = entropy_band(self.keys, standing.progress)
        sign = kept_sign(standing.entropy, low, high)
        self.numbers = {"band_low": low, "band_high": high, "kept_sign": sign}
        return of_sign(rows, sign)
