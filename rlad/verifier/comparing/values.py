"""Equality of two scalar values: canonical key, exact rationals, numeric refutation, many-digit agreement.

When agreement counts as equality. *Without variables*: both sides agree to 60 and then to 250 significant digits,
relative to
their size, with the digits lost to cancellation subtracted and with no addend too small to be seen at that precision.
Two short
expressions that agree so far are equal in every case that is not built to deceive; a term that could hide below the
precision
makes the pair undecided instead. *With variables*: agreement to 50 digits at four or more fixed pseudo-random
rational points of
mixed sign and size where both sides are real (any complex value counts when ``i`` is written), in the spirit of the
Schwartz-Zippel lemma. Variables under a factorial, a binomial, a big operator or as exponent of a negative number run
over integers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction

from rlad.verifier.budget import NotDefined, OperationBudget, TooLarge
from rlad.verifier.comparing.canon import canonical_key, rational
from rlad.verifier.comparing.evaluators import FloatEvaluator, PreciseEvaluator
from rlad.verifier.grammar.nodes import Node, free_symbols
from rlad.verifier.types import VerifyOptions

SCALARS = frozenset(("num", "sym", "const", "add", "mul", "pow", "func", "apply", "bigop", "percent", "ratio"))
_POINTS = 12
_ENOUGH = 4


@dataclass
class Context:
    """What one comparison carries along: options, budget, and why something stayed open."""

    options: VerifyOptions
    budget: OperationBudget
    undecided: list[str] = field(default_factory=list)
    rung: str = "structure"

    def open(self, reason: str) -> bool:
        """Note that a question stayed open; the answer for now is no."""
        if reason not in self.undecided:
            self.undecided.append(reason)
        return False


def is_scalar(node: Node) -> bool:
    """Whether the node is one number or expression."""
    return node.kind in SCALARS


def same_value(a: Node, b: Node, ctx: Context) -> bool:
    """Mathematical equality of two scalars; notes in ``ctx`` when it could not be decided."""
    budget = ctx.budget
    if canonical_key(a, budget) == canonical_key(b, budget):
        return True
    if not is_scalar(a) or not is_scalar(b):
        return False
    ra, rb = rational(a, budget), rational(b, budget)
    if ra is not None and rb is not None:
        return False  # equal rationals have equal keys
    ctx.rung = "numeric"
    infinite = a.has("const") and _infinite(a), b.has("const") and _infinite(b)
    if any(infinite):
        return False
    names = sorted(free_symbols(a) | free_symbols(b))
    bases = ("e", "10") if _has_log(a) or _has_log(b) else ("e",)
    for log_base in bases:
        if _agree(a, b, names, log_base, ctx):
            return ctx.options.numeric_identity or ctx.open("only numeric agreement")
    return False


def _infinite(n: Node) -> bool:
    return not n.has("bigop") and any(x.kind == "const" and x.value == "inf" for x in n.walk())


def _has_log(n: Node) -> bool:
    return any(x.kind == "func" and x.value == "log" for x in n.walk())


def _agree(a: Node, b: Node, names: list[str], log_base: str, ctx: Context) -> bool:
    if not names:
        return _agree_constants(a, b, log_base, ctx)
    if set(free_symbols(a)) != set(free_symbols(b)) and _refuted_at_once(a, b, names, log_base, ctx):
        return _needs_algebra(a, b, ctx)
    integers = integer_names(a) | integer_names(b)
    complex_written = _writes_i(a) or _writes_i(b)
    found = 0
    for env in points(names, integers):
        verdict = _agree_at(a, b, env, log_base, 50, complex_written, ctx)
        if verdict is False:
            return _needs_algebra(a, b, ctx)
        found += verdict is True
        if found >= _ENOUGH + (2 if integers else 0):
            return True
    if found >= 2:
        return True
    return ctx.open("too few points where both sides are real")


def _refuted_at_once(a: Node, b: Node, names: list[str], log_base: str, ctx: Context) -> bool:
    env = next(points(names, set()))
    return _agree_at(a, b, env, log_base, 50, True, ctx) is False


def _writes_i(n: Node) -> bool:
    return any(x.kind == "const" and x.value == "i" for x in n.walk())


def _agree_constants(a: Node, b: Node, log_base: str, ctx: Context) -> bool:
    for precision in (60, 250):
        verdict = _agree_at(a, b, {}, log_base, precision, True, ctx)
        if verdict is None:
            return ctx.open("value could not be computed")
        if verdict is False:
            return _needs_algebra(a, b, ctx)
    return True


def _needs_algebra(a: Node, b: Node, ctx: Context) -> bool:
    """A sum, integral or limit has no value here, so that different numbers prove nothing."""
    if a.has("bigop") or b.has("bigop"):
        return ctx.open("a sum, integral or limit needs simplification")
    return False


def _agree_at(
    a: Node, b: Node, env: dict[str, Fraction], log_base: str, precision: int, complex_counts: bool, ctx: Context
) -> bool | None:
    """True / False for agreement at one point, None where a side has no (real) value there."""
    if precision <= 60:
        quick = _float_verdict(a, b, env, log_base, complex_counts, ctx)
        if quick != "open":
            return quick
    left = PreciseEvaluator(ctx.budget, env, log_base, precision)
    right = PreciseEvaluator(ctx.budget, env, log_base, precision)
    try:
        x, y = left.value(a), right.value(b)
    except NotDefined:
        return None
    except TooLarge as error:
        ctx.open(str(error))
        return None
    if not complex_counts and not (left.real(x) and right.real(y)):
        return None
    if left.absorbed or right.absorbed:
        if precision >= 250 or env:
            ctx.open("a term is too small to be seen")
            return None
        return True  # look again with more digits
    size = max(abs(x), abs(y))
    if size == 0:
        return True
    digits = precision - 12 - max(left.lost, right.lost)
    if digits < 15:
        return None
    return bool(abs(x - y) <= size * left.mp.mpf(10) ** -int(digits))


def _float_verdict(a: Node, b: Node, env: dict[str, Fraction], log_base: str, complex_counts: bool, ctx: Context):
    """False when doubles refute, None when the point is not real, "open" when more digits must tell."""
    left, right = FloatEvaluator(ctx.budget, env, log_base), FloatEvaluator(ctx.budget, env, log_base)
    try:
        x, y = left.value(a), right.value(b)
    except (NotDefined, OverflowError):
        return "open"
    lost = max(left.lost, right.lost)
    if lost > 6 or left.absorbed or right.absorbed:
        return "open"
    if not complex_counts and abs(x.imag) > 1e-6 * abs(x):
        return None
    if not complex_counts and abs(y.imag) > 1e-6 * abs(y):
        return None
    size = max(abs(x), abs(y))
    return False if abs(x - y) > size * 10 ** (lost - 9) else "open"


def real_number(node: Node, ctx: Context, precision: int = 50):
    """The real value of a constant expression as an mpmath number, or None."""
    if free_symbols(node):
        return None
    evaluator = PreciseEvaluator(ctx.budget, {}, "e", precision)
    try:
        x = evaluator.value(node)
    except (NotDefined, TooLarge):
        return None
    return x.real if evaluator.real(x) else None


def integer_names(n: Node) -> set[str]:
    """Variables that only make sense as integers."""
    out: set[str] = set()
    for x in n.walk():
        if x.kind == "func" and x.value in ("fact", "fact2", "binom", "mod", "gcd", "lcm"):
            out |= free_symbols(x)
        elif x.kind == "bigop":
            out |= free_symbols(x.args[1]) | free_symbols(x.args[2])
        elif (
            x.kind == "pow"
            and x.args[0].kind in ("num", "mul", "const")
            and not free_symbols(x.args[0])
            and _negative(x.args[0])
        ):
            out |= free_symbols(x.args[1])
    return out


def _negative(n: Node) -> bool:
    return (
        (n.kind == "num" and n.value < 0)
        or (n.kind == "mul" and n.args[0].kind == "num" and n.args[0].value < 0)
        or (n.kind == "const" and n.value == "i")
    )


_RNG = random.Random(20251)
_TABLE = [Fraction(_RNG.randrange(101, 997), 997) for _ in range(211)]
_RANGES = ((1, 0), (4, 1), (-3, 0), (1, 0), (30, 5), (-2, 1), (2, 0), (-9, 2), (7, 1), (1, 0), (-1, 0), (90, 10))


def points(names: list[str], integers: set[str]):
    """Twelve fixed points: all small positive, all larger, then mixed signs; integers count up from different
    starts.
    """
    for k in range(_POINTS):
        env = {}
        for j, name in enumerate(names):
            if name in integers:
                env[name] = Fraction((2, 3, 5, 4, 8, 7, 11, 6, 9, 13, 10, 12)[(k + 5 * j) % 12])
                continue
            scale, shift = _RANGES[k if k % 3 < 2 else (k + j) % 12]
            env[name] = _TABLE[(37 * k + 11 * j) % 211] * scale + shift
        yield env


def shown_digits(node: Node) -> tuple[Fraction, Fraction, int] | None:
    """``(value, unit of the last shown digit, significant digits)`` of a decimal literal, a percentage or scientific
    notation.
    """
    if node.kind == "num" and node.decimals:
        ulp = Fraction(1, 10**node.decimals)
        return node.value, ulp, len(str(abs(node.value) / ulp).lstrip("0"))
    if node.kind == "percent" and (inner := shown_digits(node.args[0])):
        return inner[0] / 100, inner[1] / 100, inner[2]
    if node.kind == "mul" and len(node.args) == 2:
        sign_or_mantissa, other = node.args
        if sign_or_mantissa.kind == "num" and sign_or_mantissa.value == -1 and (inner := shown_digits(other)):
            return -inner[0], inner[1], inner[2]
        if (
            other.kind == "pow"
            and other.args[0].kind == "num"
            and other.args[0].value == 10
            and other.args[1].kind == "num"
            and abs(other.args[1].value) <= 300
            and (inner := shown_digits(sign_or_mantissa))
        ):
            scale = Fraction(10) ** int(other.args[1].value) if other.args[1].value.denominator == 1 else None
            return None if scale is None else (inner[0] * scale, inner[1] * scale, inner[2])
    return None


def rounds_to(gold: Node, pred: Node, ctx: Context) -> bool:
    """Whether ``pred`` rounds to the digits a decimal ``gold`` shows; exact golds are never rounded to.

    A gold counts as rounded when it shows two decimals and three significant digits (3.14 for pi), or two of them
    when the
    prediction is a fraction without finite decimal form (0.33 for 1/3). 3.5 and 0.5 are exact. A half may round
    either way.
    """
    shown = shown_digits(gold) if ctx.options.rounded_decimals else None
    if shown is None:
        return False
    value, ulp, significant = shown
    if Fraction(1, 100) < ulp < 1 and significant < 4:  # one decimal; scientific notation has other units
        return False
    exact = rational(pred, ctx.budget)
    if exact is not None:
        return significant >= (3 if _terminates(exact) else 2) and abs(exact - value) * 2 <= ulp
    x = real_number(pred, ctx) if significant >= 3 else None
    return x is not None and bool(abs(x * ulp.denominator - _scaled(value, ulp, x)) <= 0.5 * ulp.numerator)


def _scaled(value: Fraction, ulp: Fraction, like):
    """``value * ulp.denominator`` as a number like ``like``."""
    v = value * ulp.denominator
    return (like * 0 + v.numerator) / v.denominator


def _terminates(x: Fraction) -> bool:
    d = x.denominator
    while d % 2 == 0:
        d //= 2
    while d % 5 == 0:
        d //= 5
    return d == 1
