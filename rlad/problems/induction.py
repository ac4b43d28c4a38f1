r"""The `induction` world: one or two examples of a hidden integer rule, and a query.

    question     3 , 5 > 14 ; 4 , 1 > ?
    abstraction  2 a + 1 b                              the rule's form, up to an added constant
    solution     6 + 5 = 11 ; 14 - 11 = 3 ; 8 + 1 = 9 ; 9 + 3 = 12 \boxed{ 12 }

A rule is a form (a combination of a and b, perhaps with later operations) plus a constant from 0 to 9. The abstraction
names the form; the solution fits the constant to the first example and applies both to the query. Few examples leave
many forms possible and the prior over them is skewed, so the right abstraction is inherently uncertain while executing
it is nearly certain: the setting in which breadth over abstractions honestly pays.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import key, world
from rlad.problems.base import Problem, ProblemError
from rlad.problems.formal import FormalWorld

if TYPE_CHECKING:
    from rlad.config import RunConfig

# Unnormalised prior weights: small constants are more likely, as people would guess them first.
FAMILY_WEIGHT = {"linear": 0.5, "product": 0.2, "minmax": 0.2, "difference": 0.1}
COEFFICIENT_WEIGHT = {1: 0.4, 2: 0.3, 3: 0.2, 4: 0.1}
OFFSET_DECAY = 0.85
OFFSETS = range(10)
HEADS = {"product": ("times",), "minmax": ("max", "min"), "difference": ("diff",)}
LATER_STAGES = [("*", 2), ("*", 3), ("mod", 5), ("mod", 7), ("mod", 10)]

Steps = list[tuple[str, int]]
"""The steps of a solution, each as (left-hand side, result)."""


@dataclass(frozen=True)
class Form:
    """A combination of a and b followed by later operations.

    >>> form = Form.parse("2 a + 1 b")
    >>> form.steps(3, 5), form(4, 1), form.text
    ([('6 + 5', 11)], 9, '2 a + 1 b')
    >>> Form.parse("3 max mod 7").steps(2, 4)
    [('3 * 4', 12), ('12 mod 7', 5)]
    """

    head: str
    """linear, times, max, min or diff."""
    coefficients: tuple[int, ...]
    stages: tuple[tuple[str, int], ...] = ()

    @property
    def text(self) -> str:
        if self.head == "linear":
            words = f"{self.coefficients[0]} a + {self.coefficients[1]} b"
        else:
            words = f"{self.coefficients[0]} {self.head}"
        return words + "".join(f" {op} {number}" for op, number in self.stages)

    @staticmethod
    @lru_cache(maxsize=100_000)
    def parse(text: str) -> Form | None:
        """The form a text states, or None."""
        words = text.split()
        if len(words) >= 5 and words[1:3] == ["a", "+"] and words[4] == "b":
            head, numbers, rest = "linear", [words[0], words[3]], words[5:]
        elif len(words) >= 2 and words[1] in ("times", "max", "min", "diff"):
            head, numbers, rest = words[1], [words[0]], words[2:]
        else:
            return None
        constants = rest[1::2]
        if len(rest) % 2 or set(rest[::2]) - {"*", "mod"} or not all(n.isdecimal() for n in numbers + constants):
            return None
        stages = tuple((op, int(n)) for op, n in zip(rest[::2], constants, strict=True))
        return None if ("mod", 0) in stages else Form(head, tuple(map(int, numbers)), stages)

    def steps(self, a: int, b: int) -> Steps:
        """Evaluates the form; products of one coefficient and one input are done in the head."""
        if self.head == "linear":
            first, second = self.coefficients[0] * a, self.coefficients[1] * b
            steps = [(f"{first} + {second}", first + second)]
        else:
            core = {"times": a * b, "max": max(a, b), "min": min(a, b), "diff": abs(a - b)}[self.head]
            steps = [(f"{self.coefficients[0]} * {core}", self.coefficients[0] * core)]
        for op, number in self.stages:
            value = steps[-1][1]
            steps.append((f"{value} {op} {number}", value * number if op == "*" else value % number))
        return steps

    def __call__(self, a: int, b: int) -> int:
        return self.steps(a, b)[-1][1]


@dataclass
class InductionKeys:
    """How a question is asked, and what the rules are like."""

    examples: int = key(1, least=1, most=16)
    """Input-output examples shown in the question; fewer examples leave more rules possible."""
    depth: int = key(1, least=1, most=2)
    """Operations composed to make a rule: 1 = one operation of the family, 2 = a second applied to its result."""
    families: list[str] = key(one_of=tuple(FAMILY_WEIGHT), factory=lambda: list(FAMILY_WEIGHT))
    """Rule families to draw from."""
    max_input: int = key(6, least=1, most=999)
    """Inputs a, b are drawn from 1..max_input."""


def _check(run: RunConfig, section: str) -> None:
    """There must be a family, and inputs enough for the examples and the query."""
    keys = run.problems.of("induction")
    if not keys.families:
        raise ConfigError("problems.induction.families is empty; name at least one family.")
    if keys.max_input**2 <= keys.examples:
        raise ConfigError(
            f"problems.induction.max_input={keys.max_input} gives {keys.max_input**2} pairs of inputs, but "
            f"{keys.examples} examples and the query need one each."
        )


@world("induction", keys=InductionKeys, check=_check)
class Induction(FormalWorld):
    """A hidden rule over integers, shown by examples; the abstraction is the rule's form.

    `depth` counts the operations of a form, the combination of a and b being one.
    """

    name = "induction"

    def __init__(self, useless_share: float = 0.3, keys: InductionKeys | None = None):
        self.keys = keys = keys or InductionKeys()
        self.useless_share = useless_share
        unknown = set(keys.families) - set(FAMILY_WEIGHT)
        if unknown or not keys.families:
            raise ProblemError(f"Unknown or no induction families {sorted(unknown)}; known: {list(FAMILY_WEIGHT)}.")

    @cached_property
    def prior(self) -> dict[Form, float]:
        """Every form of the world with its prior probability."""
        tails: list[tuple[tuple[str, int], ...]] = [()]
        for _ in range(self.keys.depth - 1):
            tails = [(*tail, stage) for tail in tails for stage in LATER_STAGES]
        prior: dict[Form, float] = {}
        for family in self.keys.families:
            if family == "linear":
                bodies = [("linear", pair) for pair in product(COEFFICIENT_WEIGHT, repeat=2)]
            else:
                bodies = [(head, (p,)) for head in HEADS[family] for p in (1, 2, 3)]
            weights = [prod(COEFFICIENT_WEIGHT[c] for c in coefficients) for _, coefficients in bodies]
            for (head, coefficients), weight in zip(bodies, weights, strict=True):
                for tail in tails:
                    prior[Form(head, coefficients, tail)] = FAMILY_WEIGHT[family] * weight / sum(weights) / len(tails)
        total = sum(prior.values())
        return {form: weight / total for form, weight in prior.items()}

    @cached_property
    def _values(self) -> dict[tuple[int, int], dict[int, list[Form]]]:
        """For every input pair: value -> the forms that give it."""
        inputs = range(1, self.keys.max_input + 1)
        table: dict[tuple[int, int], dict[int, list[Form]]] = {}
        for a, b in product(inputs, repeat=2):
            values = defaultdict(list)
            for form in self.prior:
                values[form(a, b)].append(form)
            table[a, b] = dict(values)
        return table

    def sample(self, rng: random.Random) -> Problem:
        form = rng.choices(list(self.prior), list(self.prior.values()))[0]
        offset = rng.choices(OFFSETS, [OFFSET_DECAY**r for r in OFFSETS])[0]
        pairs: list[tuple[int, int]] = []
        while len(pairs) < self.keys.examples + 1:
            pair = (rng.randint(1, self.keys.max_input), rng.randint(1, self.keys.max_input))
            if pair not in pairs:
                pairs.append(pair)
        examples = [(a, b, form(a, b) + offset) for a, b in pairs[:-1]]
        a, b = pairs[-1]
        question = " ; ".join(f"{x} , {y} > {z}" for x, y, z in examples) + f" ; {a} , {b} > ?"
        # The order of the examples does not make a problem another one.
        canonical = " ; ".join(f"{x} , {y} > {z}" for x, y, z in sorted(examples)) + f" ; {a} , {b}"
        meta = {"canonical": canonical, "form": form.text, "offset": offset, "examples": examples, "query": (a, b)}
        return Problem(f"induction/{question}", question, str(form(a, b) + offset), meta=meta)

    def vocabulary(self) -> list[str]:
        inputs = range(1, self.keys.max_input + 1)
        steps = (value for form in self.prior for pair in product(inputs, repeat=2) for _, value in form.steps(*pair))
        # A useless form may be fitted with any constant up to the largest example, and is then applied with it.
        top = 2 * max(steps) + max(OFFSETS)
        words = ["a", "b", *"*+-=>,;?", "times", "max", "min", "diff", "mod", "\\boxed{", "}"]
        return [*words, *(str(n) for n in range(top + 1))]

    def consistent(self, problem: Problem) -> tuple[list[Form], list[float]]:
        """The forms that fit all examples with one constant, and their posterior weights (unnormalised)."""
        (a, b, value), *others = problem.meta["examples"]
        forms, weights = [], []
        for offset in OFFSETS:
            for form in self._values[a, b].get(value - offset, ()):
                if all(form(x, y) + offset == z for x, y, z in others):
                    forms.append(form)
                    weights.append(self.prior[form] * OFFSET_DECAY**offset)
        return forms, weights

    def posterior(self, problem: Problem) -> dict[str, float]:
        """Abstraction -> probability that it is the hidden rule's form, given the examples.

        >>> world, examples = Induction(), [(3, 5, 3), (2, 2, 2)]
        >>> found = world.posterior(Problem("", "", "", meta={"examples": examples}))
        >>> {form: round(p, 3) for form, p in found.items()}  # min alone, and the constants of later forms are larger
        {'1 min': 1.0}
        """
        forms, weights = self.consistent(problem)
        total = sum(weights)
        return {form.text: weight / total for form, weight in zip(forms, weights, strict=True)}

    def propose(self, problem: Problem, rng: random.Random) -> str:
        forms, weights = self.consistent(problem)
        useless = [form for form in self.prior if form not in set(forms)]
        if not useless or rng.random() >= self.useless_share:
            return rng.choices(forms, weights)[0].text
        return rng.choices(useless, [self.prior[form] for form in useless])[0].text

    def right_abstraction(self, problem: Problem) -> str | None:
        """The form of the hidden rule.

        >>> problem = Induction().sample(random.Random(0))
        >>> Induction().right_abstraction(problem) == problem.meta["form"]
        True
        """
        return problem.meta.get("form")

    def solve(self, problem: Problem, abstraction: str | None, rng: random.Random) -> str:
        """Fits and applies the abstraction's form, right or wrong; without one, a form that is possible."""
        form = Form.parse(abstraction) if abstraction is not None else None
        if form is None:
            form = rng.choices(*self.consistent(problem))[0]
        steps = _steps(form, problem)
        return " ; ".join(f"{left} = {_number(value)}" for left, value in steps) + (
            f" \\boxed{{ {_number(steps[-1][1])} }}"
        )

    def recipe(self, problem: Problem) -> tuple[str, ...]:
        """The combination of a and b and what is done to it; a factor right behind it is part of its coefficients.

        >>> world, rule = Induction(), lambda text: Problem("", "", "", meta={"form": text})
        >>> [world.recipe(rule(text)) for text in ("2 a + 1 b", "1 max * 3", "3 max", "1 min mod 7")]
        [('linear',), ('max',), ('max',), ('min', 'mod')]
        """
        form = Form.parse(problem.meta["form"])
        operations = [operation for operation, _ in form.stages]
        while operations[:1] == ["*"]:
            operations.pop(0)
        return (form.head, *operations)

    def steps(self, problem: Problem) -> int:
        """The form on the example and on the query, the constant found and added."""
        return 2 * len(self.recipe(problem)) + 2

    def canonical_abstraction(self, abstraction: str) -> str:
        """Spacing does not matter; what is no form stands for itself."""
        text = " ".join(abstraction.split())
        form = Form.parse(text)
        return form.text if form else text

    def adheres(self, problem: Problem, abstraction: str, solution: str) -> bool:
        """Whether the solution evaluates the abstraction's form on the example and on the query, step by step.

        Left-hand sides are compared, so a slip that feeds into a later step is no longer the abstraction's doing, while
        one in the very last step still is.
        """
        form = Form.parse(self.canonical_abstraction(abstraction))
        if form is None:
            return False
        found = [step.split("=")[0].split() for step in solution.split("\\boxed{")[0].split(";")]
        return found == [left.split() for left, _ in _steps(form, problem)]


def _steps(form: Form, problem: Problem) -> Steps:
    """Evaluate on the first example, fit the constant, evaluate on the query, add the constant."""
    a, b, value = problem.meta["examples"][0]
    fit, apply = form.steps(a, b), form.steps(*problem.meta["query"])
    offset = value - fit[-1][1]
    fitted = (f"{value} - {fit[-1][1]}", offset)
    answer = (f"{apply[-1][1]} + {_number(offset)}", apply[-1][1] + offset)
    return [*fit, fitted, *apply, answer]


def _number(value: int) -> str:
    """A number in tokens: the sign stands apart."""
    return str(value) if value >= 0 else f"- {-value}"
