"""The data cursor: which problems come next."""

from __future__ import annotations

import random


class Cursor:
    """Draws problems epoch by epoch, each epoch in its own order; its state is part of the checkpoint."""

    def __init__(self, size: int, seed: int | str):
        self.size, self.seed = size, seed
        self.position = 0

    def take(self, count: int, skip: frozenset[int] = frozenset()) -> list[int]:
        """The next `count` indices that are not in `skip`, which must leave some.

        >>> Cursor(4, 0).take(6), Cursor(4, 0).take(6, frozenset({0, 3}))
        ([2, 3, 0, 1, 0, 1], [2, 1, 1, 2, 2, 1])
        """
        if len(skip) >= self.size:
            raise ValueError("There is no problem left to draw.")
        taken: list[int] = []
        order = None
        while len(taken) < count:
            epoch, offset = divmod(self.position, self.size)
            if offset == 0 or order is None:
                order = list(range(self.size))
                random.Random(f"{self.seed}|{epoch}").shuffle(order)
            if order[offset] not in skip:
                taken.append(order[offset])
            self.position += 1
        return taken

    def state(self) -> int:
        """How many places of the epochs lie behind."""
        return self.position

    def restore(self, state: int) -> None:
        self.position = state
