"""KL-Cov (2505.22617): the tokens of highest covariance are held at their old log-probs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.ratio import importance_ratio
from trainers.losses.selection import TokenTable, covariance_count, top

if TYPE_CHECKING:
    import torch

    from rlad.config import RunConfig


@dataclass
class KlCovKeys:
    """How many tokens are held back, and how hard."""

    share: float = key(2e-3, above=0, most=1)
    """Share of tokens of highest covariance that is held back: 2e-3 at 7B, 2e-4 at 32B."""
    beta: float = key(1.0, least=0)
    """Weight of a held token's distance from its old log-prob."""


def _check(run: RunConfig, role: str) -> None:
    """Tokens can only be held back from where an earlier update took them."""
    if run.cotrain.updates_per_rollout == 1:
        raise ConfigError(
            f"{role}.loss=kl_cov does nothing on the first update after a rollout, and "
            "cotrain.updates_per_rollout=1 makes no other; use at least 2, or clip_cov."
        )
    if run.players[role].old_logprobs == "sampler":
        raise ConfigError(
            f"{role}.loss=kl_cov would hold tokens at the sampler's rounding errors; use {role}.old_logprobs=trainer."
        )


def kl_cov_tokens(tokens: TokenTable, keys: KlCovKeys, seed: int) -> torch.Tensor:
    """Which tokens of the whole mini-batch: (n,) in 0..1, the max(1, share * N) of highest covariance; ties share.

    >>> import torch
    >>> logp, advantage = torch.tensor([-.1, -.1, -.1, -3.7]), torch.tensor([1., 1., -1., -1.])
    >>> kl_cov_tokens(TokenTable(logp, logp, advantage, -logp), KlCovKeys(), seed=0).tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    return top(tokens.covariance, covariance_count(tokens.count, keys.share), tokens.ranks)


@loss("kl_cov", keys=KlCovKeys, aggregation="token-mean", choose=kl_cov_tokens, check=_check, source="2505.22617")
def kl_cov(tokens: LossTensors, keys: KlCovKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-r A, and + beta * |logp - logp_old| on the chosen tokens; all tensors (B, T). Nothing is clipped.

    On the first update after a rollout logp = logp_old, where |x| has gradient 0: an exact no-op there.

    >>> import torch
    >>> logp, ones = torch.tensor([[1.5, 1.5]]).log(), torch.ones(1, 2)
    >>> loss, _ = kl_cov(LossTensors(logp, 0 * ones, ones, ones, torch.tensor([[0.0, 1.0]])), KlCovKeys())
    >>> [round(x, 4) for x in loss[0].tolist()]       # -1.5; -1.5 + log 1.5
    [-1.5, -1.0945]

    Where we differ from public code: the tokens are chosen over the whole mini-batch, not per micro-batch and GPU, and
    share is a fraction everywhere (the authors' fork reads percent). beta is the paper's 1, verl's default is 0.1.
    """
    drift = (tokens.logp - tokens.logp_old).abs()
    loss = -importance_ratio(tokens.logp, tokens.logp_old) * tokens.advantage + keys.beta * drift * tokens.chosen
    return loss, {"chosen_share": tokens.chosen * tokens.mask}
