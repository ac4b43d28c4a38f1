r"""The `induction` world: one or two examples of a hidden integer rule, and a query.

    question     3 , 5 > 14 ; 4 , 1 > ?
    abstraction  2 a + 1 b + 3                          a hypothesised rule
    solution     2 * 4 = 8 1 * 1 = 1 8 + 1 = 9 9 + 3 = 12 \boxed{ 12 }

Few examples leave many rules possible and the prior over rules is skewed, so the right abstraction is inherently
uncertain while executing it is nearly certain: the setting in which breadth over abstractions honestly pays.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

from rlad.config import ProblemsConfig
from rlad.problems.base import Problem, ProblemError

# Unnormalised prior weights: small constants are more likely, as people would guess them first.
FAMILY_WEIGHT = {"linear": 0.5, "product": 0.2, "minmax": 0.2, "difference": 0.1}
COEFFICIENT_WEIGHT = {1: 0.4, 2: 0.3, 3: 0.15, 4: 0.1, 5: 0.05}
OFFSET_DECAY = 0.85
OFFSETS = range(15)
LATER_STAGES = [("*", 2), ("*", 3), ("mod", 5), ("mod", 7), ("mod", 10)]
HEADS = {"product": ("times",), "minmax": ("max", "min"), "difference": ("diff",)}


@dataclass(frozen=True)
class Rule:
    """A combination of a and b followed by stages, e.g. linear (2, 1) and then `+ 3`.

    >>> rule = Rule("linear", (2, 1), (("+", 3),))
    >>> rule.text, rule(4, 1)
    ('2 a + 1 b + 3', 12)
    >>> Rule.parse("3 max + 4")(2, 5)
    19
    """

    head: str
    """linear, times, max, min or diff."""
    coefficients: tuple[int, ...]
    stages: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        if self.head == "linear":
            words = f"{self.coefficients[0]} a + {self.coefficients[1]} b"
        else:
            words = f"{self.coefficients[0]} {self.head}"
        return words + "".join(f" {op} {number}" for op, number in self.stages)

    @staticmethod
    @lru_cache(maxsize=100_000)
    def parse(text: str) -> Rule | None:
        """The rule a text states, or None."""
        words = text.split()
        if len(words) >= 5 and words[1:3] == ["a", "+"] and words[4] == "b":
            head, numbers, rest = "linear", [words[0], words[3]], words[5:]
        elif len(words) >= 2 and words[1] in ("times", "max", "min", "diff"):
            head, numbers, rest = words[1], [words[0]], words[2:]
        else:
            return None
        numbers += rest[1::2]
        if len(rest) % 2 or not all(n.isdecimal() for n in numbers) or set(rest[::2]) - {"+", "*", "mod"}:
            return None
        stages = tuple((op, int(n)) for op, n in zip(rest[::2], rest[1::2], strict=True))
        if ("mod", 0) in stages:
            return None
        count = 2 if head == "linear" else 1
        return Rule(head, tuple(int(n) for n in numbers[:count]), stages)

    def steps(self, a: int, b: int) -> list[tuple[str, int]]:
        """The steps of applying the rule, each as (left-hand side, result)."""
        if self.head == "linear":
            p, q = self.coefficients
            steps = [(f"{p} * {a}", p * a), (f"{q} * {b}", q * b), (f"{p * a} + {q * b}", p * a + q * b)]
        else:
            combine = {"times": lambda: a * b, "max": lambda: max(a, b), "min": lambda: min(a, b)}
            value = combine.get(self.head, lambda: abs(a - b))()
            scale = self.coefficients[0]
            steps = [(f"{self.head} {a} {b}", value), (f"{value} * {scale}", value * scale)]
        value = steps[-1][1]
        for op, number in self.stages:
            left = f"{value} {op} {number}"
            value = {"+": value + number, "*": value * number}[op] if op != "mod" else value % number
            steps.append((left, value))
        return steps

    def __call__(self, a: int, b: int) -> int:
        return self.steps(a, b)[-1][1]


class Induction:
    """See the module's docstring; `depth` counts the stages after the combination of a and b."""

    name = "induction"

    def __init__(self, config: ProblemsConfig):
        self.config = config.induction
        self.useless_share = config.useless_share
        unknown = set(self.config.families) - set(FAMILY_WEIGHT)
        if unknown or not self.config.families:
            raise ProblemError(f"Unknown or no induction families {sorted(unknown)}; known: {list(FAMILY_WEIGHT)}.")
        self._consistent: dict[tuple, tuple[list[Rule], list[float]]] = {}

    @cached_property
    def prior(self) -> dict[Rule, float]:
        """Every rule of the world with its unnormalised prior weight."""
        rules: dict[Rule, float] = {}
        tails = [((("+", r),), OFFSET_DECAY**r) for r in OFFSETS]
        for _ in range(self.config.depth - 1):
            tails = [((*tail, stage), w / len(LATER_STAGES)) for tail, w in tails for stage in LATER_STAGES]
        for family in self.config.families:
            if family == "linear":
                bodies = [("linear", (p, q)) for p, q in product(COEFFICIENT_WEIGHT, repeat=2)]
            else:
                bodies = [(head, (p,)) for head in HEADS[family] for p in (1, 2, 3)]
            weights = [w for _, cs in bodies for w in [_product(COEFFICIENT_WEIGHT[c] for c in cs)]]
            total = sum(weights) * sum(w for _, w in tails)
            for ((head, cs), weight), (tail, tail_weight) in product(zip(bodies, weights, strict=True), tails):
                rules[Rule(head, cs, tail)] = FAMILY_WEIGHT[family] * weight * tail_weight / total
        return rules

    @cached_property
    def _by_value(self) -> dict[tuple[int, int], dict[int, list[Rule]]]:
        """For every input pair: value -> the rules that give it."""
        inputs = range(1, self.config.max_input + 1)
        table: dict[tuple[int, int], dict[int, list[Rule]]] = {}
        for a, b in product(inputs, repeat=2):
            values = defaultdict(list)
            for rule in self.prior:
                values[rule(a, b)].append(rule)
            table[a, b] = dict(values)
        return table

    @cached_property
    def _rules(self) -> tuple[list[Rule], list[float]]:
        return list(self.prior), list(self.prior.values())

    def sample(self, rng: random.Random) -> Problem:
        rule = rng.choices(*self._rules)[0]
        pairs: list[tuple[int, int]] = []
        while len(pairs) < self.config.examples + 1:
            pair = (rng.randint(1, self.config.max_input), rng.randint(1, self.config.max_input))
            if pair not in pairs:
                pairs.append(pair)
        examples = [(a, b, rule(a, b)) for a, b in pairs[:-1]]
        a, b = pairs[-1]
        shown = " ; ".join(f"{x} , {y} > {z}" for x, y, z in examples)
        # The order of the examples does not make a problem another one.
        canonical = " ; ".join(f"{x} , {y} > {z}" for x, y, z in sorted(examples)) + f" ; {a} , {b}"
        question = f"{shown} ; {a} , {b} > ?"
        meta = {"canonical": canonical, "rule": rule.text, "examples": examples, "query": (a, b)}
        return Problem(f"induction/{question}", question, str(rule(a, b)), meta=meta)

    def vocabulary(self) -> list[str]:
        top = max(value for values in self._by_value.values() for value in values)
        # Intermediate values of a `mod` stage can exceed every final value.
        top = max(top, max(value for rule in self.prior for _, value in rule.steps(*[self.config.max_input] * 2)))
        words = "a b * + = > , ; ? times max min diff mod".split()
        return [*words, "\\boxed{", "}", *(str(n) for n in range(top + 1))]

    def consistent(self, problem: Problem) -> tuple[list[Rule], list[float]]:
        """The rules that fit all examples of a problem, with their prior weights."""
        examples = tuple(tuple(e) for e in problem.meta["examples"])
        if examples not in self._consistent:
            (a, b, value), *others = examples
            rules = [r for r in self._by_value[a, b][value] if all(r(x, y) == z for x, y, z in others)]
            self._consistent[examples] = rules, [self.prior[r] for r in rules]
        return self._consistent[examples]

    def propose(self, problem: Problem, rng: random.Random) -> str:
        rules, weights = self.consistent(problem)
        if rng.random() >= self.useless_share:
            return rng.choices(rules, weights)[0].text
        while True:  # a rule of the prior that contradicts the examples
            rule = rng.choices(*self._rules)[0]
            if rule not in rules:
                return rule.text

    def solve(self, problem: Problem, abstraction: str | None, rng: random.Random) -> str:
        """Applies the abstraction's rule to the query, right or wrong; plainly, applies a rule that fits."""
        rule = Rule.parse(abstraction) if abstraction is not None else None
        if rule is None:
            rules, weights = self.consistent(problem)
            rule = rng.choices(rules, weights)[0]
        steps = rule.steps(*problem.meta["query"])
        return " ".join(f"{left} = {value}" for left, value in steps) + f" \\boxed{{ {steps[-1][1]} }}"

    def canonical_abstraction(self, abstraction: str) -> str:
        rule = Rule.parse(" ".join(abstraction.split()))
        return rule.text if rule else " ".join(abstraction.split())

    def adheres(self, problem: Problem, abstraction: str, solution: str) -> bool:
        """Whether the solution carries out the abstraction's operations on the query (its arithmetic may be wrong)."""
        rule = Rule.parse(self.canonical_abstraction(abstraction))
        if rule is None:
            return False
        wanted = [_operation(left) for left, _ in rule.steps(*problem.meta["query"])]
        body = solution.split("\\boxed{")[0].split()
        found, at = [], 0
        while at < len(body):
            found.append(_operation(" ".join(body[at : at + 3])))
            at += 5
        return found == wanted


def _operation(left: str) -> tuple[str, ...]:
    """What a step does, without the running value it does it to.

    >>> _operation("8 + 1"), _operation("max 4 1"), _operation("2 * 4")
    (('+', '1'), ('max', '4', '1'), ('*', '4'))
    """
    words = left.split()
    return tuple(words) if words and words[0] in ("times", "max", "min", "diff") else tuple(words[1:])


def _product(numbers) -> float:
    result = 1.0
    for number in numbers:
        result *= number
    return result
