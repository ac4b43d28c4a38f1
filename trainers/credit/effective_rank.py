"""Shaping of advantages after credit, by the spread of hidden states: VERL (2509.23808).

hf618/VERL, which is not the verl framework. In the authors' script the auxiliary reward is gated off, so that the
shaping changes nothing; here the bonus is in the advantages that the loss reads. Their script keeps ranks in bfloat16
and takes a layer other than the paper's; here ranks are float64 of the last layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rlad.config.errors import ConfigError
from rlad.config.registry import key, shaping

if TYPE_CHECKING:
    from rlad.config import RunConfig
    from trainers.credit.measurements import Measurements
    from trainers.data.rows import Row


class Shaping(Protocol):
    """Changes the advantages of one player's rows; its state, as JSON has it, goes into the checkpoint.

    It may have `numbers`, which go into metrics.jsonl beside the player's, and a `control` of the next update
    (standing.py).
    """

    state: dict

    def __call__(self, rows: list[Row], measured: Measurements) -> list[Row]:
        """The shaped rows. Collective."""


@shaping("none")
class NoShaping:
    """Leaves the advantages as they are."""

    def __init__(self) -> None:
        self.state: dict[str, float] = {}

    def __call__(self, rows: list[Row], measured: Measurements) -> list[Row]:
        return rows


@dataclass
class EffectiveRankKeys:
    """Where ranks are taken, what they are compared with, and which tokens get the bonus."""

    stride: int = key(40, least=1)
    """Tokens between two prefixes whose effective rank is taken; completions of less than two strides have no trend."""
    ema: float = key(0.3, above=0, most=1)
    """Weight of the newest step in the moving averages that the metrics are compared with."""
    tokens: str = key("last", one_of=("last", "all"))
    """last (the paper's formula; little gradient where the text's end is certain) or all tokens get the bonus."""


def _check(run: RunConfig, role: str) -> None:
    """A trend takes two strides."""
    player = run.players[role]
    stride = player.of("effective_rank").stride
    if 2 * stride > player.max_new_tokens:
        raise ConfigError(
            f"{role}.effective_rank.stride={stride} finds no trend in {role}s of at most {player.max_new_tokens} "
            f"tokens; use at most {max(1, player.max_new_tokens // 2)}."
        )


@shaping("effective_rank", keys=EffectiveRankKeys, check=_check, source="2509.23808")
class EffectiveRankShaping:
    """Effective rank, its velocity and its acceleration against their moving averages, on the last token."""

    def __init__(self, keys: EffectiveRankKeys):
        self.keys = keys
        self.state: dict[str, float] = {}
        """Moving averages over the steps so far."""

    def __call__(self, rows: list[Row], measured: Measurements) -> list[Row]:
        from trainers.credit import rank_bonus  # here, so that a configuration is checked without torch

        ranks, means = rank_bonus.measure_ranks(rows, measured, self.keys.stride)
        if means is None:
            return rows
        before = self.state or means  # the first step has nothing but itself to be compared with
        self.state = rank_bonus.moved(self.state, means, self.keys.ema)
        pairs = zip(rows, ranks, strict=True)
        return [rank_bonus.shaped_row(row, values, before, self.keys.tokens) for row, values in pairs]
