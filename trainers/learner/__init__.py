"""One player's update: batches, log-probs, loss, step, publishing, checkpoints. Advantages come in with the rows."""
