"""Remainders of powers, and counting."""

from __future__ import annotations

import random
from math import comb, factorial, gcd, lcm

from rlad.problems.algebra.exercise import Approach, Exercise, family

PRIME_MODULI = (3, 5, 7, 11, 13, 17, 19)


@family
def power_remainder(rng: random.Random) -> Exercise:
    modulus, base, exponent = rng.randint(3, 20), rng.randint(2, 30), rng.randint(8, 99)
    while gcd(base, modulus) > 1 or base % modulus == 1:
        base = rng.randint(2, 30)
    answer = pow(base, exponent, modulus)
    cycle = [base % modulus]
    while cycle[-1] != 1:
        cycle.append(cycle[-1] * base % modulus)
    length = len(cycle)
    whole, rest = divmod(exponent, length)
    listed = "cycle " + " , ".join(map(str, cycle))
    plans = [
        Approach(
            f"cycle of powers of {base % modulus}",
            f"{listed} : {exponent} = {whole} \\times {length} + {rest} , {answer}",
            listed,
        )
    ]
    if modulus in PRIME_MODULI:
        small, (whole, rest) = base % modulus, divmod(exponent, modulus - 1)
        fermat = f"{small} ^ {modulus - 1} leaves 1"
        division = f"{exponent} = {whole} \\times {modulus - 1} + {rest}"
        steps = f"{fermat} , {division} , {small} ^ {rest} = {small**rest} , {answer}"
        plans.append(Approach(f"fermat with {modulus - 1}", steps, fermat))
    # A long cycle is a long solution: keep those of at most six, unless Fermat's way is there.
    kept = tuple(plan for plan in plans if len(plan.steps.split()) <= 30)
    question = f"remainder of {base} ^ {exponent} divided by {modulus}"
    return Exercise(question, str(answer), kept)


@family
def inclusion_exclusion(rng: random.Random) -> Exercise:
    top, a, b = rng.randint(20, 300), rng.randint(2, 12), rng.randint(2, 12)
    while a % b == 0 or b % a == 0:
        a, b = rng.randint(2, 12), rng.randint(2, 12)
    both = lcm(a, b)
    answer = top // a + top // b - top // both
    terms = f"{top // a} + {top // b} - {top // both}"
    blocks, rest = divmod(top, both)
    each, left = both // a + both // b - 1, rest // a + rest // b
    plans = [Approach(f"inclusion and exclusion with {both}", f"{terms} = {answer}", terms)]
    if blocks:
        block = f"{blocks} \\times {each} + {left}"
        steps = f"{top} = {blocks} \\times {both} + {rest} , {block} = {answer}"
        plans.append(Approach(f"count in blocks of {both}", steps, block))
    question = f"how many of 1 to {top} are divisible by {a} or {b}"
    key = f"{top} : {min(a, b)} {max(a, b)}"
    return Exercise(question, str(answer), tuple(plans), key)


@family
def choices(rng: random.Random) -> Exercise:
    (n, k), (m, j) = ((n, rng.randint(1, n - 1)) for n in (rng.randint(3, 10), rng.randint(3, 10)))
    one, two = comb(n, k), comb(m, j)
    down = " , ".join(f"{_falling(n, k)} = {comb(n, k)}" for n, k in ((n, k), (m, j)))
    plans = [Approach("multiply the two counts", f"{down} , {one} \\times {two} = {one * two}", down)]
    if 2 * k > n or 2 * j > m:
        k2, j2 = min(k, n - k), min(j, m - j)
        left_out = " , ".join(f"{_falling(n, k)} = {comb(n, k)}" for n, k in ((n, k2), (m, j2)))
        plans.append(Approach("choose those left out", f"{left_out} , {one} \\times {two} = {one * two}", left_out))
    question = f"ways to choose {k} of {n} and {j} of {m}"
    key = " and ".join(sorted((f"{k} of {n}", f"{j} of {m}")))
    kept = tuple(plan for plan in plans if len(plan.steps.split()) <= 42)
    return Exercise(question, str(one * two), kept, key)


def _falling(n: int, k: int) -> str:
    r"""The binomial coefficient as a falling product over k!: `7 \times 6 / 2`."""
    return " \\times ".join(str(n - i) for i in range(k)) + (f" / {factorial(k)}" if k > 1 else "")
