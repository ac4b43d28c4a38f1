"""How a problem can be solved: plans over the amounts of a question, as a hint in words and as terse equations.

A hint names amounts by their place in the question and never by their value, so it cannot state the answer. Following a
plan is mechanical, also where it is the wrong one; which plan is right is what the question leaves to be understood.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

LARGEST = 2000
"""No equation of a demonstration has a larger number: a plan that makes one cannot be carried out."""

Step = tuple[str, int]
"""(left-hand side, value) of an equation."""
Worked = tuple[list[Step], int]
"""The equations of a plan, and its answer."""


@dataclass(frozen=True)
class WordPlan:
    """A way to an answer.

    >>> plan = plans(3)["Add the first two amounts, then subtract the third."]
    >>> plan.work((20, 15, 5)), plan.written((20, 15, 5))
    (([('20 + 15', 35), ('35 - 5', 30)], 30), '20 + 15 = 35, 35 - 5 = 30. \\\\boxed{30}')
    """

    hints: tuple[str, ...]
    """Wordings of its hint; the first one is its name."""
    carry_out: Callable[..., Worked | None]

    def work(self, amounts: tuple[int, ...]) -> Worked | None:
        """Equations and answer; None where it does not come out in positive whole numbers up to `LARGEST`."""
        worked = self.carry_out(*amounts)
        if worked is None or not all(0 < value <= LARGEST for _, value in worked[0]):
            return None
        return worked

    def written(self, amounts: tuple[int, ...]) -> str | None:
        """The terse solution that follows the plan."""
        worked = self.work(amounts)
        if worked is None:
            return None
        return ", ".join(f"{left} = {value}" for left, value in worked[0]) + f". \\boxed{{{worked[1]}}}"


def equation(a: int, sign: str, b: int) -> Step | None:
    """One equation; None for a division with a remainder, or a difference that is not positive.

    >>> equation(12, "/", 4), equation(12, "/", 5), equation(3, "-", 5)
    (('12 / 4', 3), None, None)
    """
    if sign == "/" and (b == 0 or a % b):
        return None
    value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b if b else 0}[sign]
    return (f"{a} {sign} {b}", value) if value > 0 else None


def single(sign: str, first: int = 0, second: int = 1) -> Callable[..., Worked | None]:
    """One equation with two amounts; the larger one comes first where that matters."""

    def carry_out(*amounts: int) -> Worked | None:
        a, b = amounts[first], amounts[second]
        if sign in "-/":
            a, b = max(a, b), min(a, b)
        step = equation(a, sign, b)
        return ([step], step[1]) if step else None

    return carry_out


def chain(one: str, two: str, order: tuple[int, int, int] = (0, 1, 2), swapped: bool = False):
    """(a one b) two c for the amounts in an order; `swapped`: c two (a one b)."""

    def carry_out(*amounts: int) -> Worked | None:
        a, b, c = (amounts[i] for i in order)
        first = equation(a, one, b)
        second = first and (equation(c, two, first[1]) if swapped else equation(first[1], two, c))
        return ([first, second], second[1]) if second else None

    return carry_out


def _parts(sign: str) -> Callable[[int, int], Worked | None]:
    """Sums and products through tens and ones."""

    def carry_out(x: int, y: int) -> Worked | None:
        small, large = min(x, y), max(x, y)
        tens, ones = large - large % 10, large % 10
        if not tens or not ones:
            return None
        if sign == "*":
            steps = [equation(small, "*", tens), equation(small, "*", ones)]
        elif small < 10 or not small % 10:
            return None
        else:
            steps = [equation(x - x % 10, "+", y - y % 10), equation(x % 10, "+", y % 10)]
        steps.append(equation(steps[0][1], "+", steps[1][1]))
        return steps, steps[-1][1]

    return carry_out


def _inverse(sign: str) -> Callable[[int, int], Worked | None]:
    """A difference found by adding, a quotient by multiplying."""

    def carry_out(x: int, y: int) -> Worked | None:
        small, large = min(x, y), max(x, y)
        found = equation(large, {"+": "-", "*": "/"}[sign], small)
        return ([(f"{small} {sign} {found[1]}", large)], found[1]) if found else None

    return carry_out


def _each(sign: str) -> Callable[[int, int, int], Worked | None]:
    def carry_out(x: int, y: int, z: int) -> Worked | None:
        one, two = equation(x, "*", z), equation(y, "*", z)
        last = equation(one[1], sign, two[1])
        return ([one, two, last], last[1]) if last else None

    return carry_out


TWO = (
    WordPlan(("Add the two amounts.", "Put both amounts together."), single("+")),
    WordPlan(("Add the tens first, then the ones.", "Add tens and ones apart."), _parts("+")),
    WordPlan(("Subtract the smaller amount from the larger.", "Take the smaller amount away."), single("-")),
    WordPlan(("Count up from the smaller amount to the larger.", "Find what the smaller one lacks."), _inverse("+")),
    WordPlan(("Multiply the two amounts.", "Take one amount times the other."), single("*")),
    WordPlan(("Multiply by the tens, then by the ones.", "Multiply with tens and ones apart."), _parts("*")),
    WordPlan(("Divide the larger amount by the smaller.", "Share the larger amount equally."), single("/")),
    WordPlan(("Find what times the smaller makes the larger.", "Ask how often the smaller fits."), _inverse("*")),
)
FIRST = {
    "+": ("Add the first two amounts", "The first two amounts together"),
    "-": ("Subtract the second amount from the first", "The first amount without the second"),
    "*": ("Multiply the first two amounts", "The first amount times the second"),
    "/": ("Divide the first amount by the second", "The first amount shared by the second"),
}
THEN = {
    "+": (", then add the third.", ", plus the third."),
    "-": (", then subtract the third.", ", minus the third."),
    "*": (", then multiply by the third.", ", times the third."),
    "/": (", then divide by the third.", ", shared by the third."),
}
ALONE = {
    "+": "add the other two",
    "-": "subtract the smaller of the other two from the larger",
    "*": "multiply the other two",
    "/": "divide the larger of the other two by the smaller",
}
THREE = (
    *(
        WordPlan(tuple(a + b for a, b in zip(FIRST[one], THEN[two], strict=True)), chain(one, two))
        for one, two in product("+-*/", repeat=2)
    ),
    WordPlan(("Subtract the third amount from the first, then add the second.",), chain("-", "+", (0, 2, 1))),
    WordPlan(("Add the third amount to the first, then subtract the second.",), chain("+", "-", (0, 2, 1))),
    WordPlan(("Add the last two amounts, then add the first.",), chain("+", "+", (1, 2, 0))),
    WordPlan(("Add the last two amounts and subtract them from the first.",), chain("+", "-", (1, 2, 0), swapped=True)),
    WordPlan(("Multiply each of the first two by the third, then add.",), _each("+")),
    WordPlan(("Multiply each of the first two by the third, then subtract.",), _each("-")),
    WordPlan(("Divide the second amount by the third, then multiply by the first.",), chain("/", "*", (1, 2, 0))),
    *(
        WordPlan((f"Leave the {left_out} amount out; {what}.",), single(sign, *pair))
        for left_out, pair in (("first", (1, 2)), ("second", (0, 2)), ("third", (0, 1)))
        for sign, what in ALONE.items()
    ),
)


def plans(count: int) -> dict[str, WordPlan]:
    """The plans for so many amounts by each of their hints.

    >>> len(plans(2)), len(plans(3)), plans(4)
    (16, 51, {})
    """
    return {hint: plan for plan in {2: TWO, 3: THREE}.get(count, ()) for hint in plan.hints}
