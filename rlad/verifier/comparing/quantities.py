"""Numbers with units, degrees and percent signs.

Two different units of measurement never match; units of one dimension are converted exactly. One side may leave its
unit out.
"""

from __future__ import annotations

from fractions import Fraction

from rlad.verifier.comparing.canon import rational
from rlad.verifier.comparing.values import Context, rounds_to, same_value
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node, free_symbols
from rlad.verifier.grammar.units import unit_signature

_ANGLE = ((("angle", 1),), Fraction(1))
_EITHER = frozenset(("K", "M", "B", "G", "T"))
"""Upright letters that scale (3 K is 3,000) or are units (300 K): a side without them says something else."""
_PERCENT = ((("percentage", 1),), Fraction(1))


def split_quantity(node: Node) -> tuple[Node, str | None]:
    """``(number, unit text)``; degrees and percent count as units, ``None`` when there is no unit."""
    if node.kind == "quantity":
        inner, unit = node.args[0], str(node.value)
        if (
            unit in ("C", "F")
            and inner.kind == "mul"
            and inner.args[-1].kind == "const"
            and inner.args[-1].value == "deg"
        ):
            return N.mul(*inner.args[:-1]), "celsius" if unit == "C" else "fahrenheit"
        return inner, unit
    if node.kind == "percent":
        return node.args[0], "percent"
    if node.kind == "mul" and node.args[-1].kind == "const" and node.args[-1].value == "deg":
        rest = node.args[:-1]
        return (N.mul(*rest) if rest else N.ONE), "degrees"
    if node.kind == "mul" and any(a.kind == "percent" for a in node.args[-1:]):
        return N.mul(*node.args[:-1], node.args[-1].args[0]), "percent"
    return node, None


def same_quantity(gold: Node, pred: Node, ctx: Context) -> bool:
    """Equality where at least one side has a unit."""
    (a, unit_a), (b, unit_b) = split_quantity(gold), split_quantity(pred)
    if unit_a is None and unit_b is not None:
        a, unit_a = italic_unit(a)
    if unit_b is None and unit_a is not None:
        b, unit_b = italic_unit(b)
    if unit_a is not None and unit_b is not None:
        return _both(a, unit_a, b, unit_b, ctx)
    if (unit_a or unit_b) in _EITHER:
        return False
    signature = unit_signature(unit_a or unit_b or "")
    if signature == _PERCENT:
        return _percent(a, unit_a is not None, b, ctx)
    if signature == _ANGLE and (_equal(_radians(a, unit_a), _radians(b, unit_b), ctx)):
        return True
    return ctx.options.unit_may_be_omitted and _equal(a, b, ctx)


def italic_unit(node: Node) -> tuple[Node, str | None]:
    """``9.8 m/s^2`` written as a product of letters, to be read beside a side that spells its unit out."""
    if node.kind != "mul":
        return node, None
    numbers = [f for f in node.args if not free_symbols(f)]
    letters = []
    for f in node.args:
        if f in numbers:
            continue
        base, exponent = (f.args[0], f.args[1]) if f.kind == "pow" else (f, N.ONE)
        if base.kind == "pow" and exponent.kind == "num":
            base, exponent = (
                base.args[0],
                N.num(base.args[1].value * exponent.value) if base.args[1].kind == "num" else N.ONE,
            )
        if base.kind != "sym" or exponent.kind != "num" or exponent.value.denominator != 1:
            return node, None
        letters.append(f"{base.value}^{exponent.value}")
    unit = " ".join(letters)
    return (N.mul(*numbers), unit) if numbers and letters and unit_signature(unit) is not None else (node, None)


def _equal(a: Node, b: Node, ctx: Context) -> bool:
    return same_value(a, b, ctx) or rounds_to(a, b, ctx)


def _radians(a: Node, unit: str | None) -> Node:
    return a if unit is None else N.mul(a, N.const("deg"))


def _percent(a: Node, a_has_sign: bool, b: Node, ctx: Context) -> bool:
    """``62.5%`` is 5/8. The sign alone may be left out above one percent, where no probability can be meant."""
    with_sign = Node("percent", (a if a_has_sign else b,))
    if _equal(with_sign, b, ctx) if a_has_sign else _equal(a, with_sign, ctx):
        return True
    value = rational(a if a_has_sign else b, ctx.budget)
    return ctx.options.percent_may_be_omitted and value is not None and abs(value) > 1 and _equal(a, b, ctx)


def _both(a: Node, unit_a: str, b: Node, unit_b: str, ctx: Context) -> bool:
    sa, sb = unit_signature(unit_a), unit_signature(unit_b)
    if sa is not None and sb is not None:
        dims_a, dims_b = (tuple(d for d in s[0] if d[0] != "unit") for s in (sa, sb))
        if not dims_a or not dims_b:
            return _equal(a, b, ctx)  # "units" names no unit
        if dims_a != dims_b:
            return False
        if sa[1] == sb[1]:
            return _equal(a, b, ctx)
        factor = sb[1] / sa[1]
        return _equal(a, N.mul(N.num(factor), b), ctx)
    if (sa is None) != (sb is None):
        known = sa or sb
        return known is not None and all(d[0] == "unit" for d in known[0]) and _equal(a, b, ctx)
    return _share_a_noun(unit_a, unit_b) and _equal(a, b, ctx)


def _share_a_noun(a: str, b: str) -> bool:
    """Two count nouns may name the same things when they share a word: "right triangles" and "triangles"."""
    words = [{w.rstrip("s") for w in u.lower().replace(".", " ").split()} - {"of", "the", ""} for u in (a, b)]
    return bool(words[0] & words[1])
