"""How much memory: the loss beside full logits, and what `--dry-run` says beside what a step takes."""
