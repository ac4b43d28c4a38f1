"""The operation budget and the errors with which the reading and comparing of answers give up.

A budget counts work, never time, so the same pair gets the same verdict on a slow and on a fast machine and from any
thread. One unit is about one microsecond of CPython on a current core.
"""

from __future__ import annotations


class VerifierError(Exception):
    """Base of every error the verifier raises on purpose; none of them leaves ``verify``."""


class ParseError(VerifierError):
    """The text is no answer this grammar can read."""


class TooLarge(VerifierError):
    """A number, power, factorial or tree is beyond the limits; nothing of it was computed."""


class BudgetExceeded(VerifierError):
    """The comparison has used up its operations."""


class NotDefined(VerifierError):
    """The value does not exist at this point (division by zero, logarithm of zero, non-integer factorial ...)."""


class OperationBudget:
    """Counts down operations; ``spend`` raises ``BudgetExceeded`` when none are left."""

    __slots__ = ("left", "max_digits")

    def __init__(self, operations: int, max_digits: int = 2000) -> None:
        self.left = operations
        self.max_digits = max_digits

    def spend(self, operations: int = 1) -> None:
        """Take ``operations`` from the budget."""
        self.left -= operations
        if self.left < 0:
            raise BudgetExceeded("operation budget spent")
