"""The deep rung: sympy evaluates and simplifies what the other rungs left open. Slow, and unbounded in memory.

Two things bound its time without a clock: sizes that ``tractable`` checks before, and a budget of sympy's own calls, so
that a pair gets the same verdict on every machine. One call may still take long: only ever run it in a killable worker.
Sympy objects are built from our own tree, never from text.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import cache
from inspect import CO_GENERATOR
from types import FrameType

from rlad.verifier.budget import BudgetExceeded, TooLarge
from rlad.verifier.comparing.compare import equal
from rlad.verifier.comparing.tractable import tractable
from rlad.verifier.comparing.values import Context, is_scalar
from rlad.verifier.grammar.nodes import Node, free_symbols
from rlad.verifier.grammar.words import TRIGONOMETRIC

_SAME_NAME = (*TRIGONOMETRIC, "floor", "gamma", "min", "max", "sgn")
_MAX_POWER = 10_000
_MOST_CALLS = 80_000
"""Calls and returns of functions inside sympy, 15 to 30 ms. The Basel sum takes 55,000; an arctangent's integral
takes 230,000, and is left undecided."""


class NotBuildable(Exception):
    """The tree holds something sympy has no counterpart for."""


def deep_equal(gold: Node, pred: Node, ctx: Context) -> bool:
    """``equal``; a pair of scalars that it leaves open is handed to sympy."""
    if equal(gold, pred, ctx):
        return True
    if not ctx.undecided or not (is_scalar(gold) and is_scalar(pred)):
        return False
    if not (tractable(gold, ctx.budget) and tractable(pred, ctx.budget)):
        return False
    try:
        zero = _counted_calls(_MOST_CALLS, lambda: _is_zero(_build(gold) - _build(pred)))
    except NotBuildable:
        return False
    except _TooManyCalls:
        raise BudgetExceeded("symbolic simplification takes too many operations") from None
    ctx.rung = "symbolic"
    if zero is not None:
        ctx.undecided.clear()
    return bool(zero)


class _TooManyCalls(BaseException):
    """The calls are used up. No ``Exception``, because sympy catches those of its own computations."""


@cache
def _warm_up() -> None:
    """Build what sympy imports and tabulates in the middle of its first computations, at a million calls each."""
    import sympy

    k, x = sympy.Symbol("k", integer=True), sympy.Symbol("x", real=True)
    sympy.Sum(sympy.Rational(1, 2) ** k, (k, 0, sympy.oo)).doit()  # the table of hypergeometric functions
    sympy.Integral(sympy.exp(-(x**2)), (x, -sympy.oo, sympy.oo)).doit()  # and of Meijer's
    sympy.simplify(sympy.Integral(sympy.sqrt(1 - x**2), (x, 0, 1)).doit())


def _counted_calls(limit: int, compute: Callable[[], bool | None]) -> bool | None:
    """``compute()``; ``_TooManyCalls`` after ``limit`` calls and returns of this thread, counted as a profiler does.

    Sympy's caches are emptied and what it builds once is built first: what earlier pairs left would change the count.
    """
    from sympy.core.cache import clear_cache

    _warm_up()
    clear_cache()
    left, running = limit, True

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        left -= 1
        # Never where a generator goes on or returns: an abandoned one does so in its destructor, where the end is lost.
        if left < 0 and running and event.endswith("call") and not frame.f_code.co_flags & CO_GENERATOR:
            sys.settrace(count_again)  # what a profiler raises takes the profiler away
            raise _TooManyCalls

    def count_again(frame: object, event: str, argument: object) -> None:
        """A function is called after the end was raised: some bare ``except`` of sympy or mpmath caught it."""
        sys.settrace(None)
        sys.setprofile(count)

    profiler, tracer, collects = sys.getprofile(), sys.gettrace(), gc.isenabled()
    gc.disable()  # a collection runs destructors at any call
    sys.setprofile(count)
    try:
        result = compute()
    finally:
        running = False
        sys.settrace(tracer)
        sys.setprofile(profiler)
        if collects:
            gc.enable()
    if left < 0:  # the end was lost, and nothing was called after it
        raise _TooManyCalls
    return result


def _is_zero(difference) -> bool | None:
    """True or False when sympy is sure, None when it is not."""
    import sympy

    for step in (lambda d: d.doit(), sympy.simplify, lambda d: sympy.simplify(d.rewrite(sympy.exp))):
        difference = step(difference)
        if difference == 0:
            return True
        if difference.is_zero is False or (
            difference.is_number and difference.is_comparable and abs(difference.evalf(30)) > 1e-20
        ):
            return False
    return None


def _build(n: Node):
    """The sympy expression of a tree; sizes were checked by the parser, powers are checked here."""
    import sympy

    kind = n.kind
    if kind == "num":
        return sympy.Rational(n.value.numerator, n.value.denominator)
    if kind == "sym":
        return sympy.Symbol(n.value, real=True)
    if kind == "const":
        table = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "inf": sympy.oo, "deg": sympy.pi / 180}
        return table[n.value]
    if kind == "add":
        return sympy.Add(*map(_build, n.args))
    if kind == "mul":
        return sympy.Mul(*map(_build, n.args))
    if kind == "percent":
        return _build(n.args[0]) / 100
    if kind == "ratio" and len(n.args) == 2:
        return _build(n.args[0]) / _build(n.args[1])
    if kind == "pow":
        base, exponent = map(_build, n.args)
        if exponent.is_number and (not exponent.is_comparable or abs(exponent.evalf(10)) > _MAX_POWER):
            raise TooLarge("power")
        return sympy.Pow(base, exponent)
    if kind == "func":
        return _function(n.value, [_build(a) for a in n.args])
    if kind == "apply":
        return sympy.Function(n.value)(*map(_build, n.args))
    if kind == "bigop":
        return _operator(n)
    raise NotBuildable(kind)


def _function(name: str, args: list):
    import sympy

    if name in _SAME_NAME:
        special = {"min": sympy.Min, "max": sympy.Max, "sgn": sympy.sign}
        return special.get(name, getattr(sympy, name, None))(*args)
    if name == "fact":
        if args[0].is_number and args[0] > _MAX_POWER:
            raise TooLarge("factorial")
        return sympy.factorial(*args)
    table = {
        "ln": sympy.log,
        "log": sympy.log,
        "logb": sympy.log,
        "abs": sympy.Abs,
        "ceil": sympy.ceiling,
        "binom": sympy.binomial,
        "arcsin": sympy.asin,
        "arccos": sympy.acos,
        "arctan": sympy.atan,
        "arccot": sympy.acot,
        "arcsec": sympy.asec,
        "arccsc": sympy.acsc,
        "arcsinh": sympy.asinh,
        "arccosh": sympy.acosh,
        "arctanh": sympy.atanh,
        "root": sympy.real_root,
        "mod": sympy.Mod,
        "gcd": sympy.gcd,
        "lcm": sympy.lcm,
        "Re": sympy.re,
        "Im": sympy.im,
    }
    if name not in table:
        raise NotBuildable(name)
    return table[name](*args)


def _operator(n: Node):
    """Sums, products, limits and integrals. An integral's body ends in ``d`` times its variable."""
    import sympy

    bound, lower, upper, body = n.args
    if n.value in ("sum", "prod") and bound.value:
        index = sympy.Symbol(bound.value, integer=True)
        limits = (index, _build(lower), _build(upper))
        inner = _build(body).subs(sympy.Symbol(bound.value, real=True), index)
        return sympy.Sum(inner, limits) if n.value == "sum" else sympy.Product(inner, limits)
    if n.value == "lim" and bound.value:
        return sympy.Limit(_build(body), sympy.Symbol(bound.value, real=True), _build(lower), "+-")
    if n.value == "int":
        integrand, name = _integrand(body)
        x = sympy.Symbol(name, real=True)
        if not lower.args and lower.kind == "list":
            raise NotBuildable("indefinite integral")
        return sympy.Integral(_build(integrand), (x, _build(lower), _build(upper)))
    raise NotBuildable(n.value)


def _integrand(body: Node) -> tuple[Node, str]:
    """``x^2 * d * x`` as ``x^2`` and ``x``."""
    factors = list(body.args) if body.kind == "mul" else [body]
    if len(factors) >= 2 and factors[-2].kind == "sym" and factors[-2].value == "d" and factors[-1].kind == "sym":
        rest = factors[:-2]
        if all("d" not in free_symbols(f) for f in rest):
            from rlad.verifier.grammar.nodes import ONE, mul

            return (mul(*rest) if rest else ONE), factors[-1].value
    raise NotBuildable("integrand")
