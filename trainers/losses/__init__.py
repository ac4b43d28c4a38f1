"""Policy-gradient losses: pure functions of per-token tensors, chosen by name.

A loss takes `(logp, logp_old, advantage, mask, player)`, all tensors (B, T) but the player's configuration, and returns
the per-token loss (B, T) to be minimised and a dict of per-token statistics (B, T). Aggregation is separate.
"""

from trainers.losses.ppo_clip import ppo_clip

LOSSES = {"ppo_clip": ppo_clip}
