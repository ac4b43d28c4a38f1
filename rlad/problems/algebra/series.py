"""Sums of arithmetic and geometric sequences, finite and infinite, and telescoping sums."""

from __future__ import annotations

import random
from fractions import Fraction

from rlad.problems.algebra.exercise import LIMIT, Approach, Exercise, factor, family, plus, tex


@family
def arithmetic_sum(rng: random.Random) -> Exercise:
    first, step, count = rng.randint(1, 25), rng.randint(1, 9), rng.randint(5, 16)
    last = first + (count - 1) * step
    total = count * (first + last) // 2
    terms = f"( {last} - {first} ) / {step} + 1 = {count}"
    ends = f"{first} + {last} = {first + last}"
    steps_up = count * (count - 1) // 2
    apart = f"{count} \\times {first} + {step} \\times {steps_up}"
    plans = (
        Approach("pair first and last", f"{terms} , {ends} , {count} \\times {first + last} / 2 = {total}", ends),
        Approach(
            f"separate {first} from each term",
            f"{terms} , {apart} = {count * first} + {step * steps_up} = {total}",
            apart,
        ),
    )
    question = f"sum of {first} , {first + step} , {first + 2 * step} , \\ldots , {last}"
    return Exercise(question, str(total), plans)


@family
def geometric_sum(rng: random.Random) -> Exercise:
    ratio, count = rng.choice((2, 2, 2, 3, 3, 4, 5, -2, -2, -3, -4)), rng.randint(3, 7)
    size = (ratio**count - 1) // (ratio - 1)
    first = rng.randint(1, max(1, LIMIT // abs(size)))
    total, after = first * size, first * ratio**count
    shifted = f"{tex(ratio)} s - s = {tex(after)} - {first}"
    bracket = f"( {factor(ratio)} ^ {count} - 1 )"
    less, more = f"{tex(ratio - 1)} s = {tex(after - first)}", f"{first} \\times {factor(size)}"
    formula = f"{first} {bracket} / ( {tex(ratio)} - 1 )"
    plans = (
        Approach(f"multiply by {tex(ratio)} and subtract", f"{shifted} , {less} , s = {tex(total)}", shifted),
        Approach(f"geometric formula with ratio {tex(ratio)}", f"{formula} = {more} = {tex(total)}", bracket),
    )
    question = f"sum of the first {count} terms of {first} , {tex(first * ratio)} , {first * ratio**2} , \\ldots"
    return Exercise(question, tex(total), plans)


@family
def geometric_limit(rng: random.Random) -> Exercise:
    first, bottom = rng.randint(1, 40), rng.randint(2, 9)
    ratio = Fraction(rng.choice((-1, 1, 1, 1)) * rng.randint(1, bottom - 1), bottom)
    total = first / (1 - ratio)
    over = f"{first} / ( 1 {plus(-ratio)} )"
    shifted = f"s {plus(-ratio)} s = {first}"
    plans = (
        Approach("first term over 1 - ratio", f"{over} = {first} / {tex(1 - ratio)} = {tex(total)}", over),
        Approach(
            f"subtract {tex(ratio)} of the sum", f"{shifted} , {tex(1 - ratio)} s = {first} , s = {tex(total)}", shifted
        ),
    )
    question = f"sum of {first} , {tex(first * ratio)} , {tex(first * ratio**2)} , \\ldots"
    return Exercise(question, tex(total), plans)


@family
def telescoping(rng: random.Random) -> Exercise:
    top, start = rng.randint(1, 6), rng.randint(1, 15)
    end = start + rng.randint(1, 20)
    total = Fraction(top, start) - Fraction(top, end + 1)
    difference = f"\\frac {{ {top} }} {{ {start} }} - \\frac {{ {top} }} {{ {end + 1} }}"
    plans = [Approach("telescope with partial fractions", f"{difference} = {tex(total)}", difference)]
    if end - start == 1:
        added = " + ".join(f"\\frac {{ {top} }} {{ {k * (k + 1)} }}" for k in range(start, end + 1))
        plans.append(Approach("add the terms", f"{added} = {tex(total)}", added))
    question = f"sum of \\frac {{ {top} }} {{ k ( k + 1 ) }} for k = {start} to {end}"
    return Exercise(question, tex(total), tuple(plans))
