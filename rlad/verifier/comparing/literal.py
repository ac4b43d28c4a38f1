"""Whether an answer is a value as it is written, or still has to be computed."""

from __future__ import annotations

from rlad.verifier.budget import OperationBudget
from rlad.verifier.comparing.canon import rational
from rlad.verifier.grammar.nodes import Node

_SUMS = frozenset(("add", "mul", "pow", "func", "apply", "bigop"))
"""Operations; a fraction, a mixed number, a decimal and a percentage are read as one number."""


def computes(node: Node, budget: OperationBudget) -> bool:
    """Whether a part of an answer is arithmetic on numbers whose result is a plain number: ``3+5``, ``(2^3, 1)``.

    ``1.2 * 10^3`` is a way to write a number, and ``2 sqrt(3)`` cannot be written shorter.

    >>> from rlad.verifier.grammar.nodes import add, mul, num, power
    >>> [computes(n, OperationBudget(100)) for n in (add(num(3), num(5)), num(8), mul(num(3), power(num(10), num(2))))]
    [True, False, False]
    """
    if node.kind in _SUMS:
        return rational(node, budget) is not None and not _scientific(node)
    return any(computes(part, budget) for part in node.args)


def _scientific(node: Node) -> bool:
    """``a * 10^k`` and ``10^k``."""
    *first, power = node.args if node.kind == "mul" else (node,)
    base = power.args[0] if power.kind == "pow" else None
    return len(first) <= 1 and all(n.kind == "num" for n in first) and base is not None and base.value == 10
