"""Canonical keys: equal keys mean equal values. Exact arithmetic on rationals, like terms and like factors collected.

A scalar is brought to ``coefficient * base1^e1 * base2^e2 ...`` with rational coefficient and exponents; a sum is
divided by
its leading coefficient, so that ``2x+2y`` and ``2(x+y)`` meet. Products of sums are not expanded: the numeric rung
does that.

>>> from rlad.verifier.grammar.nodes import add, sym, num, mul
>>> canonical_key(add(sym("x"), num(1), sym("x"))) == canonical_key(add(num(1), mul(num(2), sym("x"))))
True
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from rlad.verifier.budget import NotDefined, OperationBudget, TooLarge
from rlad.verifier.grammar.nodes import Node, rename
from rlad.verifier.grammar.units import unit_signature

Monomial = tuple[tuple[str, Fraction], ...]
Term = tuple[Fraction, Monomial]

_ONE = Fraction(1)
_INFINITE: Monomial = ((".inf", _ONE),)
_SCALARS = frozenset(
    ("num", "sym", "const", "add", "mul", "pow", "func", "apply", "bigop", "percent", "ratio", "pm", "mp")
)


def canonical_key(node: Node, budget: OperationBudget | None = None) -> str:
    """The canonical key of a node, cached on it."""
    if node.cached_key is None:
        node.cached_key = _key(node, budget or OperationBudget(1_000_000))
    return node.cached_key


def rational(node: Node, budget: OperationBudget) -> Fraction | None:
    """The exact value when the node is a rational constant of bounded size, else None."""
    if node.kind == "num":
        return node.value
    if node.kind not in _SCALARS:
        return None
    coefficient, monomial = term(node, budget)
    return None if monomial else coefficient


def _key(node: Node, budget: OperationBudget) -> str:
    kind = node.kind
    if kind in _SCALARS:
        return _print(term(node, budget))
    inner = [canonical_key(a, budget) for a in node.args]
    if kind == "set":
        inner = sorted(set(inner))
    elif kind in ("union", "inter"):
        inner.sort()
    if kind == "quantity":
        signature = unit_signature(str(node.value))
        return f"quantity[{signature or str(node.value).lower()}]({inner[0]})"
    return f"{kind}[{'' if node.value is None else node.value}]({','.join(inner)})"


def _print(t: Term) -> str:
    coefficient, monomial = t
    if not monomial:
        return str(coefficient)
    body = "*".join(base if e == 1 else f"{base}^{e}" for base, e in monomial)
    return body if coefficient == 1 else f"{coefficient}*{body}"


def term(node: Node, budget: OperationBudget) -> Term:
    """``(coefficient, monomial)`` of a scalar node."""
    budget.spend(4)
    kind = node.kind
    if kind == "num":
        return node.value, ()
    if kind in ("sym", "const"):
        return _ONE, ((node.value if kind == "sym" else "." + node.value, _ONE),)
    if kind == "add":
        return _sum(node, budget)
    if kind == "mul":
        return _product([term(a, budget) for a in node.args], budget)
    if kind == "pow":
        return _power(term(node.args[0], budget), node.args[1], budget)
    if kind == "percent":
        c, m = term(node.args[0], budget)
        return c / 100, m
    if kind == "ratio" and len(node.args) == 2:
        return _product([term(node.args[0], budget), _integer_power(term(node.args[1], budget), -1, budget)], budget)
    if kind == "func":
        return _function(node, budget)
    if kind == "bigop":
        # The name of an index means nothing; how many operators stand below it tells it from the indices inside.
        index = f"@{_operators_deep(node)}"
        node = Node(
            "bigop",
            (Node("sym", (), index), *(rename(a, _renamed_index(node, index)) for a in node.args[1:])),
            node.value,
        )
    inner = ",".join(canonical_key(a, budget) for a in node.args)
    return _ONE, ((f"{kind}:{node.value}({inner})", _ONE),)


def _renamed_index(node: Node, index: str) -> dict[str, str]:
    """The bound name and the names it numbers: ``k`` and ``a_k`` in ``\\sum_k a_k``."""
    name = node.args[0].value
    names = {name: index}
    for n in (n for a in node.args[1:] for n in a.walk() if name):
        if n.kind == "sym" and "_" in n.value:
            head, _, subscript = n.value.partition("_")
            names[n.value] = f"{head}_" + re.sub(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", index, subscript)
    return names


def _operators_deep(node: Node) -> int:
    return (node.kind == "bigop") + max(map(_operators_deep, node.args), default=0)


def _flatten(node: Node, factor: Fraction, budget: OperationBudget, out: dict[Monomial, Fraction]) -> None:
    budget.spend(2)
    if node.kind == "add":
        for a in node.args:
            _flatten(a, factor, budget, out)
        return
    if node.kind == "mul" and len(node.args) == 2 and node.args[0].kind == "num" and node.args[1].kind == "add":
        _flatten(node.args[1], factor * node.args[0].value, budget, out)
        return
    c, m = term(node, budget)
    before = out.get(m, Fraction(0))
    if m == _INFINITE and before * c * factor < 0:
        raise NotDefined("infinity minus infinity")
    out[m] = before + c * factor


def _sum(node: Node, budget: OperationBudget) -> Term:
    parts: dict[Monomial, Fraction] = {}
    _flatten(node, _ONE, budget, parts)
    parts = {m: c for m, c in parts.items() if c}
    if not parts:
        return Fraction(0), ()
    if len(parts) == 1:
        ((m, c),) = parts.items()
        return c, m
    ordered = sorted(parts.items(), key=lambda mc: (not mc[0], mc[0]))
    lead = ordered[0][1]
    if _INFINITE in parts:
        return (_ONE if parts[_INFINITE] > 0 else Fraction(-1)), _INFINITE
    body = "+".join(_print((c / lead, m)) for m, c in ordered)
    return lead, ((f"({body})", _ONE),)


def _product(terms: list[Term], budget: OperationBudget) -> Term:
    coefficient = _ONE
    powers: dict[str, Fraction] = {}
    for c, m in terms:
        coefficient *= c
        _check(coefficient, budget)
        for base, e in m:
            powers[base] = powers.get(base, Fraction(0)) + e
    if ".inf" in powers and (not coefficient or len({e > 0 for c, m in terms for b, e in m if b == ".inf"}) > 1):
        raise NotDefined("zero times infinity")
    if not coefficient:
        return Fraction(0), ()
    kept: list[tuple[str, Fraction]] = []
    for base, e in powers.items():
        if (
            base[0] == "#"
            and e.denominator == 1
            and e
            and (value := _rational_power(Fraction(base[1:]), int(e), budget)) is not None
        ):
            coefficient *= value
        elif base == ".i" and e.denominator == 1:
            quarter = int(e) % 4
            coefficient *= -1 if quarter >= 2 else 1
            if quarter % 2:
                kept.append((base, _ONE))
        elif e:
            kept.append((base, e))
    if (".inf", _ONE) in kept and len(kept) == 1:
        coefficient = _ONE if coefficient > 0 else Fraction(-1)
    return coefficient, tuple(sorted(kept))


def _check(value: Fraction, budget: OperationBudget) -> None:
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    budget.spend(bits // 2000)
    if bits > 8 * budget.max_digits:
        raise TooLarge("number with too many digits")


def _rational_power(base: Fraction, exponent: int, budget: OperationBudget) -> Fraction | None:
    """``base ** exponent`` when the result stays within the digit limit; checked before it is computed."""
    if base == 0 and exponent < 0:
        raise NotDefined("division by zero")
    if base in (0, 1):
        return base if exponent else _ONE
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - (
        base.denominator == 1 and abs(base.numerator) == 1
    )
    if bits and bits * abs(exponent) > 3.33 * budget.max_digits:
        return None
    if base == -1:
        return Fraction(-1) if exponent % 2 else _ONE
    return base**exponent


def _integer_power(t: Term, n: int, budget: OperationBudget) -> Term:
    c, m = t
    value = _rational_power(c, n, budget)
    if value is None:
        return _product([(_ONE, ((f"#{c}", Fraction(n)), *tuple((b, e * n) for b, e in m)))], budget)
    return _product([(value, tuple((b, e * n) for b, e in m))], budget)


def _power(base: Term, exponent_node: Node, budget: OperationBudget) -> Term:
    ec, em = term(exponent_node, budget)
    c, m = base
    if not em:
        if ec.denominator == 1 and abs(ec) < 10**18:
            return _integer_power(base, int(ec), budget)
        if not m:
            root = exact_root(c, ec, budget)
            return (root, ()) if root is not None else _product([(_ONE, ((f"#{c}", ec),))], budget)
        if c == 1 and len(m) == 1 and m[0][1] == 1:
            return _ONE, ((m[0][0], ec),)
        return _ONE, ((f"[{_print(base)}]", ec),)
    if not m and c == 1:
        return _ONE, ()
    return _ONE, ((f"[{_print(base)}]^{{{_print((ec, em))}}}", _ONE),)


def exact_root(value: Fraction, exponent: Fraction, budget: OperationBudget) -> Fraction | None:
    """``value ** exponent`` when rational, for positive values and small roots.

    >>> exact_root(Fraction(8, 27), Fraction(2, 3), OperationBudget(100))
    Fraction(4, 9)
    """
    q = exponent.denominator
    if value <= 0 or q > 64:
        return Fraction(0) if value == 0 and exponent > 0 else None
    top, bottom = _int_root(value.numerator, q), _int_root(value.denominator, q)
    if top is None or bottom is None:
        return None
    return _rational_power(Fraction(top, bottom), exponent.numerator, budget)


def _int_root(n: int, q: int) -> int | None:
    if q == 2:
        r = math.isqrt(n)
        return r if r * r == n else None
    if n.bit_length() > 1000:
        return None
    r = round(n ** (1.0 / q))
    return next((x for x in (r - 1, r, r + 1) if x >= 0 and x**q == n), None)


def _function(node: Node, budget: OperationBudget) -> Term:
    name = node.value
    terms = [term(a, budget) if a.kind in _SCALARS else None for a in node.args]
    if all(t is not None and not t[1] for t in terms):
        exact = exact_function(name, [t[0] for t in terms], budget)
        if exact is not None:
            return exact, ()
    if name == "det" and node.args[0].kind == "matrix" and (value := _determinant(node.args[0], budget)) is not None:
        return value, ()
    keys = [canonical_key(a, budget) for a in node.args]
    if name in ("gcd", "lcm", "min", "max"):
        keys.sort()
    return _ONE, ((f"{name}({','.join(keys)})", _ONE),)


def _determinant(matrix: Node, budget: OperationBudget) -> Fraction | None:
    """The determinant of a small rational matrix, by elimination."""
    n = matrix.value
    if n > 8 or len(matrix.args) != n * n:
        return None
    entries = [rational(a, budget) for a in matrix.args]
    if any(e is None or e.numerator.bit_length() + e.denominator.bit_length() > 400 for e in entries):
        return None
    rows = [entries[k * n : (k + 1) * n] for k in range(n)]
    budget.spend(2 * n**3)
    out = _ONE
    for c in range(n):
        pivot = next((r for r in range(c, n) if rows[r][c]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != c:
            rows[c], rows[pivot], out = rows[pivot], rows[c], -out
        out *= rows[c][c]
        for r in range(c + 1, n):
            factor = rows[r][c] / rows[c][c]
            rows[r] = [x - factor * y for x, y in zip(rows[r], rows[c], strict=False)]
    return out


def exact_function(name: str, args: list[Fraction], budget: OperationBudget) -> Fraction | None:
    """Exact values of functions of rationals, where they are rational and of bounded size."""
    x = args[0] if args else Fraction(0)
    whole = all(a.denominator == 1 for a in args)
    if name == "fact" and whole:
        if x < 0:
            raise NotDefined("factorial of a negative number")
        if x > 2000 or int(x) * math.log10(max(int(x), 2)) > budget.max_digits:
            return None
        budget.spend(int(x) // 4)
        return Fraction(math.factorial(int(x)))
    if name == "fact2" and whole and 0 <= x <= 300:
        return Fraction(math.prod(range(int(x), 0, -2)))
    if name == "binom" and whole:
        n, k = int(args[0]), int(args[1])
        if not 0 <= k <= n:
            return Fraction(0) if k < 0 or 0 <= n < k else None
        small = min(k, n - k)
        if small > 3000 or small * math.log10(max(n, 2)) > budget.max_digits:
            return None
        budget.spend(small // 4)
        return Fraction(math.comb(n, k))
    if name == "abs":
        return abs(x)
    if name == "floor":
        return Fraction(math.floor(x))
    if name == "ceil":
        return Fraction(math.ceil(x))
    if name == "sgn":
        return Fraction((x > 0) - (x < 0))
    if name == "min":
        return min(args)
    if name == "max":
        return max(args)
    if name in ("gcd", "lcm") and whole:
        return Fraction((math.gcd if name == "gcd" else math.lcm)(*(int(a) for a in args)))
    if name == "mod" and len(args) == 2 and args[1]:
        return args[0] % args[1]
    if name == "root" and args[1].denominator == 1 and 0 < args[1] <= 64:
        q = int(args[1])
        if x < 0 and q % 2:
            root = exact_root(-x, Fraction(1, q), budget)
            return None if root is None else -root
        return exact_root(x, Fraction(1, q), budget)
    if name == "logb" and 0 < args[1] != 1 and x > 0:
        return _exact_log(x, args[1])
    return None


def _exact_log(x: Fraction, base: Fraction) -> Fraction | None:
    """``log_base(x)`` when it is rational with a denominator up to 12."""
    if max(x.numerator.bit_length(), x.denominator.bit_length(), base.numerator.bit_length()) > 900:
        return None
    guess = math.log(x) / math.log(base)
    for d in range(1, 13):
        n = round(guess * d)
        if (
            abs(n) < 900
            and abs(guess * d - n) < 1e-9
            and abs(n) * base.numerator.bit_length() < 4000
            and base**n == x**d
        ):
            return Fraction(n, d)
    return None
