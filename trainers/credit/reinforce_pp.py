"""REINFORCE++ (2501.03262): advantages that are whitened over the whole step, with and without a group baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import advantage, key
from trainers.credit.group_baselines import mean

if TYPE_CHECKING:
    from rlad.config import RunConfig


@dataclass
class BaselineKeys:
    """How the step is whitened."""

    over: str = key("tokens", one_of=("tokens", "sequences"))
    """tokens (as the authors' code: long answers weigh more) or sequences: what mean and deviation are taken over."""


@dataclass
class ReinforcePpKeys(BaselineKeys):
    """How the step is whitened, and what a token pays for its KL."""

    kl: float = key(0.01, least=0)
    """Coefficient of the KL inside the return."""


def _check(run: RunConfig, role: str) -> None:
    """Every token has a return of its own, in constant groups too."""
    if run.cotrain.drop_constant_groups:
        raise ConfigError(
            f"{role}.advantage=reinforce_pp has no group baseline, so a constant group carries signal too; "
            "set cotrain.drop_constant_groups=false."
        )
    shaping = run.players[role].shaping
    if shaping != "none":
        raise ConfigError(
            f"{role}.advantage=reinforce_pp gives every token its own return, and {role}.shaping={shaping} its "
            "own advantage; use one of them."
        )


@advantage(
    "reinforce_pp", keys=ReinforcePpKeys, step_scale="whiten", kl_in_return=True, check=_check, source="2501.03262"
)
def reinforce_pp(rewards: Sequence[float], keys: ReinforcePpKeys) -> list[float]:
    """The rewards as they are; each token then pays for its KL, and the step is whitened."""
    return [float(reward) for reward in rewards]


@advantage("reinforce_pp_baseline", keys=BaselineKeys, step_scale="whiten", source="2501.03262")
def reinforce_pp_baseline(rewards: Sequence[float], keys: BaselineKeys) -> list[float]:
    """Rewards less the group's mean; the step is then whitened."""
    return mean(rewards)
