"""Products and differences of squares, by choosing a better form."""

from __future__ import annotations

import random
from math import prod

from rlad.problems.algebra.exercise import LIMIT, Approach, Exercise, family


@family
def products(rng: random.Random) -> Exercise:
    a, b = rng.randint(5, 45), rng.randint(5, 45)
    plans = []
    if (a - b) % 2 == 0 and a != b:
        middle, gap = (a + b) // 2, abs(a - b) // 2
        form = f"{middle} ^ 2 - {gap} ^ 2"
        steps = f"{form} = {middle**2} - {gap**2} = {a * b}"
        plans.append(Approach(f"difference of squares around {middle}", steps, form))
    for x, y in dict.fromkeys(((a, b), (b, a))):  # a square has one way, not two
        tens, units = y - y % 10, y % 10
        if tens and units:
            form = f"{x} \\times {tens} + {x} \\times {units}"
            plans.append(
                Approach(f"split {y} into {tens} and {units}", f"{form} = {x * tens} + {x * units} = {a * b}", form)
            )
        if y % 2 == 0:
            form = f"{y // 2} \\times {2 * x}"
            plans.append(Approach(f"halve {y} and double {x}", f"{form} = {a * b}", form))
    return Exercise(f"compute {a} \\times {b}", str(a * b), tuple(plans), f"{min(a, b)} {max(a, b)}")


@family
def squares_difference(rng: random.Random) -> Exercise:
    b = rng.randint(2, 80)
    a = b + rng.randint(1, max(1, min(20, LIMIT // (2 * b))))
    factored = f"( {a} - {b} ) ( {a} + {b} )"
    plans = (
        Approach(
            "factor as a difference of squares", f"{factored} = {a - b} \\times {a + b} = {a * a - b * b}", factored
        ),
        Approach("compute both squares", f"{a * a} - {b * b} = {a * a - b * b}", f"{a * a} - {b * b}"),
    )
    return Exercise(f"compute {a} ^ 2 - {b} ^ 2", str(a * a - b * b), plans)


PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)


@family
def divisors(rng: random.Random) -> Exercise:
    n, powers = rng.randint(12, LIMIT), {}
    rest = n
    for p in PRIMES:
        while rest % p == 0:
            powers[p] = powers.get(p, 0) + 1
            rest //= p
    if rest > 1:
        powers[rest] = powers.get(rest, 0) + 1
    count = prod(e + 1 for e in powers.values())
    factors = " \\times ".join(f"{p} ^ {e}" for p, e in powers.items())
    counts = " \\times ".join(str(e + 1) for e in powers.values())
    plans = [Approach("factor into primes", f"{n} = {factors} , {counts} = {count}", factors)]
    small = [d for d in range(1, n) if d * d <= n and n % d == 0]
    if len(small) <= 6:
        listed = " , ".join(f"{d} \\times {n // d}" for d in small)
        plans.append(Approach("list the divisors in pairs", f"{listed} : {count}", listed))
    return Exercise(f"how many divisors has {n}", str(count), tuple(plans))
