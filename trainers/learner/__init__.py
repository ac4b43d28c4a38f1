"""One player's update: batches, log-probs, loss, ZeRO-3 step, checkpoint, parity. Advantages come in with the rows."""
