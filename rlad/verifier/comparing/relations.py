"""Comparison of equations, inequalities and other relations that are not mere assignments."""

from __future__ import annotations

from rlad.verifier.budget import NotDefined, TooLarge
from rlad.verifier.comparing.canon import canonical_key
from rlad.verifier.comparing.evaluators import PreciseEvaluator
from rlad.verifier.comparing.values import Context, integer_names, is_scalar, points, same_value
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node, free_symbols

_TURNED = {
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
    "=": "=",
    "!=": "!=",
    "~": "~",
    "sim": "sim",
    "cong": "cong",
    "perp": "perp",
    "parallel": "parallel",
}
_ORDER = frozenset(("<", "<=", ">", ">="))


def same_relation(gold: Node, pred: Node, ctx: Context) -> bool:
    """Equality of two relations: member by member in either direction, or proportional differences."""
    if _memberwise(gold, pred, ctx):
        return True
    turned = _turn(pred)
    if turned is not None and _memberwise(gold, turned, ctx):
        return True
    if len(gold.value) == len(pred.value) == 1 and all(is_scalar(a) for a in gold.args + pred.args):
        return _proportional(gold, pred, ctx)
    return False


def _turn(rel: Node) -> Node | None:
    if not all(op in _TURNED for op in rel.value):
        return None
    return Node("rel", rel.args[::-1], tuple(_TURNED[op] for op in rel.value[::-1]))


def _memberwise(a: Node, b: Node, ctx: Context) -> bool:
    if a.value != b.value or len(a.args) != len(b.args):
        return False
    return all(
        canonical_key(x) == canonical_key(y) or (is_scalar(x) and is_scalar(y) and same_value(x, y, ctx))
        for x, y in zip(a.args, b.args, strict=False)
    )


def _difference(rel: Node) -> tuple[Node, str]:
    """``left - right`` and the operator, turned so that order relations read ``> 0`` or ``>= 0``."""
    left, right, op = rel.args[0], rel.args[1], rel.value[0]
    if op in ("<", "<="):
        left, right, op = right, left, _TURNED[op]
    return N.sub(left, right), op


def _proportional(gold: Node, pred: Node, ctx: Context) -> bool:
    (f, op), (g, other) = _difference(gold), _difference(pred)
    if op != other or op not in ("=", "!=", ">", ">="):
        return False
    names = free_symbols(f)
    if not names or names != free_symbols(g):
        return False
    ratio = constant_ratio(f, g, ctx)
    if ratio is None:
        return False
    return ratio > 0 if op in _ORDER else True


def constant_ratio(f: Node, g: Node, ctx: Context):
    """``f / g`` when it is one and the same non-zero real number at every tried point, else None."""
    ctx.rung = "numeric"
    first, count = None, 0
    names = sorted(free_symbols(f))
    for env in points(names, integer_names(f) | integer_names(g)):
        a, b = PreciseEvaluator(ctx.budget, env), PreciseEvaluator(ctx.budget, env)
        try:
            x, y = a.value(f), b.value(g)
        except NotDefined:
            continue
        except TooLarge as error:
            ctx.open(str(error))
            return None
        if not (a.real(x) and b.real(y)):
            continue
        if x == 0 or y == 0:
            if (x == 0) != (y == 0):
                return None
            continue
        ratio = (x / y).real
        if first is None:
            first = ratio
        elif abs(ratio - first) > abs(first) * a.mp.mpf(10) ** -30:
            return None
        count += 1
        if count >= 5:
            return first
    return None


def equation_for(equation: Node, expression: Node, ctx: Context) -> bool:
    """Whether ``y + 1 = -(2x-1)^2`` says ``y = expression``: exactly one more variable, and the same equation."""
    if equation.value != ("=",) or not all(is_scalar(a) for a in equation.args) or not is_scalar(expression):
        return False
    extra = free_symbols(equation) - free_symbols(expression)
    if len(extra) != 1 or not free_symbols(expression) <= free_symbols(equation):
        return False
    solved = Node("rel", (N.sym(extra.pop()), expression), ("=",))
    return _proportional(equation, solved, ctx)
