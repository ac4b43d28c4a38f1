"""GSPO (2507.18071): one ratio per sequence, the geometric mean of its tokens' ratios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.players import aggregation_of
from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.ppo_clip import clipped, clipped_surrogate
from trainers.losses.ratio import unit

if TYPE_CHECKING:
    import torch

    from rlad.config import RunConfig


@dataclass
class GspoKeys:
    """Bounds of the sequence's ratio, a geometric mean, so a thousandth of a token's."""

    clip_low: float = key(3e-4, above=0, most=0.1)
    """The sequence's ratio is clipped at 1 - clip_low; 0.2, a token's bound, would clip no sequence."""
    clip_high: float = key(4e-4, above=0, most=0.1)
    """The sequence's ratio is clipped at 1 + clip_high."""


def one_ratio(name: str) -> Callable[[RunConfig, str], None]:
    """The check of a loss with one ratio per sequence: sequences weigh the same, whatever their length."""

    def check(run: RunConfig, role: str) -> None:
        player = run.players[role]
        if aggregation_of(player) != "sequence-mean":
            raise ConfigError(
                f"{role}.aggregation={player.aggregation} weighs tokens of long sequences more, which undoes "
                f"{role}.loss={name}; use sequence-mean or auto."
            )
        if player.mismatch.kind != "none" and player.mismatch.level == "token":
            raise ConfigError(
                f"{role}.loss={name} has one ratio per sequence, but {role}.mismatch.level=token weighs every token by "
                "its own; use sequence or geometric."
            )

    return check


@loss("gspo", keys=GspoKeys, aggregation="sequence-mean", check=one_ratio("gspo"), source="2507.18071")
def gspo(tokens: LossTensors, keys: GspoKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """PPO's clip on s = exp(mean over the sequence of log r), in the per-token form sg(s) * pi / sg(pi).

    All tensors (B, T). Under the sequence mean every token's gradient is s * A / |y|, that of the sequence form. The
    bounds are a thousandth of a token's: with 0.2 nothing would ever be clipped.

    r = (1.2, 1, 0.9): the product is 1.08, s its third root 1.0260, clipped to 1.0004 where A > 0:

    >>> import torch
    >>> r = torch.tensor([[1.2, 1.0, 0.9]])
    >>> loss, stats = gspo(LossTensors(r.log(), torch.zeros(1, 3), torch.ones(1, 3), torch.ones(1, 3)), GspoKeys())
    >>> [round(x, 4) for x in loss[0].tolist()], stats["clip_fraction"].tolist()
    ([-1.0004, -1.0004, -1.0004], [[1.0, 1.0, 1.0]])

    Where we differ from public code: verl clamps log s at 10 from above only, we clamp it to +-20 like every ratio.
    """
    return sequence_surrogate(tokens, keys.clip_low, keys.clip_high)


def sequence_surrogate(tokens: LossTensors, low: float, high: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """PPO's clip on the geometric mean of each sequence's ratios, per token, and the share that it held; (B, T)."""
    length = tokens.mask.sum(1, keepdim=True).clamp(min=1)
    log_ratio = ((tokens.logp - tokens.logp_old).detach() * tokens.mask).sum(1, keepdim=True) / length
    ratio = log_ratio.clamp(-20, 20).exp() * unit(tokens.logp)
    loss = clipped_surrogate(ratio, tokens.advantage, low, high)
    return loss, {"clip_fraction": clipped(loss, ratio, tokens)}
