"""The data cursor: which problems come next."""

from __future__ import annotations

import random


class Cursor:
    """Draws problems epoch by epoch, each epoch in its own order; its state is part of the checkpoint."""

    def __init__(self, size: int, seed: int | str):
        self.size, self.seed = size, seed
        self.position = 0

    def take(self, count: int) -> list[int]:
        """The next `count` indices."""
        taken = []
        for _ in range(count):
            epoch, offset = divmod(self.position, self.size)
            if offset == 0 or not taken:
                order = list(range(self.size))
                random.Random(f"{self.seed}|{epoch}").shuffle(order)
            taken.append(order[offset])
            self.position += 1
        return taken
