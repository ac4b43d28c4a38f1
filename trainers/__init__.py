"""Training: the warm start, the co-training loop, and a room for each thing they are made of."""
