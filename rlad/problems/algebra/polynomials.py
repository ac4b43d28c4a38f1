"""Quadratics, symmetric functions of roots, minima, remainders, derivatives and compositions."""

from __future__ import annotations

import random
from fractions import Fraction

from rlad.problems.algebra.exercise import Approach, Exercise, braces, factor, family, plus, poly, tex


def nonzero(rng: random.Random, low: int, high: int) -> int:
    return rng.choice([n for n in range(low, high + 1) if n])


@family
def quadratic_roots(rng: random.Random) -> Exercise:
    a, p, s = rng.choice((1, 1, 2, 3)), nonzero(rng, -12, 12), nonzero(rng, -9, 9)
    while p == a * s:
        s = nonzero(rng, -9, 9)
    b, c = -(a * s + p), p * s  # (a x - p) (x - s)
    root = abs(a * s - p)
    answer = braces(Fraction(p, a), s)
    factored = f"( {poly(a, -p)} ) ( {poly(1, -s)} ) = 0"
    form = f"{abs(b)} ^ 2 {plus(-4 * a * c)}"
    plans = [
        Approach(f"factor with sum {tex(b)} and product {tex(a * c)}", factored, factored),
        Approach(
            "use the quadratic formula",
            f"{form} = {root**2} , x = ( {tex(-b)} \\pm {root} ) / {2 * a}",
            form,
        ),
    ]
    if a == 1 and b % 2 == 0:
        square = f"( {poly(1, b // 2)} ) ^ 2 = {(b // 2) ** 2 - c}"
        plans.append(Approach("complete the square", f"{square} , {poly(1, b // 2)} = \\pm {root // 2}", square))
    return Exercise(f"solve {poly(a, b, c)} = 0", answer, tuple(plans))


@family
def vieta(rng: random.Random) -> Exercise:
    integer_roots = rng.random() < 0.5
    r, s = nonzero(rng, -9, 9), nonzero(rng, -9, 9)
    total, product = (r + s, r * s) if integer_roots else (nonzero(rng, -15, 15), nonzero(rng, -20, 20))
    ask, value, by_vieta, by_roots = _symmetric(rng.randrange(4), total, product, r, s)
    sums = f"r + s = {tex(total)} , r s = {tex(product)}"
    name = f"vieta with sum {tex(total)} and product {tex(product)}"
    plans = [Approach(name, f"{sums} , {by_vieta} = {tex(value)}", sums)]
    if integer_roots:
        roots = f"r = {tex(r)} , s = {tex(s)}"
        plans.append(Approach("find the roots first", f"{roots} , {by_roots} = {tex(value)}", roots))
    question = f"roots r , s of {poly(1, -total, product)} = 0 : find {ask}"
    return Exercise(question, tex(value), tuple(plans))


def _symmetric(kind: int, p: int, q: int, r: int, s: int) -> tuple[str, int | Fraction, str, str]:
    """A symmetric function: as asked, its value, and as computed from sum and product, and from the roots."""
    if kind == 0:
        return "r ^ 2 + s ^ 2", p * p - 2 * q, f"{p * p} {plus(-2 * q)}", f"{r * r} + {s * s}"
    if kind == 1:
        return (
            "1 / r + 1 / s",
            Fraction(p, q),
            f"( {tex(p)} ) / ( {tex(q)} )",
            f"{tex(Fraction(1, r))} {plus(Fraction(1, s))}",
        )
    if kind == 2:
        return "( r + 1 ) ( s + 1 )", q + p + 1, f"{tex(q)} {plus(p)} + 1", f"( {tex(r + 1)} ) ( {tex(s + 1)} )"
    return "( r - s ) ^ 2", p * p - 4 * q, f"{p * p} {plus(-4 * q)}", f"( {tex(r - s)} ) ^ 2"


@family
def completing_square(rng: random.Random) -> Exercise:
    b, c = rng.choice((1, 2, 2)) * nonzero(rng, -9, 9), rng.randint(-30, 60)
    half = Fraction(b, 2)
    least = c - half**2
    square = f"( {poly(1, half)} ) ^ 2"
    at = f"x = {tex(-half)}"
    plans = (
        Approach("complete the square", f"{square} , {tex(c)} {plus(-(half**2))}", square),
        Approach("evaluate at the vertex", f"{at} , {tex(half**2)} {plus(b * -half)} {plus(c)}", at),
    )
    return Exercise(f"minimum of {poly(1, b, c)}", tex(least), plans)


@family
def remainder(rng: random.Random) -> Exercise:
    at = rng.choice((-3, -2, -1, 1, 2, 3, 4))
    a, b, c, d = (rng.choice((1, 1, 2)), *(rng.randint(-9, 9) for _ in range(3)))
    first = a * at + b
    second = first * at + c
    value = second * at + d
    powers = f"{tex(a * at**3)} {plus(b * at**2)} {plus(c * at)} {plus(d)}"
    x = factor(at)
    horner = (
        f"{a} \\times {x} {plus(b)} = {tex(first)} , {tex(first)} \\times {x} {plus(c)} = {tex(second)} , "
        f"{tex(second)} \\times {x} {plus(d)}"
    )
    plans = (
        Approach(f"evaluate at {tex(at)}", f"{powers} = {tex(value)}", powers),
        Approach(f"synthetic division by {tex(at)}", f"{horner} = {tex(value)}", horner),
    )
    question = f"remainder of {poly(a, b, c, d)} divided by {poly(1, -at)}"
    return Exercise(question, tex(value), plans)


@family
def derivative(rng: random.Random) -> Exercise:
    a, c = rng.randint(1, 6), rng.randint(1, 6)
    b, d = nonzero(rng, -9, 9), nonzero(rng, -9, 9)
    answer = poly(2 * a * c, a * d + b * c)
    rule = f"{a} ( {poly(c, d)} ) + {c} ( {poly(a, b)} )"
    expanded = poly(a * c, a * d + b * c, b * d)
    plans = (
        Approach("product rule", f"{rule} = {answer}", rule),
        Approach("expand first", f"{expanded} gives {answer}", f"{expanded} gives"),
    )
    key = " , ".join(sorted((poly(a, b), poly(c, d))))
    return Exercise(f"differentiate ( {poly(a, b)} ) ( {poly(c, d)} )", answer, plans, key)


@family
def composition(rng: random.Random) -> Exercise:
    a, c = rng.randint(2, 9), rng.randint(2, 9)
    b, d = nonzero(rng, -9, 9), nonzero(rng, -9, 9)
    slope, offset = a * c, a * d + b
    inside = f"{a} ( {poly(c, d)} ) {plus(b)}"
    values = f"f ( {tex(d)} ) = {tex(offset)} , f ( {tex(c + d)} ) = {tex(slope + offset)}"
    plans = (
        Approach("put g inside f", f"{inside} = {slope} x {plus(a * d)} {plus(b)}", inside),
        Approach("match the values at 0 and 1", f"{values} , {tex(slope + offset)} {plus(-offset)} = {slope}", values),
    )
    question = f"f ( x ) = {poly(a, b)} , g ( x ) = {poly(c, d)} : find f ( g ( x ) )"
    return Exercise(question, poly(slope, offset), plans)
