"""The world around the families: sampling, demonstrations, and the checks of form and adherence."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from rlad.config.registry import key, world
from rlad.problems.algebra.exercise import FAMILIES, LIMIT, Approach, Exercise
from rlad.problems.base import Problem, ProblemError
from rlad.problems.formal import FormalWorld

WORDS = r"""
+ - = / ^ _ ( ) { } , : | \times \frac \sqrt \log \lbrace \rbrace \ldots \pm \boxed{
a add all and are around as at base before blocks both by cancel cases change choose complete compute count counts
cycle difference differentiate distance divided divisible division divisors does double each eliminate evaluate
exclusion expand exponents f factor fermat find first for formula fractions from g geometric gives guess halve has
help how in inclusion inside into is k last law leaves left list logarithms many match minimum multiply not of or
out over pair pairs partial power powers primes product put quadratic quotient r ratio remainder root roots rule s
separate sides simplify solve split square squares substitute subtract sum synthetic take telescope term terms the
this those to two use values vertex vieta ways with write x y
"""
TOKEN = re.compile(r"\\boxed\{|\\[A-Za-z]+|\d+|[A-Za-z]+|\S")
INTEGER = re.compile(r"\d+")
# What language models write where the world writes another word, or nothing.
SPELLINGS = {
    r"\{": r"\lbrace ",
    r"\}": r"\rbrace ",
    r"\dfrac": r"\frac",
    r"\tfrac": r"\frac",
    r"\left": "",
    r"\right": "",
}


@dataclass
class AlgebraKeys:
    """Which families there are."""

    families: list[str] = key(factory=list)
    """Families to draw from; empty = all of them."""


@world("algebra", keys=AlgebraKeys)
class Algebra(FormalWorld):
    """Problems that a named technique makes easy, out of several families.

    A useless abstraction is a technique of another family; the demonstration that follows it gets nowhere and guesses,
    so that an abstraction's worth shows in its solutions.
    """

    name = "algebra"

    def __init__(self, useless_share: float = 0.3, keys: AlgebraKeys | None = None):
        self.families = (list(keys.families) if keys else []) or list(FAMILIES)
        if unknown := sorted(set(self.families) - set(FAMILIES)):
            raise ProblemError(f"'{unknown[0]}' is no algebra family; the families are {', '.join(FAMILIES)}.")
        self.useless_share = useless_share

    # ------------------------------------------------------------------------------------------------ problems
    def sample(self, rng: random.Random) -> Problem:
        name = rng.choice(self.families)
        exercise = small_exercise(name, rng)
        canonical = f"{name} : {exercise.key or exercise.question}"
        meta = {"canonical": canonical, "family": name, "plans": exercise.plans}
        return Problem(f"algebra/{canonical}", exercise.question, exercise.answer, meta=meta)

    def vocabulary(self) -> list[str]:
        return [*WORDS.split(), *(str(n) for n in range(LIMIT + 1))]

    # ------------------------------------------------------------------------------------------------ demonstrations
    def propose(self, problem: Problem, rng: random.Random) -> str:
        if rng.random() >= self.useless_share:
            return rng.choice(problem.meta["plans"]).abstraction
        own = {plan.abstraction for plan in problem.meta["plans"]}
        others = [name for name in FAMILIES if name != problem.meta["family"]]
        while True:
            text = rng.choice(small_exercise(rng.choice(others), rng).plans).abstraction
            if text not in own:
                return text

    def right_abstraction(self, problem: Problem) -> str | None:
        """The technique of the problem's first plan."""
        return problem.meta["plans"][0].abstraction if problem.meta else None

    def solve(self, problem: Problem, abstraction: str | None, rng: random.Random) -> str:
        if abstraction is None:
            return f"{rng.choice(problem.meta['plans']).steps} \\boxed{{ {problem.answer} }}"
        plan = self._plan(problem, abstraction)
        if plan is not None:
            return f"{plan.steps} \\boxed{{ {problem.answer} }}"
        guess = problem.answer
        while guess == problem.answer:
            guess = small_exercise(problem.meta["family"], rng).answer
        return f"this does not help , guess \\boxed{{ {guess} }}"

    # ------------------------------------------------------------------------------------------------ checks
    def canonical_abstraction(self, abstraction: str) -> str:
        return " ".join(TOKEN.findall(abstraction))

    def adheres(self, problem: Problem, abstraction: str, solution: str) -> bool:
        """Whether the abstraction is a technique for this problem and the solution shows its signature step."""
        plan = self._plan(problem, abstraction)
        return plan is not None and f" {plan.signature} " in f" {self.canonical_abstraction(solution)} "

    def valid(self, problem: Problem, solution: str) -> bool:
        r"""Whether the boxed answer is worked out. `\boxed{ 23 \times 17 }` equals 391, but only restates the question:
        an answer may not be longer than the gold one, nor use a symbol that the gold one does without."""
        text = _boxed(solution)
        for spelling, word in SPELLINGS.items():
            text = text.replace(spelling, word)
        boxed, gold = TOKEN.findall(text), TOKEN.findall(problem.answer)
        if boxed[:1] == ["-"]:
            boxed = boxed[1:]
        allowed = set(gold)
        allowed |= {"/"} if "\\frac" in gold else set()
        allowed |= {"+", "-"} if {"+", "-"} & set(gold[1:]) else set()  # the terms in another order
        symbols = {word for word in boxed if not word.isdecimal()}
        return bool(boxed) and len(boxed) <= len(gold) and symbols <= allowed

    def recipe(self, problem: Problem) -> tuple[str, ...]:
        """The family, of which every problem is one application."""
        return (problem.meta["family"],)

    def steps(self, problem: Problem) -> int:
        """Equations of the shortest plan, at least one."""
        return max(1, min(plan.steps.count("=") for plan in problem.meta["plans"]))

    def _plan(self, problem: Problem, abstraction: str) -> Approach | None:
        wanted = self.canonical_abstraction(abstraction)
        return next((plan for plan in problem.meta["plans"] if plan.abstraction == wanted), None)


def small_exercise(name: str, rng: random.Random) -> Exercise:
    """An exercise of a family whose integers, in the question, the answer and at least one plan, are at most LIMIT."""
    while True:
        exercise = FAMILIES[name](rng)
        if _small(exercise.question) and _small(exercise.answer):
            plans = tuple(plan for plan in exercise.plans if _small(plan.abstraction) and _small(plan.steps))
            if plans:
                return Exercise(exercise.question, exercise.answer, plans, exercise.key)


def _small(text: str) -> bool:
    return all(int(number) <= LIMIT for number in INTEGER.findall(text))


def _boxed(solution: str) -> str:
    r"""What the last \boxed{...} holds; empty when there is none or it does not close."""
    content = solution.rpartition("\\boxed{")[2] if "\\boxed{" in solution else ""
    depth = 1
    for at, letter in enumerate(content):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0:
            return content[:at]
    return ""
