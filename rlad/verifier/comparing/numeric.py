"""Numeric evaluation: complex floats to refute, many digits to confirm, with the digits lost to cancellation counted.

Real roots are meant for odd roots of negative reals (``\\sqrt[3]{-8} = -2`` and ``(-8)^{1/3} = -2``). Unknown
functions and
big operators that cannot be summed are opaque: equal canonical keys get equal pseudo-random values.
"""

from __future__ import annotations

import hashlib
import math
import threading
from fractions import Fraction

from rlad.verifier.budget import NotDefined, OperationBudget
from rlad.verifier.comparing.canon import canonical_key
from rlad.verifier.grammar.nodes import Node, free_symbols

_LOCAL = threading.local()
_MAX_LOG2 = 1 << 60


class Evaluator:
    """Evaluates trees over one number system; ``lost`` is the number of decimal digits lost to cancellation so far."""

    cost = 1

    def __init__(self, budget: OperationBudget, env: dict[str, Fraction], log_base: str = "e") -> None:
        self.budget, self.env, self.log_base = budget, env, log_base
        self.lost = 0.0
        self.absorbed = False

    def value(self, n: Node):
        """The value of a node; ``NotDefined`` where there is none."""
        self.budget.spend(self.cost)
        kind = n.kind
        if kind == "num":
            return self.fraction(n.value)
        if kind == "sym":
            v = self.env.get(n.value)
            return self.fraction(_hashed(n.value) if v is None else v)
        if kind == "add":
            return self.total([self.value(a) for a in n.args])
        if kind == "mul":
            out = self.value(n.args[0])
            for a in n.args[1:]:
                out = out * self.value(a)
            return self.finite(out)
        if kind == "pow":
            return self.raised(n.args[0], n.args[1])
        if kind == "const":
            return self.constant(n.value)
        if kind == "percent":
            return self.value(n.args[0]) / 100
        if kind == "ratio" and len(n.args) == 2:
            return self.quotient(self.value(n.args[0]), self.value(n.args[1]))
        if kind == "func":
            return self.function(n)
        if kind == "bigop":
            return self.big(n)
        if kind in ("apply", "sym"):
            return self.fraction(_hashed(canonical_key(n)))
        raise NotDefined(f"{kind} has no value")

    def total(self, terms: list):
        """A sum, with its cancellation recorded; a sum that cancels to the last digits is zero."""
        out = terms[0]
        for t in terms[1:]:
            out = out + t
        sizes = [abs(t) for t in terms]
        largest, size = max(sizes), abs(out)
        if not self.isfinite(largest):
            raise NotDefined("infinite")
        if largest == 0:
            return out
        if any(s and s < largest * self.tiny for s in sizes):
            self.absorbed = True
        if size < largest * self.tiny:
            return out * 0
        if size < largest / 2:
            self.lost = max(self.lost, self.digits(largest / size))
        return out

    def quotient(self, a, b):
        """``a / b``."""
        if b == 0:
            raise NotDefined("division by zero")
        return self.finite(a / b)

    def raised(self, base_node: Node, exponent_node: Node):
        """Powers; the size of the result is bounded before it is computed."""
        base = self.value(base_node)
        if exponent_node.kind == "num":
            e = exponent_node.value
            if e == Fraction(1, 2):
                return self.sqrt(base)
            if e.denominator == 1 and abs(e) <= 64:
                if e < 0 and base == 0:
                    raise NotDefined("division by zero")
                return self.finite(base ** int(e))
            if e.denominator % 2 and self.real(base) and base.real < 0 and e.denominator > 1:
                root = self.power(-base, self.fraction(e))
                return -root if e.numerator % 2 else root
        return self.power(base, self.value(exponent_node))

    def function(self, n: Node):
        """Known functions."""
        name = n.value
        args = (
            [self.value(a) for a in n.args]
            if all(a.kind not in ("tuple", "list", "matrix", "set") for a in n.args)
            else None
        )
        if args is None:
            return self.fraction(_hashed(canonical_key(n)))
        self.budget.spend(self.cost * 2)
        x = args[0]
        if name in ("ln", "log"):
            if x == 0:
                raise NotDefined("logarithm of zero")
            return (
                self.log(x) / self.log(self.fraction(Fraction(10)))
                if name == "log" and self.log_base == "10"
                else self.log(x)
            )
        if name == "logb":
            if x == 0 or args[1] == 0 or args[1] == 1:
                raise NotDefined("logarithm")
            return self.log(x) / self.log(args[1])
        if name in ("abs", "norm"):
            return abs(x) + 0 * x.real
        if name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
            return self.elementary(name, x)
        if name in ("cot", "sec", "csc", "coth", "sech", "csch"):
            base = {"cot": "tan", "sec": "cos", "csc": "sin", "coth": "tanh", "sech": "cosh", "csch": "sinh"}[name]
            return self.quotient(self.fraction(Fraction(1)), self.elementary(base, x))
        if name in ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"):
            return self.elementary("a" + name[3:], x)
        if name in ("arccot", "arcsec", "arccsc"):
            base = {"arccot": "atan", "arcsec": "acos", "arccsc": "asin"}[name]
            return self.elementary(base, self.quotient(self.fraction(Fraction(1)), x))
        if name == "root":
            return self.root(x, n.args[1], args[1])
        return self.discrete(name, n, args)

    def root(self, x, degree_node: Node, degree):
        """``\\sqrt[n]{x}``, real for odd n."""
        if degree == 0:
            raise NotDefined("zeroth root")
        odd = degree_node.kind == "num" and degree_node.value.denominator == 1 and degree_node.value.numerator % 2
        if odd and self.real(x) and x.real < 0:
            return -self.power(-x, 1 / degree)
        return self.power(x, 1 / degree)

    def discrete(self, name: str, n: Node, args: list):
        """Floors, factorials, binomials, extrema; they need real or integer arguments."""
        if name in ("floor", "ceil", "min", "max", "sgn", "fact", "fact2", "binom", "mod", "gcd", "lcm"):
            if not all(self.real(a) for a in args):
                raise NotDefined(f"{name} of a complex number")
            reals = [a.real for a in args]
            if name in ("min", "max"):
                return self.lift((min if name == "min" else max)(reals))
            if name == "sgn":
                return self.lift((reals[0] > 0) - (reals[0] < 0))
            if name in ("floor", "ceil"):
                return self.lift(self.rounded(name, reals[0]))
            if name == "mod":
                if reals[1] == 0:
                    raise NotDefined("modulo zero")
                return self.lift(reals[0] % reals[1])
            if name in ("gcd", "lcm", "fact2"):
                whole = [self.whole(r) for r in reals]
                if name == "fact2":
                    if not 0 <= whole[0] <= 300:
                        raise NotDefined("double factorial")
                    return self.lift(math.prod(range(whole[0], 0, -2)))
                return self.lift((math.gcd if name == "gcd" else math.lcm)(*whole))
            if name == "fact":
                if reals[0] < 0:
                    raise NotDefined("factorial of a negative number")
                return self.factorial(reals[0])
            return self.binomial(reals[0], reals[1])
        if name in ("Re", "Im"):
            return self.lift(args[0].real if name == "Re" else args[0].imag)
        return self.fraction(_hashed(f"{name}({','.join(canonical_key(a) for a in n.args)})"))

    def whole(self, r) -> int:
        """A real as an integer, or ``NotDefined``."""
        k = int(self.rounded("floor", r + 0.5))
        if abs(r - k) > 1e-9 or abs(k) > 10**15:
            raise NotDefined("not an integer")
        return k

    def binomial(self, n, k):
        """``n`` over ``k`` for a small whole ``k`` by the product formula."""
        small = self.whole(k)
        if small < 0 or small > 200:
            return (
                self.factorial(n) / (self.factorial(k) * self.factorial(n - k))
                if small > 0 and n >= k
                else self.lift(0)
            )
        out = self.lift(1)
        for j in range(small):
            self.budget.spend(self.cost)
            out = out * (n - j) / (j + 1)
        return out

    def big(self, n: Node):
        """Finite sums and products of at most 100 terms; anything else is opaque."""
        bound, lower, upper, body = n.args
        name = bound.value
        if (
            n.value in ("sum", "prod")
            and name
            and not any("_" in s and name in s.split("_", 1)[1] for s in free_symbols(body))
            and not body.has("apply")
        ):
            try:
                first, last = self.value(lower), self.value(upper)
            except NotDefined:
                first = last = None
            if first is not None and self.real(first) and self.real(last):
                a, b = self.whole(first.real), self.whole(last.real)
                if b - a < 100:
                    return self._terms(n.value, name, a, b, body)
        return self.fraction(_hashed(canonical_key(n)))

    def _terms(self, kind: str, name: str, a: int, b: int, body: Node):
        saved = self.env
        values = []
        for k in range(a, b + 1):
            self.env = {**saved, name: Fraction(k)}
            values.append(self.value(body))
        self.env = saved
        if kind == "sum":
            return self.total(values) if values else self.lift(0)
        out = self.lift(1)
        for v in values:
            out = out * v
        return self.finite(out)


def _hashed(name: str) -> Fraction:
    """A fixed pseudo-random rational between 1/2 and 5/2 for an opaque name."""
    n = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest(), "big")
    return Fraction(1, 2) + Fraction(2 * n, 1 << 128)
