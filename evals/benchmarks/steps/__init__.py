"""What a training step costs: beside TRL, beside its halves, with overlap, on many ranks, with instruments."""
