"""Sets of real numbers: intervals, unions, differences, single points and the solution sets of simple inequalities.

A region is a sorted list of disjoint pieces ``(low, low closed, high, high closed)`` whose ends are trees, None for
infinity.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import NamedTuple

from rlad.verifier.budget import ParseError
from rlad.verifier.comparing.canon import canonical_key, rational
from rlad.verifier.comparing.values import Context, is_scalar, real_number, same_value
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node, free_symbols

ORDER = frozenset(("<", "<=", ">", ">="))


class Section(NamedTuple):
    """One interval or, with equal closed ends, one point."""

    low: Node | None
    low_closed: bool
    high: Node | None
    high_closed: bool


Region = list[Section]
ALL: Region = [Section(None, False, None, False)]


class NotARegion(Exception):
    """The node does not describe a set of reals this module can handle."""


def region_of(node: Node, ctx: Context) -> tuple[str | None, Region]:
    """``(name of the variable or None, region)``; raises ``NotARegion``."""
    kind = node.kind
    if kind == "interval":
        return None, [_piece(node.args[0], node.value[0], node.args[1], node.value[1], ctx)]
    if kind in ("tuple", "brack") and len(node.args) == 2 and all(is_scalar(a) for a in node.args):
        return None, [_piece(node.args[0], kind == "brack", node.args[1], kind == "brack", ctx)]
    if kind == "set":
        if not all(is_scalar(a) for a in node.args):
            raise NotARegion
        return None, [Section(a, True, a, True) for a in node.args]
    if kind == "sym" and node.value == "reals":
        return None, ALL
    if kind == "add" and len(node.args) == 2 and node.args[0].kind == "sym" and node.args[0].value == "reals":
        minus = node.args[1]
        if minus.kind == "mul" and minus.args[0].kind == "num" and minus.args[0].value == -1 and len(minus.args) == 2:
            return None, difference(ALL, region_of(minus.args[1], ctx)[1], ctx)
    if kind in ("union", "inter", "diff"):
        (v1, a), (v2, b) = region_of(node.args[0], ctx), region_of(node.args[1], ctx)
        return v1 or v2, a + b if kind == "union" else intersection(a, b, ctx) if kind == "inter" else difference(
            a, b, ctx
        )
    if kind == "builder":
        return _builder(node, ctx)
    if kind == "rel":
        return _relation(node, ctx)
    if kind == "list" and all(a.kind == "rel" for a in node.args):
        return _joined(node, ctx)
    raise NotARegion


def _piece(low: Node, low_closed: bool, high: Node, high_closed: bool, ctx: Context) -> Section:
    """A written interval. One whose ends are in the wrong order is a slip, not the empty set: it equals only itself."""
    lo, hi = (None if _sign_of_infinity(x) else x for x in (low, high))
    if _sign_of_infinity(low) == 1 or _sign_of_infinity(high) == -1:
        raise NotARegion
    piece = Section(lo, low_closed and lo is not None, hi, high_closed and hi is not None)
    if not (free_symbols(low) or free_symbols(high)) and _empty(piece, ctx):
        raise NotARegion
    return piece


def _sign_of_infinity(n: Node) -> int:
    k = canonical_key(n) if n.has("const") else ""
    return 1 if k == ".inf" else -1 if k == "-1*.inf" else 0


def _joined(node: Node, ctx: Context) -> tuple[str | None, Region]:
    parts = [region_of(a, ctx) for a in node.args]
    names = {n for n, _ in parts}
    if len(names) > 1:
        raise NotARegion
    if all(a.value == ("=",) for a in node.args):
        raise NotARegion  # a list of solutions, not a region
    both = node.value == "and" and not _disjoint_hint(node)
    out = parts[0][1]
    for a, (_, r) in zip(node.args[1:], parts[1:], strict=True):
        out = intersection(out, r, ctx) if both or a.value == ("!=",) else out + r
    return names.pop(), out


def _disjoint_hint(node: Node) -> bool:
    return any(a.value == ("=",) for a in node.args)


def _builder(node: Node, ctx: Context) -> tuple[str | None, Region]:
    element, *conditions = node.args
    if element.kind == "rel" and element.value == ("in",):
        element = element.args[0]
    regions = [region_of(c, ctx) for c in conditions]
    if any(name is not None and name != canonical_key(element) for name, _ in regions):
        raise NotARegion
    out = regions[0][1]
    for _, r in regions[1:]:
        out = intersection(out, r, ctx)
    return None, out


def _relation(node: Node, ctx: Context) -> tuple[str | None, Region]:
    ops, args = node.value, node.args
    if ops == ("in",):
        if args[1].kind == "rel":
            raise NotARegion
        return canonical_key(args[0]), region_of(args[1], ctx)[1]
    if ops == ("!=",):
        name, value = _name_and_value(args)
        return name, difference(ALL, [Section(value, True, value, True)], ctx)
    if ops == ("=",):
        name, value = _name_and_value(args)
        return name, [Section(value, True, value, True)]
    if not all(op in ORDER for op in ops):
        raise NotARegion
    if (
        len(ops) == 2
        and ops[0][0] == ops[1][0]
        and is_scalar(args[1])
        and not free_symbols(args[0])
        and not free_symbols(args[2])
    ):
        first = _half_line(args[0], ops[0], args[1], ctx)
        second = _half_line(args[1], ops[1], args[2], ctx)
        if first[0] != second[0]:
            raise NotARegion
        return first[0], intersection(first[1], second[1], ctx)
    if len(ops) == 1:
        return _half_line(args[0], ops[0], args[1], ctx)
    raise NotARegion


def _name_and_value(args: tuple[Node, ...]) -> tuple[str, Node]:
    left, right = args
    if left.kind in ("sym", "apply") and not free_symbols(right) and is_scalar(right):
        return canonical_key(left), right
    if right.kind in ("sym", "apply") and not free_symbols(left) and is_scalar(left):
        return canonical_key(right), left
    raise NotARegion


_FLIP = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _half_line(left: Node, op: str, right: Node, ctx: Context) -> tuple[str, Region]:
    """``name < number`` in either order, also for linear expressions of one variable and ``|x|``."""
    if not is_scalar(left) or not is_scalar(right):
        raise NotARegion
    names = free_symbols(left) | free_symbols(right)
    if not free_symbols(left):
        left, right, op = right, left, _FLIP[op]
    if free_symbols(right) or left.kind not in ("sym", "apply", "func"):
        if len(names) != 1 or left.has("apply", "bigop"):
            raise NotARegion
        left, right, op = _solved(N.sub(left, right), op, names.pop(), ctx)
    if left.kind == "func" and left.value == "abs" and left.args[0].kind == "sym":
        return canonical_key(left.args[0]), _absolute(op, right, ctx)
    if _sign_of_infinity(right):
        return canonical_key(left), ALL
    closed = "=" in op
    piece = Section(None, False, right, closed) if op[0] == "<" else Section(right, closed, None, False)
    return canonical_key(left), [piece]


def _absolute(op: str, bound: Node, ctx: Context) -> Region:
    size = real_number(bound, ctx)
    if size is None or size <= 0:
        raise NotARegion
    closed = "=" in op
    if op[0] == "<":
        return [Section(N.neg(bound), closed, bound, closed)]
    return [Section(None, False, N.neg(bound), closed), Section(bound, closed, None, False)]


def _solved(f: Node, op: str, name: str, ctx: Context) -> tuple[Node, Node, str]:
    """``f op 0`` with f linear in ``name`` as ``name op value``."""
    at = [rational(N.substitute(f, name, N.num(k)), ctx.budget) for k in (0, 1, 2, 5)]
    if any(v is None for v in at):
        raise NotARegion
    slope = at[1] - at[0]
    if slope == 0 or at[2] != at[0] + 2 * slope or at[3] != at[0] + 5 * slope:
        raise NotARegion
    return N.sym(name), N.num(-at[0] / slope), op if slope > 0 else _FLIP[op]


# --- set operations
# -----------------------------------------------------------------------------------------------------
def _compare(a: Node, b: Node, ctx: Context) -> int:
    """Order of two ends; raises ``NotARegion`` when it cannot be told."""
    if canonical_key(a) == canonical_key(b):
        return 0
    ra, rb = rational(a, ctx.budget), rational(b, ctx.budget)
    if ra is not None and rb is not None:
        return (ra > rb) - (ra < rb)
    x, y = real_number(a, ctx), real_number(b, ctx)
    if x is None or y is None:
        raise NotARegion
    if abs(x - y) < (abs(x) + abs(y)) * 1e-30 and same_value(a, b, ctx):
        return 0
    return 1 if x > y else -1


def _low_order(p: Section, q: Section, ctx: Context) -> int:
    if p.low is None or q.low is None:
        return (q.low is None) - (p.low is None) if (p.low is None) != (q.low is None) else 0
    return _compare(p.low, q.low, ctx) or (q.low_closed - p.low_closed)


def _high_order(p: Section, q: Section, ctx: Context) -> int:
    if p.high is None or q.high is None:
        return (p.high is None) - (q.high is None) if (p.high is None) != (q.high is None) else 0
    return _compare(p.high, q.high, ctx) or (p.high_closed - q.high_closed)


def _empty(p: Section, ctx: Context) -> bool:
    if p.low is None or p.high is None:
        return False
    order = _compare(p.low, p.high, ctx)
    return order > 0 or (order == 0 and not (p.low_closed and p.high_closed))


def normal(region: Region, ctx: Context) -> Region:
    """Sorted, merged, without empty pieces."""
    if len(region) > 200:
        raise NotARegion
    ctx.budget.spend(20 * len(region))
    pieces = sorted((p for p in region if not _empty(p, ctx)), key=cmp_to_key(lambda p, q: _low_order(p, q, ctx)))
    out: Region = []
    for p in pieces:
        if out and _touch(out[-1], p, ctx):
            last = out[-1]
            best = p if _high_order(p, last, ctx) > 0 else last
            out[-1] = Section(last.low, last.low_closed, best.high, best.high_closed)
        else:
            out.append(p)
    return out


def _touch(p: Section, q: Section, ctx: Context) -> bool:
    if p.high is None or q.low is None:
        return True
    order = _compare(q.low, p.high, ctx)
    return order < 0 or (order == 0 and (p.high_closed or q.low_closed))


def intersection(a: Region, b: Region, ctx: Context) -> Region:
    """Points in both."""
    out: Region = []
    for p in a[:50]:
        for q in b[:50]:
            low = p if _low_order(p, q, ctx) >= 0 else q
            high = p if _high_order(p, q, ctx) <= 0 else q
            piece = Section(low.low, low.low_closed, high.high, high.high_closed)
            if not _empty(piece, ctx):
                out.append(piece)
    return out


def complement(a: Region, ctx: Context) -> Region:
    """All other reals."""
    out: Region = []
    low: Node | None = None
    closed, open_left = False, True
    for p in normal(a, ctx):
        if p.low is not None:
            out.append(Section(low, closed, p.low, not p.low_closed))
        open_left = p.high is not None
        low, closed = p.high, not p.high_closed
        if not open_left:
            break
    if open_left:
        out.append(Section(low, closed and low is not None, None, False))
    return out


def difference(a: Region, b: Region, ctx: Context) -> Region:
    """Points of ``a`` that are not in ``b``."""
    return intersection(a, complement(b, ctx), ctx)


def same_region(a: Region, b: Region, ctx: Context) -> bool:
    """Equality of two regions; with symbolic ends the pieces must match one by one in any order."""
    try:
        a, b = normal(a, ctx), normal(b, ctx)
    except NotARegion:
        rest = list(b)
        for p in a:
            match = next((q for q in rest if _same_piece(p, q, ctx)), None)
            if match is None:
                return False
            rest.remove(match)
        return not rest
    return len(a) == len(b) and all(_same_piece(p, q, ctx) for p, q in zip(a, b, strict=False))


def _same_piece(p: Section, q: Section, ctx: Context) -> bool:
    if (p.low_closed, p.high_closed, p.low is None, p.high is None) != (
        q.low_closed,
        q.high_closed,
        q.low is None,
        q.high is None,
    ):
        return False
    ends = [(x, y) for x, y in ((p.low, q.low), (p.high, q.high)) if x is not None]
    return all(ctx_equal(x, y, ctx) for x, y in ends)


def ctx_equal(gold: Node, pred: Node, ctx: Context) -> bool:
    """Ends of intervals follow the digits the gold shows, like every other number."""
    from rlad.verifier.comparing.values import rounds_to

    return same_value(gold, pred, ctx) or rounds_to(gold, pred, ctx)


__all__ = ["NotARegion", "ParseError", "Region", "region_of", "same_region"]
