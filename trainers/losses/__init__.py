"""Policy-gradient losses, one file each: pure functions of per-token tensors, declared by `@loss` and chosen by name.

A loss is `loss(tokens: LossTensors, keys) -> (per-token loss (B, T) to be minimised, per-token statistics (B, T))`. One
that chooses tokens of the whole mini-batch declares its rule, `choose=`: a pure function `(table, keys, seed) -> (N,)
bool`; what it chose arrives as `tokens.chosen`. Aggregation is separate (aggregate.py); the published one is declared.
"""

from trainers.losses.base import LossTensors

__all__ = ["LossTensors"]
