"""GMPO (2507.20673): a sequence's objective is the geometric mean of its tokens' clipped ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.players import aggregation_of
from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors

if TYPE_CHECKING:
    import torch

    from rlad.config import RunConfig


@dataclass
class GmpoKeys:
    """Bounds of a token's log-ratio, in nats: wider than PPO's, as the mean is less moved by one token."""

    clip_low: float = key(0.4, above=0, most=20)
    """Where A < 0 a ratio below e^-clip_low is held there."""
    clip_high: float = key(0.4, above=0, most=20)
    """Where A > 0 a ratio above e^clip_high is held there."""


def _check(run: RunConfig, role: str) -> None:
    """The mean over a sequence's tokens belongs to the objective."""
    player = run.players[role]
    if aggregation_of(player) != "sequence-mean":
        raise ConfigError(
            f"{role}.aggregation={player.aggregation} is not the mean over a sequence that {role}.loss=gmpo takes; "
            "use sequence-mean or auto."
        )


@loss("gmpo", keys=GmpoKeys, aggregation="sequence-mean", check=_check, source="2507.20673")
def gmpo(tokens: LossTensors, keys: GmpoKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-A * exp(mean over the sequence of c), c = log r held at its bound on the side that A pushes to.

    All tensors (B, T). In the per-token form sg(s) * e^(c - sg(c)): under the sequence mean every token inside its
    bounds has the gradient s * A / |y| of the sequence form, and a held one has none but still counts in s.

    r = (1.2, 1, 2) with A > 0: 2 is held at e^0.4, so s is the third root of 1.2 * 1.4918, 1.2142.

    >>> import torch
    >>> logp = torch.tensor([[1.2, 1.0, 2.0]]).log().requires_grad_()
    >>> loss, stats = gmpo(LossTensors(logp, torch.zeros(1, 3), torch.ones(1, 3), torch.ones(1, 3)), GmpoKeys())
    >>> loss.mean().backward()
    >>> [round(x, 4) for x in loss[0].tolist()], [round(3 * x, 4) for x in logp.grad[0].tolist()]
    ([-1.2142, -1.2142, -1.2142], [-1.2142, -1.2142, 0.0])
    >>> stats["clip_fraction"].tolist()
    [[0.0, 0.0, 1.0]]

    Where we differ from public code: the log-ratio is clamped to +-20 before anything else, like every ratio here.
    """
    log_ratio = (tokens.logp - tokens.logp_old).clamp(-20, 20)
    held = log_ratio.clamp(max=keys.clip_high).where(tokens.advantage > 0, log_ratio.clamp(min=-keys.clip_low))
    length = tokens.mask.sum(1, keepdim=True).clamp(min=1)
    mean = (held.detach() * tokens.mask).sum(1, keepdim=True) / length
    loss = -mean.exp() * (held - held.detach()).exp() * tokens.advantage
    cut = (held != log_ratio) & (tokens.advantage != 0)
    return loss, {"clip_fraction": cut.float() * tokens.mask}
