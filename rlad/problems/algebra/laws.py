"""Laws of exponents, logarithms and roots; rationalising denominators."""

from __future__ import annotations

import random
from fractions import Fraction
from math import isqrt

from rlad.problems.algebra.exercise import LIMIT, Approach, Exercise, family, plus, surd, tex


@family
def logarithm_laws(rng: random.Random) -> Exercise:
    base = rng.choice((2, 2, 3, 4, 5, 6, 7, 10, 12))
    power = rng.randint(1, 4)
    whole = base**power
    if rng.random() < 0.5:
        a = rng.choice([d for d in range(2, whole) if whole % d == 0] or [whole])
        b, sign, law, op = whole // a, "+", "product law of logarithms", "\\times"
    else:
        b = rng.randint(2, max(2, LIMIT // whole))
        a, sign, law, op = whole * b, "-", "quotient law of logarithms", "/"
    joined = f"\\log _ {base} ( {a} {op} {b} )"
    plans = [Approach(law, f"{joined} = \\log _ {base} {whole} = {power}", joined)]
    question = f"compute \\log _ {base} {a} {sign} \\log _ {base} {b}"
    one, two = _exponent(a, base), _exponent(b, base)
    if one and two:
        terms = f"{one} {sign} {two}"
        plans.append(Approach(f"each is a power of {base}", f"{terms} = {power}", terms))
    key = f"{base} : {min(a, b)} {sign} {max(a, b)}"
    return Exercise(question, str(power), tuple(plans), key)


def _exponent(value: int, base: int) -> int:
    """The whole exponent of `base` that gives `value`, or 0."""
    exponent = 0
    while value % base == 0:
        value, exponent = value // base, exponent + 1
    return exponent if value == 1 else 0


@family
def change_of_base(rng: random.Random) -> Exercise:
    prime = rng.choice((2, 2, 2, 3, 3, 5))
    tops, bottoms = ([rng.randint(low, {2: 8, 3: 5, 5: 3}[prime]) for _ in range(2)] for low in (1, 2))
    one, two = (Fraction(t, b) for t, b in zip(tops, bottoms, strict=True))
    texts = [f"\\log _ {prime**b} {prime**t}" for t, b in zip(tops, bottoms, strict=True)]
    powers = " , ".join(f"{prime} ^ {t} over {prime} ^ {b}" for t, b in zip(tops, bottoms, strict=True))
    logs = " + ".join(f"\\log _ {prime} {prime**t} / {b}" for t, b in zip(tops, bottoms, strict=True))
    ratios = " + ".join(f"{t} / {b}" for t, b in zip(tops, bottoms, strict=True))
    total = tex(one + two)
    plans = (
        Approach(f"write all as powers of {prime}", f"{powers} : {ratios} = {total}", powers),
        Approach(f"change to base {prime}", f"{logs} = {ratios} = {total}", logs),
    )
    return Exercise(f"compute {' + '.join(texts)}", total, plans, " + ".join(sorted(texts)))


@family
def exponent_laws(rng: random.Random) -> Exercise:
    base = rng.choice((2, 3, 5, 6, 7, 10))
    a, b = rng.randint(2, 12), rng.randint(2, 12)
    c = a + b + rng.randint(-4, 4)
    if c < 1 or c in (a, b, a + b):
        c = a + b + 1
    power = a + b - c
    value = Fraction(base) ** power
    sums = f"{a} + {b} - {c} = {tex(power)}"
    small, large = min(a, b), max(a, b)
    plans = [Approach("add and subtract exponents", f"{sums} , {base} ^ {{ {tex(power)} }} = {tex(value)}", sums)]
    if c > large:
        cancelled = f"\\frac {{ {base} ^ {small} }} {{ {base} ^ {c - large} }}"
        plans.append(Approach(f"cancel {base} ^ {large}", f"{cancelled} = {tex(value)}", cancelled))
    question = f"compute \\frac {{ {base} ^ {a} \\times {base} ^ {b} }} {{ {base} ^ {c} }}"
    key = f"{base} : {small} {large} {c}"
    return Exercise(question, tex(value), tuple(plans), key)


ROOT_POWERS = [
    (root, top, bottom)
    for root in range(2, 8)
    for bottom in (2, 3, 4, 5)
    for top in range(1, 6)
    if max(root**bottom, root**top) <= LIMIT and top % bottom and Fraction(top, bottom).denominator == bottom
]


@family
def rational_exponents(rng: random.Random) -> Exercise:
    (r, p, q), (s, t, u) = rng.choice(ROOT_POWERS), rng.choice(ROOT_POWERS)
    texts = [f"{r**q} ^ {{ {p} / {q} }}", f"{s**u} ^ {{ {t} / {u} }}"]
    one, two = r**p, s**t
    roots = f"{r} ^ {p} + {s} ^ {t}"
    nested = f"( {r} ^ {q} ) ^ {{ {p} / {q} }} + ( {s} ^ {u} ) ^ {{ {t} / {u} }}"
    plans = (
        Approach("take roots before powers", f"{roots} = {one} + {two} = {one + two}", roots),
        Approach("write each base as a power", f"{nested} = {one} + {two} = {one + two}", nested),
    )
    return Exercise(f"compute {' + '.join(texts)}", str(one + two), plans, " + ".join(sorted(texts)))


@family
def rationalise(rng: random.Random) -> Exercise:
    a, n, factor = rng.randint(1, 9), rng.randint(2, 40), rng.randint(2, 8)
    while isqrt(n) ** 2 == n or any(n % (k * k) == 0 for k in (2, 3, 5)):
        n = rng.randint(2, 40)
    sign = rng.choice((1, -1))
    low, high = min(a * a, n), max(a * a, n)
    first, second = (f"{a}", surd(1, n)) if a * a > n else (surd(1, n), f"{a}")
    here, there = ("+", "-") if sign > 0 else ("-", "+")
    top = factor * (high - low)
    conjugate = f"{first} {there} {second}"
    rational, radical = (factor * a, sign * -factor) if a * a > n else (sign * -factor * a, factor)
    answer = f"{tex(rational)} {'+' if radical > 0 else '-'} {surd(abs(radical), n)}"
    if rational < 0:
        answer = f"{surd(radical, n)} {plus(rational)}"
    worked = f"{top} ( {conjugate} ) / ( {high} - {low} )"
    plans = [Approach(f"multiply by {conjugate}", f"{worked} = {factor} ( {conjugate} ) = {answer}", worked)]
    question = f"simplify \\frac {{ {top} }} {{ {first} {here} {second} }}"
    return Exercise(question, answer, tuple(plans))


SQUARE_FREE = (2, 3, 5, 6, 7, 10, 11, 13)


@family
def surd_sums(rng: random.Random) -> Exercise:
    n = rng.choice(SQUARE_FREE)
    most = isqrt(LIMIT // n)
    sizes = [rng.randint(1, most) for _ in range(3)]
    signs = [1, rng.choice((1, -1)), rng.choice((1, -1))]
    total = sum(size * sign for size, sign in zip(sizes, signs, strict=True))
    while abs(total) < 2:
        sizes[0] = rng.randint(1, most)
        sizes[1], signs[1] = rng.randint(1, most), 1
        total = sum(size * sign for size, sign in zip(sizes, signs, strict=True))
    joined = ["" if i == 0 else "+ " if sign > 0 else "- " for i, sign in enumerate(signs)]
    question = " ".join(f"{sign}{surd(1, n * k * k)}" for sign, k in zip(joined, sizes, strict=True))
    each = " ".join(f"{sign}{surd(k, n)}" for sign, k in zip(joined, sizes, strict=True))
    common = f"{surd(1, n)} ( {' '.join(f'{sign}{k}' for sign, k in zip(joined, sizes, strict=True))} )"
    plans = (
        Approach("take squares out of each root", f"{each} = {surd(total, n)}", each),
        Approach(f"factor out {surd(1, n)}", f"{common} = {surd(total, n)}", common),
    )
    key = f"{n} : {sorted(size * sign for size, sign in zip(sizes, signs, strict=True))}"
    return Exercise(f"simplify {question}", surd(total, n), plans, key)
