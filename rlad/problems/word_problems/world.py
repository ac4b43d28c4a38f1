r"""The `word_problems` world: short stories with two or three amounts, for pretrained models.

    question     Anna had 46 coins and gave 18 of them to Ben. How many coins does Anna have left?
    abstraction  Subtract the smaller amount from the larger.     or: Count up from the smaller amount to the larger.
    solution     46 - 18 = 28. \boxed{28}                         or: 18 + 28 = 46. \boxed{28}

An abstraction is a plan in words that names no number; a solution carries it out in a few equations, also where it is
the wrong plan. Most problems have several right plans. Test problems tell stories that no training problem tells.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass

from rlad.config.registry import key, world
from rlad.problems.base import Problem, World, words
from rlad.problems.word_problems import beyond
from rlad.problems.word_problems.plans import LARGEST, WordPlan, plans
from rlad.problems.word_problems.stories import NAMES, THINGS
from rlad.problems.word_problems.templates import AMOUNTS, TEMPLATES

PLANS = {count: plans(count) for count in (2, 3)}
_NAMED = {" ".join(words(hint)): plan for known in PLANS.values() for hint, plan in known.items()}
_BLANKS = re.compile(r"\{[a-z]\}")


def amounts_of(problem: Problem) -> tuple[int, ...]:
    """The whole numbers of a question in the order in which they stand there.

    >>> amounts_of(Problem("", "Of 1,200 people 30 left, 2 came.", ""))
    (1200, 30, 2)
    """
    found = re.findall(r"\d+(?:,\d{3})*", problem.question)
    return tuple(int(text.replace(",", "")) for text in found if len(text) < 10)


@dataclass
class WordProblemsKeys:
    """Which calculations there are."""

    beyond: list[str] = key(one_of=tuple(beyond.STORIES), factory=list)
    """Calculations that test problems take beside the usual ones and no training problem takes (docs/evaluation.md)."""


@world("word_problems", keys=WordProblemsKeys)
class WordProblems(World):
    """Short stories with two or three amounts; an abstraction is a plan in words, for pretrained models."""

    name = "word_problems"

    def __init__(self, useless_share: float = 0.3, keys: WordProblemsKeys | None = None):
        self.useless_share = useless_share
        self.templates = TEMPLATES + beyond.templates(keys.beyond if keys else [])

    def sample(self, rng: random.Random) -> Problem:
        template = rng.choice(self.templates)
        gold = None
        while gold is None:
            amounts = (AMOUNTS | beyond.AMOUNTS)[template.kind](rng)
            gold = answer(template.kind, amounts)
        n, m = rng.sample(NAMES, 2)
        story = {"n": n, "m": m, "t": rng.choice(THINGS), **dict(zip("xyz", amounts, strict=False))}
        canonical = f"{template.kind} | {template.number} | {' '.join(map(str, amounts))}"
        meta = {"canonical": canonical, "split": template.split, "kind": template.kind}
        question = template.text.format(**story)
        return Problem(f"word_problems/{canonical} | {n} {story['t']}", question, str(gold), meta=meta)

    def vocabulary(self) -> list[str]:
        texts = [_BLANKS.sub(" ", template.text) for template in self.templates]
        told = [word for text in [*texts, *_NAMED] for word in words(text)]
        signs = ["+", "-", "*", "/", "=", ",", ".", ";", "\\boxed{", "}"]
        numbers = (str(n) for n in range(LARGEST + 1))
        return list(dict.fromkeys([*told, *NAMES, *THINGS, *signs, *numbers]))

    def _plans(self, problem: Problem) -> tuple[list[WordPlan], list[WordPlan]]:
        """(plans that lead to the answer, plans that can be carried out and lead elsewhere)."""
        amounts, right, wrong = amounts_of(problem), [], []
        for plan in dict.fromkeys(PLANS.get(len(amounts), {}).values()):
            if worked := plan.work(amounts):
                (right if str(worked[1]) == problem.answer else wrong).append(plan)
        return right, wrong

    def propose(self, problem: Problem, rng: random.Random) -> str:
        right, wrong = self._plans(problem)
        useless = wrong and rng.random() < self.useless_share
        return rng.choice(rng.choice(wrong if useless else right).hints)

    def right_abstraction(self, problem: Problem) -> str | None:
        """The first plan that leads to the answer, in its first wording."""
        right = self._plans(problem)[0]
        return right[0].hints[0] if right else None

    def solve(self, problem: Problem, abstraction: str | None, rng: random.Random) -> str:
        """Follows the plan that the abstraction names, right or wrong; without one, or where it cannot be carried out,
        one that is right."""
        amounts = amounts_of(problem)
        plan = _plan(abstraction or "", amounts)
        written = plan.written(amounts) if plan else None
        return written or rng.choice(self._plans(problem)[0]).written(amounts)

    def recipe(self, problem: Problem) -> tuple[str, ...]:
        """The operations of the calculation that the story asks for; () of a file's problem, which states none."""
        return operations(problem.meta["kind"]) if "kind" in problem.meta else ()

    def canonical_abstraction(self, abstraction: str) -> str:
        """All wordings of a plan are one; other texts are the same where their words are."""
        text = " ".join(words(abstraction))
        plan = _NAMED.get(text)
        return plan.hints[0] if plan else text.lower()

    def adheres(self, problem: Problem, abstraction: str, solution: str) -> bool:
        """Whether the solution writes the left-hand sides of the plan's equations, in their order, and no others.

        Of a plan that cannot be carried out, and of an abstraction that names none, no solution makes use.
        """
        amounts = amounts_of(problem)
        plan = _plan(abstraction, amounts)
        worked = plan.work(amounts) if plan else None
        if worked is None:
            return False
        found = re.findall(r"([^=,.;]+)=", solution.split("\\boxed{")[0])
        return [words(left) for left in found] == [words(left) for left, _ in worked[0]]


def _plan(abstraction: str, amounts: tuple[int, ...]) -> WordPlan | None:
    """The plan for so many amounts that an abstraction names."""
    plan = _NAMED.get(" ".join(words(abstraction)))
    return plan if plan in PLANS.get(len(amounts), {}).values() else None


def answer(kind: str, amounts: tuple[int, ...]) -> int | None:
    """What the calculation of a kind gives; None where it is no positive whole number or not worth asking.

    >>> answer("(x + y) / z", (5, 7, 3)), answer("(x + y) / z", (5, 8, 3)), answer("x - y", (3, 8))
    (4, None, None)
    """
    value = eval(kind, {"__builtins__": {}}, dict(zip("xyz", amounts, strict=False)))
    return int(value) if value == int(value) and 2 <= value <= LARGEST else None


SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}


def operations(kind: str) -> tuple[str, ...]:
    """The operations of a kind of calculation, in the order in which they are carried out.

    A sum and a difference one after the other are one function in either order, as are a product and a quotient, so
    the sum and the product stand first.

    >>> [operations(kind) for kind in ("y - x", "x - y + z", "x * y + z", "(x + y) * z", "x + z")]
    [('-',), ('+', '-'), ('*', '+'), ('+', '*'), ('+',)]
    """

    def signs(part: ast.expr) -> list[str]:
        return [*signs(part.left), *signs(part.right), SIGNS[type(part.op)]] if isinstance(part, ast.BinOp) else []

    found = signs(ast.parse(kind, mode="eval").body)
    return tuple(sorted(found) if set(found) <= {"+", "-"} or set(found) <= {"*", "/"} else found)
