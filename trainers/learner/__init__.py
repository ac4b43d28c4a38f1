"""One player's update: micro-batches, log-probs, loss, ZeRO-3 step, checkpoint, parity. Knows no role."""
