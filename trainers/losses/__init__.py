"""Policy-gradient losses, one file each: pure functions of per-token tensors, declared by `@loss` and chosen by name.

A loss is `loss(tokens: LossTensors, keys) -> (per-token loss (B, T) to be minimised, per-token statistics (B, T))`. One
that chooses tokens of the whole mini-batch declares its rule, `choose=`: a pure function `(table, keys, seed) -> (N,)
bool`; what it chose arrives as `tokens.chosen`. Aggregation is separate (aggregate.py); the published one is declared.

Helpers, not losses: base.py (their input), ratio.py and selection.py (what they share), aggregate.py;
kl.py, entropy.py and mismatch.py (terms and weights that go with any loss), forking.py and shaped.py (masks and forms
of the policy term), hicra.py and overlong.py (changes of advantages and rewards, used by credit).
"""

from trainers.losses.base import LossTensors

__all__ = ["LossTensors"]
