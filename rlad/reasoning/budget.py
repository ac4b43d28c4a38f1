"""A budget of generated tokens that is never exceeded."""

from __future__ import annotations


class Purse:
    """Tokens that a tree may generate. Every sample reserves the most it can cost before it is asked for.

    >>> purse = Purse(100)
    >>> purse.reserve(60)
    >>> purse.free, purse.affords(30)
    (40, 1)
    >>> purse.settle(60, 10)  # it turned out shorter
    >>> purse.free, purse.spent
    (90, 10)
    """

    def __init__(self, total: int):
        self.total, self.spent, self.reserved = total, 0, 0

    @property
    def free(self) -> int:
        return self.total - self.spent - self.reserved

    def affords(self, each: int) -> int:
        """How many samples of at most `each` tokens can be reserved now."""
        return self.free // each

    def reserve(self, tokens: int) -> None:
        if tokens > self.free:
            raise ValueError(f"{tokens} tokens cannot be reserved, {self.free} are free.")
        self.reserved += tokens

    def settle(self, reserved: int, spent: int) -> None:
        """Gives a reservation back and pays what was generated."""
        self.reserved -= reserved
        self.spent += spent
