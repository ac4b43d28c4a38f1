"""A budget of generated tokens that is never exceeded."""

from __future__ import annotations


class Budget:
    """Tokens that a tree may generate. Every sample reserves the most it can cost before it is asked for.

    >>> budget = Budget(100)
    >>> budget.reserve(60)
    >>> budget.free
    40
    >>> budget.settle(60, 10)  # it turned out shorter
    >>> budget.free, budget.spent
    (90, 10)
    """

    def __init__(self, total: int):
        self.total, self.spent, self.reserved = total, 0, 0

    @property
    def free(self) -> int:
        return self.total - self.spent - self.reserved

    def reserve(self, tokens: int) -> None:
        if tokens > self.free:
            raise ValueError(f"{tokens} tokens cannot be reserved, {self.free} are free.")
        self.reserved += tokens

    def settle(self, reserved: int, spent: int) -> None:
        """Gives a reservation back and pays what was generated."""
        self.reserved -= reserved
        self.spent += spent
