"""Dr. GRPO (2503.20783): the clipped surrogate, summed over a constant instead of every answer's own length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.players import aggregation_of
from rlad.config.registry import loss
from trainers.losses.base import LossTensors
from trainers.losses.ppo_clip import ClipKeys, ppo_clip

if TYPE_CHECKING:
    import torch

    from rlad.config import RunConfig


def _check(run: RunConfig, role: str) -> None:
    """It is two switches, and one of them alone is another method."""
    player = run.players[role]
    if aggregation_of(player) != "constant" or player.advantage != "mean":
        raise ConfigError(
            f"{role}.loss=dr_grpo is {role}.aggregation=constant and {role}.advantage=mean together; "
            "for one without the other use ppo_clip."
        )


@loss("dr_grpo", keys=ClipKeys, aggregation="constant", check=_check, source="2503.20783")
def dr_grpo(tokens: LossTensors, keys: ClipKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """PPO's clipped surrogate (see `ppo_clip`), with advantages that are only centred."""
    return ppo_clip(tokens, keys)
