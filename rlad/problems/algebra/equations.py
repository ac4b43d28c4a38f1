"""Linear systems and equations with absolute values."""

from __future__ import annotations

import random
from fractions import Fraction

from rlad.problems.algebra.exercise import Approach, Exercise, braces, factor, family, plus, poly, tex
from rlad.problems.algebra.polynomials import nonzero

Row = tuple[int, int, int]
"""a x + b y = c."""


def _written(row: Row) -> str:
    a, b, c = row
    size = "" if abs(b) == 1 else f"{abs(b)} "
    return f"{poly(a, 0)} {'+' if b > 0 else '-'} {size}y = {tex(c)}"


@family
def linear_system(rng: random.Random) -> Exercise:
    x, y = rng.randint(-9, 9), rng.randint(-9, 9)
    rows = [(a, b, a * x + b * y) for a, b in ((rng.randint(1, 5), nonzero(rng, -5, 5)) for _ in range(2))]
    (a, b, c), (d, e, f) = rows
    while a * e == b * d:
        d, e = rng.randint(1, 5), nonzero(rng, -5, 5)
        f = d * x + e * y
    rows = [(a, b, c), (d, e, f)]
    answer = f"( {tex(x)} , {tex(y)} )"
    plans = [
        _eliminate("y", "x", (a, b, c), (d, e, f), x, y),
        _eliminate("x", "y", (b, a, c), (e, d, f), y, x),
    ]
    for (p, q, r), (s, t, u) in ((rows[0], rows[1]), (rows[1], rows[0])):
        if q in (1, -1):  # y = q r - q p x
            put = f"y = {tex(q * r)} {plus(-q * p)} x"
            steps = f"{put} , {tex(s - t * q * p)} x = {tex(u - t * q * r)} , x = {tex(x)} , y = {tex(y)}"
            plans.append(Approach("solve for y and substitute", steps, put))
            break
    key = " ; ".join(sorted(_written(row) for row in rows))
    question = f"{_written(rows[0])} , {_written(rows[1])} : find ( x , y )"
    return Exercise(question, answer, tuple(plans), key)


def _eliminate(gone: str, kept: str, first: Row, second: Row, value: int, other: int) -> Approach:
    """Rows as (coefficient of kept, coefficient of gone, right side)."""
    (a, b, c), (d, e, f) = first, second
    left, right = a * e - d * b, c * e - f * b
    crossed = f"{factor(a)} \\times {factor(e)} - {factor(d)} \\times {factor(b)} = {tex(left)}"
    steps = f"{crossed} , {tex(left)} {kept} = {tex(right)} , {kept} = {tex(value)} , {gone} = {tex(other)}"
    return Approach(f"eliminate {gone}", steps, crossed.rsplit(" = ", 1)[0])


@family
def absolute_value(rng: random.Random) -> Exercise:
    a, b, c = rng.choice((1, 1, 2, 3)), nonzero(rng, -15, 15), rng.randint(1, 20)
    high, low = Fraction(c - b, a), Fraction(-c - b, a)
    left = poly(a, b)
    cases = f"{left} = {c} , x = {tex(high)} , {left} = - {c}"
    square = f"( {left} ) ^ 2 = {c * c}"
    plans = [
        Approach("split into two cases", cases, f"{left} = - {c}"),
        Approach("square both sides", f"{square} , {poly(a * a, 2 * a * b, b * b - c * c)} = 0", square),
    ]
    if a == 1:
        distance = f"{tex(-b)} - {c} = {tex(low)} , {tex(-b)} + {c}"
        plans.append(Approach(f"distance {c} from {tex(-b)}", f"{distance} = {tex(high)}", distance))
    return Exercise(f"solve | {left} | = {c}", braces(high, low), tuple(plans))
