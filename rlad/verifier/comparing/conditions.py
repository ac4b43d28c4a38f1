"""Answers with a condition beside them: the condition counts only when both sides state one on the same name."""

from __future__ import annotations

from rlad.verifier.comparing.canon import canonical_key, rational
from rlad.verifier.comparing.regions import ORDER, NotARegion, Region, intersection, region_of, same_region
from rlad.verifier.comparing.values import Context
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node

_INTEGERS = frozenset("ijklmn")


def bare(node: Node) -> Node:
    """The answer without its conditions."""
    return node.args[0] if node.kind == "where" else node


def conditions_agree(gold: Node, pred: Node, ctx: Context) -> bool:
    """Whether no name is restricted in two different ways; a side that says nothing agrees with everything."""
    a, b = _by_name(gold, ctx), _by_name(pred, ctx)
    return all(same_region(a[name], b[name], ctx) for name in a.keys() & b.keys()) and _same_sets(gold, pred)


def _by_name(node: Node, ctx: Context) -> dict[str, Region]:
    """Name -> the region its inequalities leave; conditions that describe no region are left out."""
    out: dict[str, Region] = {}
    for condition in node.args[1:] if node.kind == "where" else ():
        if any(op not in ORDER and op != "!=" for op in condition.value):
            continue
        try:
            name, region = region_of(condition, ctx)
            if name in _INTEGERS:
                region = [piece._replace(**_closed(piece, ctx)) for piece in region]
            out[name] = intersection(out[name], region, ctx) if name in out else region
        except NotARegion:
            continue
    return out


def _closed(piece, ctx: Context) -> dict:
    """``n > 0`` as ``n >= 1``: names of indices run over integers."""
    out = {}
    for end, closed, step in (("low", "low_closed", 1), ("high", "high_closed", -1)):
        value = None if (node := getattr(piece, end)) is None else rational(node, ctx.budget)
        if value is not None and value.denominator == 1 and not getattr(piece, closed):
            out |= {end: N.num(value + step), closed: True}
    return out


def _same_sets(gold: Node, pred: Node) -> bool:
    """Sets of numbers named on both sides for one name must be the same set."""
    named = [
        {canonical_key(c.args[0]): canonical_key(c.args[1]) for c in node.args[1:] if c.value == ("in",)}
        if node.kind == "where"
        else {}
        for node in (gold, pred)
    ]
    return all(named[0][name] == named[1][name] for name in named[0].keys() & named[1].keys())
