"""Labels: what stands before the equals sign in ``x = 3``, ``f(t) = ...``, ``(p, q) = (3, 2)``, ``\\text{Area} =
5``, ``|AB| = 1``.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from rlad.verifier.comparing.canon import canonical_key
from rlad.verifier.comparing.values import Context, is_scalar, same_value, shown_digits
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node, free_symbols


class Labelled(NamedTuple):
    """An assignment: its label, its value, an approximate second form of the value, and whether its chain holds."""

    label: Node | None
    value: Node
    approximate: Node | None
    consistent: bool


def is_name(node: Node) -> bool:
    """Whether a node names something instead of computing it: ``x``, ``f(2)``, ``AB``, ``\\frac{NO}{BO}``,
    ``V_1:V_2``, ``\\angle A``.
    """
    kind = node.kind
    if kind in ("sym", "apply", "text"):
        return not (kind == "sym" and node.value == "...")
    if kind == "const":
        return node.value == "e"  # a letter that happens to be a constant is no name on its own, except eccentricity
    if kind in ("tuple", "list", "ratio"):
        return all(is_name(a) for a in node.args)
    if kind == "mul" and len(node.args) == 2 and node.args[0].kind == "sym" and node.args[1].kind == "tuple":
        return True  # E(x, 0): a function of several arguments
    if kind == "mul":
        return all(is_name(a) or (a.kind == "pow" and _reciprocal(a)) for a in node.args)
    if kind == "func" and node.value in ("abs", "norm"):
        inner = node.args[0]
        return (inner.kind == "sym" and len(inner.value) > 1 and inner.value.isupper()) or (
            inner.kind == "func" and is_name(inner)
        )
    if kind == "func" and node.value in (
        "det",
        "min",
        "max",
        "overline",
        "bar",
        "hat",
        "overrightarrow",
        "deg",
        "arg",
        "Re",
        "Im",
        "sin",
        "cos",
        "tan",
    ):
        return all(is_name(a) for a in node.args)
    return False


def _reciprocal(a: Node) -> bool:
    return is_name(a.args[0]) and a.args[1].kind == "num" and a.args[1].value == -1


def labelled(node: Node, ctx: Context) -> Labelled | None:
    """A chain of equalities read as an assignment, or None when it is another relation.

    ``x = 5 + 6 = 11`` has the label x and the value 11. A bare chain whose numbers differ (``4 = 3``) does not hold.
    What follows an approximation sign is never the answer of a prediction that also gives an exact form.
    """
    if node.kind != "rel" or any(op not in ("=", "~") for op in node.value):
        return None
    members, ops = list(node.args), list(node.value)
    label = None
    if is_name(members[0]) or (members[-1].kind == "matrix" and not members[0].has("matrix")):
        label = members.pop(0)
        if ops[0] == "~" and len(ops) > 1:
            ops[0] = "="
        ops.pop(0)
    elif len(members) == 2 and is_name(members[1]) and members[1].kind == "sym" and not free_symbols(members[0]):
        return Labelled(members[1], members[0], None, True)  # 3 = x
    elif (
        not all(not free_symbols(m) for m in members) or not all(is_scalar(m) or m.kind == "quantity" for m in members)
    ) and (
        any(not is_scalar(m) for m in members) or not all(same_value(x, y, ctx) for x, y in itertools.pairwise(members))
    ):
        return None  # an equation; an identity restates one expression
    while len(members) > 1 and is_name(members[0]) and not is_name(members[-1]):
        members.pop(0)
        ops.pop(0)
    exact_end = ops.index("~") if "~" in ops else len(ops)
    value = members[exact_end]
    approximate = members[exact_end + 1] if exact_end < len(ops) else None
    # behind a label stands working, whose last exact member is the result; a bare chain must hold
    consistent = label is not None or all(
        op == "~" or _holds(a, b, ctx) for a, op, b in zip(members, ops, members[1:], strict=False)
    )
    return Labelled(label, value, approximate, consistent)


def _holds(a: Node, b: Node, ctx: Context) -> bool:
    """Whether two neighbours of a chain can both be true; neighbours with variables are not judged."""
    a, b = (x.args[0] if x.kind == "quantity" else x for x in (a, b))
    for percent, number in ((a, b), (b, a)):
        if percent.kind == "percent" and number.kind == "num" and (shown := shown_digits(percent)):
            return abs(number.value - shown[0]) <= shown[1]  # a percentage may be the number rounded
    if not (is_scalar(a) and is_scalar(b)) or free_symbols(a) or free_symbols(b):
        return True
    return same_value(a, b, ctx)


def labels_agree(a: Node, b: Node) -> dict[str, str] | None:
    """Renaming of the second label's arguments that makes it the first label, or None.

    Worded labels agree with anything; ``y`` and ``f(x)`` are the same label for a graph.
    """
    if canonical_key(a) == canonical_key(b) or "text" in (a.kind, b.kind):
        return {}
    if a.kind == b.kind == "apply" and len(a.args) == len(b.args) and a.value == b.value:
        if all(x.kind == "sym" for x in a.args + b.args):
            return {y.value: x.value for x, y in zip(a.args, b.args, strict=False)}
        return None
    for x, y in ((a, b), (b, a)):
        if x.kind == "sym" and x.value == "y" and y.kind == "apply" and len(y.args) == 1 and y.args[0].kind == "sym":
            return {}
    return None


def base_letter(label: Node) -> str:
    """``x_1`` and ``x_2`` number the values of one unknown ``x``."""
    return label.value.split("_")[0] if label.kind == "sym" else canonical_key(label)


def split_tuple(node: Node) -> list[Node]:
    """``(p, q) = (3, 2)`` as ``p = 3`` and ``q = 2``; anything else as it is."""
    if (
        node.kind == "rel"
        and node.value == ("=",)
        and node.args[0].kind == node.args[1].kind == "tuple"
        and len(node.args[0].args) == len(node.args[1].args)
    ):
        return [Node("rel", pair, ("=",)) for pair in zip(node.args[0].args, node.args[1].args, strict=False)]
    return [node]


__all__ = ["Labelled", "N", "base_letter", "is_name", "labelled", "labels_agree", "split_tuple"]
