"""A loss without a ratio."""

from dataclasses import dataclass

from rlad.config.registry import key, loss


@dataclass
class ReinforceKeys:
    """What the gradient is multiplied by."""

    scale: float = key(1.0, above=0)
    """Multiplies the gradient."""


@loss("reinforce", keys=ReinforceKeys, aggregation="token-mean")
def reinforce(tokens, keys):
    """-scale * A * log p, and its size as a statistic."""
    return -keys.scale * tokens.advantage * tokens.logp, {"size": tokens.advantage.abs() * tokens.mask}
