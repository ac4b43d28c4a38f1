"""Whether symbolic algebra may be tried on a tree at all: sizes that are checked before anything is built.

What fails here stays undecided. Sympy works without limits of its own: a sum of ten million millions of terms, the
binomial of a binomial or a tower of exponents keep it busy for ever, and often inside one call that nothing can count.
"""

from __future__ import annotations

from fractions import Fraction

from rlad.verifier.budget import NotDefined, OperationBudget, TooLarge
from rlad.verifier.comparing.canon import rational
from rlad.verifier.grammar.nodes import Node, free_symbols

_MOST_NODES = 200
_MOST_OPERATORS = 3
_MOST_TERMS = 1000
_LARGEST_ARGUMENT = 1000
_LARGEST_EXPONENT = 10_000
_MOST_BITS = 100_000
_HIGHEST_DEGREE = 100
_SUMMABLE = frozenset(("fact", "binom"))


def tractable(node: Node, budget: OperationBudget) -> bool:
    """Whether every power, factorial, sum and limit of a tree is small enough for symbolic algebra.

    >>> from rlad.verifier.grammar.nodes import num, power
    >>> budget = OperationBudget(1000)
    >>> tractable(power(num(2), num(100)), budget), tractable(power(num(2), num(10**9)), budget)
    (True, False)
    """
    nodes = list(node.walk())
    if len(nodes) > _MOST_NODES or sum(n.kind == "bigop" for n in nodes) > _MOST_OPERATORS:
        return False
    return all(_small(n, budget) for n in nodes)


def _small(n: Node, budget: OperationBudget) -> bool:
    if n.kind == "num":
        return _bits(n.value) <= _MOST_BITS
    if n.kind == "pow":
        return _small_power(*n.args, budget)
    if n.kind == "func" and n.value in ("fact", "fact2", "binom"):
        return all(_at_most(a, _LARGEST_ARGUMENT, budget) for a in n.args)
    if n.kind == "bigop":
        return _small_operator(n, budget)
    return True


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _value(n: Node, budget: OperationBudget) -> Fraction | None:
    try:
        return rational(n, budget)
    except (NotDefined, TooLarge):
        return None


def _at_most(n: Node, limit: int, budget: OperationBudget) -> bool:
    """Whether a node without names is a rational no larger than ``limit``; one with names may be anything simple."""
    if free_symbols(n):
        return not n.has("bigop")
    value = _value(n, budget)
    return value is not None and abs(value) <= limit


def _small_power(base: Node, exponent: Node, budget: OperationBudget) -> bool:
    if exponent.has("bigop", "pow") and any(_towering(n) for n in exponent.walk()):
        return False
    value = _value(exponent, budget) if not free_symbols(exponent) else None
    if value is None:
        return not any(n.kind == "num" and abs(n.value) > _LARGEST_EXPONENT for n in exponent.walk())
    size = _value(base, budget) if not free_symbols(base) else None
    return abs(value) <= _LARGEST_EXPONENT and (size is None or _bits(size) * abs(value) <= _MOST_BITS)


def _towering(n: Node) -> bool:
    """A part of an exponent that makes it a tower: a power that is more than a square root or ``x^2``."""
    return n.kind == "bigop" or (n.kind == "pow" and (n.args[1].kind != "num" or abs(n.args[1].value) > 4))


def _small_operator(n: Node, budget: OperationBudget) -> bool:
    bound, lower, upper, body = n.args
    if lower.has("bigop") or upper.has("bigop"):
        return False
    if any(_high_power(part) for part in body.walk()):
        return False
    if n.value not in ("sum", "prod"):
        return True
    first, last = _value(lower, budget), _value(upper, budget)
    if first is not None and last is not None:
        return last - first <= _MOST_TERMS or (n.value == "sum" and _polynomial(body, bound.value))
    if upper.has("const") or lower.has("const"):  # infinitely many terms, or bounds that are no integers
        return n.value == "sum" and all(_summable(part, bound.value) for part in body.walk())
    return True


def _high_power(n: Node) -> bool:
    """Whether a part of a summand or integrand is a name to a power that sympy would write out term by term: a high
    degree, or a power of its own exponent such as k^k (x^k is a geometric series)."""
    if n.kind != "pow":
        return False
    base, exponent = n.args
    if set(free_symbols(base)) & set(free_symbols(exponent)):
        return True
    return bool(free_symbols(base)) and exponent.kind == "num" and abs(exponent.value) > _HIGHEST_DEGREE


def _polynomial(body: Node, index: str) -> bool:
    """Whether the index occurs only in sums, products and small whole powers: such sums have a closed form."""
    for n in body.walk():
        if n.kind == "pow" and index in free_symbols(n):
            e = n.args[1]
            if e.kind != "num" or e.value.denominator != 1 or not 0 <= e.value <= 12:
                return False
        elif n.kind not in ("num", "sym", "add", "mul", "const", "pow"):
            return False
    return True


def _summable(n: Node, index: str) -> bool:
    """Whether a part of the summand is of a kind whose infinite sums are known: no root or sine of the index."""
    if index not in free_symbols(n):
        return True
    if n.kind == "func":
        return n.value in _SUMMABLE
    return n.kind != "pow" or n.args[1].kind != "num" or n.args[1].value.denominator == 1
