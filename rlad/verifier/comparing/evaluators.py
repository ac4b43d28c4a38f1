"""The two number systems of the evaluator: complex doubles, and mpmath with a context of its own in every thread."""

from __future__ import annotations

import cmath
import math
import threading
from fractions import Fraction

from rlad.verifier.budget import NotDefined, OperationBudget, TooLarge
from rlad.verifier.comparing.numeric import Evaluator

_LOCAL = threading.local()
_MAX_LOG2 = 1 << 60


class FloatEvaluator(Evaluator):
    """Complex double precision: fast, only ever used to refute and to order."""

    tiny = 1e-14
    precision = 15

    def fraction(self, v: Fraction):
        try:
            return complex(v)
        except OverflowError:
            raise NotDefined("beyond floating point") from None

    def lift(self, r):
        return complex(r)

    def real(self, x) -> bool:
        return abs(x.imag) <= 1e-11 * abs(x)

    def isfinite(self, x) -> bool:
        return cmath.isfinite(x)

    def finite(self, x):
        if not cmath.isfinite(x):
            raise NotDefined("infinite")
        return x

    def digits(self, ratio) -> float:
        return math.log10(ratio)

    def constant(self, name: str):
        if name == "inf":
            raise NotDefined("infinite")
        return {"pi": complex(math.pi), "e": complex(math.e), "i": 1j, "deg": complex(math.pi / 180)}[name]

    def sqrt(self, x):
        return cmath.sqrt(x)

    def power(self, base, exponent):
        if base == 0:
            if exponent.real <= 0:
                raise NotDefined("zero to a non-positive power")
            return 0j
        try:
            return self.finite(base**exponent)
        except OverflowError:
            raise NotDefined("overflow") from None

    def log(self, x):
        return cmath.log(x)

    def elementary(self, name: str, x):
        try:
            return self.finite(getattr(cmath, name)(x))
        except (ValueError, OverflowError):
            raise NotDefined(name) from None

    def rounded(self, name: str, r):
        return math.floor(r) if name == "floor" else math.ceil(r)

    def factorial(self, r):
        if r > 170:
            raise NotDefined("overflow")
        return complex(math.gamma(r + 1))


class PreciseEvaluator(Evaluator):
    """mpmath with its own context per thread, ``precision`` decimal digits."""

    cost = 10

    def __init__(
        self, budget: OperationBudget, env: dict[str, Fraction], log_base: str = "e", precision: int = 50
    ) -> None:
        super().__init__(budget, env, log_base)
        self.mp = _context()
        self.mp.dps = precision
        self.cost = 10 + precision // 20
        self.precision = precision
        self.tiny = self.mp.mpf(10) ** (10 - precision)

    def fraction(self, v: Fraction):
        return self.mp.mpf(v.numerator) / v.denominator

    def lift(self, r):
        return self.mp.mpf(r)

    def real(self, x) -> bool:
        return abs(x.imag) <= abs(x) * self.tiny

    def isfinite(self, x) -> bool:
        return self.mp.isfinite(x)

    def finite(self, x):
        if not self.mp.isfinite(x):
            raise NotDefined("infinite")
        if x != 0 and abs(self.mp.mag(x)) > _MAX_LOG2:
            raise TooLarge("number beyond the exponent limit")
        return x

    def digits(self, ratio) -> float:
        return float(self.mp.mag(ratio)) * 0.30103

    def constant(self, name: str):
        mp = self.mp
        if name == "inf":
            raise NotDefined("infinite")
        return +mp.pi if name == "pi" else +mp.e if name == "e" else mp.mpc(0, 1) if name == "i" else mp.pi / 180

    def sqrt(self, x):
        self.budget.spend(10)
        return self.mp.sqrt(x)

    def power(self, base, exponent):
        if base == 0:
            if exponent.real <= 0:
                raise NotDefined("zero to a non-positive power")
            return base
        if exponent != 0 and (self.mp.mag(exponent) > 50 or abs(self.mp.mag(base)) * abs(exponent) > 1 << 50):
            raise TooLarge("power")
        self.budget.spend(30)
        return self.finite(base**exponent)

    def log(self, x):
        self.budget.spend(30)
        return self.mp.log(x)

    def elementary(self, name: str, x):
        if self.mp.mag(x) > 60:
            raise TooLarge(name)
        self.budget.spend(40)
        try:
            return self.finite(getattr(self.mp, name)(x))
        except (ValueError, ZeroDivisionError):
            raise NotDefined(name) from None

    def rounded(self, name: str, r):
        if self.mp.mag(r) > 150:
            raise TooLarge(name)
        nearest = self.mp.nint(r)
        if r != nearest and abs(r - nearest) < self.tiny * max(1, abs(r)):
            r = nearest  # e.g. floor of a sum that is exactly an integer
        return self.mp.floor(r) if name == "floor" else self.mp.ceil(r)

    def factorial(self, r):
        if self.mp.mag(r) > 40:
            raise TooLarge("factorial")
        self.budget.spend(100)
        return self.mp.gamma(r + 1)


def _context():
    context = getattr(_LOCAL, "mp", None)
    if context is None:
        from mpmath.ctx_mp import MPContext

        context = _LOCAL.mp = MPContext()
    return context
