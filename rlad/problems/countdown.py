r"""The `countdown` world: make the target from the given numbers with + - * /.

    question     make 32 from 3 7 2 3
    abstraction  - 3                                    the last move: something minus 3
    solution     35 - 3 = 32 , 7 * 5 = 35 , 2 + 3 = 5 \boxed{ ( 7 * ( 2 + 3 ) ) - 3 }

Rules: every given number is used exactly once, and every intermediate result is a positive integer of at most
`limit` = 4 * max_target (so divisions are exact). Solutions work backwards: the first step is the last move filled in,
and each step makes a number that an earlier one needs, so a step depends only on what is already written.
The question states the target, so the box holds the *expression*: the verifier checks its value, and `valid` checks
that it keeps the rules. Every problem has at least one last move with a single given number.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import key, world
from rlad.problems.base import Problem, ProblemError
from rlad.problems.formal import FormalWorld

if TYPE_CHECKING:
    from rlad.config import RunConfig

OPERATIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
SPELLINGS = {r"\times": "*", r"\cdot": "*", r"\div": "/"}
Numbers = tuple[int, ...]
"""A multiset of given numbers, sorted."""


def apply(x: int, op: str, y: int, limit: int) -> int | None:
    """The result, or None when the rules forbid it.

    >>> apply(6, "/", 3, 100), apply(7, "/", 3, 100), apply(3, "-", 3, 100)
    (2, None, None)
    """
    if op == "/":
        return x // y if x % y == 0 else None
    value = x + y if op == "+" else x - y if op == "-" else x * y
    return value if 0 < value <= limit else None


@lru_cache(maxsize=20_000)
def reachable(numbers: Numbers, limit: int) -> frozenset[int]:
    """Every value that uses all of `numbers` by the rules: exact, over all binary trees.

    >>> sorted(reachable((2, 4), 100))
    [2, 6, 8]
    """
    if len(numbers) == 1:
        return frozenset(n for n in numbers if n <= limit)
    found = set()
    for left, right in _bipartitions(numbers):
        for x in reachable(left, limit):
            for y in reachable(right, limit):
                found.update((apply(x, "+", y, limit), apply(x, "*", y, limit)))
                found.update((apply(max(x, y), "-", min(x, y), limit), apply(max(x, y), "/", min(x, y), limit)))
    return frozenset(found - {None})


@lru_cache(maxsize=20_000)
def _bipartitions(numbers: Numbers) -> tuple[tuple[Numbers, Numbers], ...]:
    """All ways to part a multiset in two, each once.

    >>> _bipartitions((1, 2, 2))
    (((1,), (2, 2)), ((2,), (1, 2)))
    """
    found = {}
    for size in range(1, len(numbers) // 2 + 1):
        for chosen in combinations(range(len(numbers)), size):
            left = tuple(numbers[i] for i in chosen)
            right = tuple(n for i, n in enumerate(numbers) if i not in chosen)
            if (right, left) not in found:
                found[left, right] = None
    return tuple(found)


def without(numbers: Numbers, number: int) -> Numbers:
    at = numbers.index(number)
    return numbers[:at] + numbers[at + 1 :]


@dataclass(frozen=True)
class Move:
    """A last move: an operation of one given number with the rest's value, e.g. `- 3` or `7 *`."""

    op: str
    number: int
    number_first: bool

    @property
    def text(self) -> str:
        return f"{self.number} {self.op}" if self.number_first else f"{self.op} {self.number}"

    @staticmethod
    def parse(text: str) -> Move | None:
        """The move a text states, or None; `+ 7` is the same move as `7 +`."""
        found = re.fullmatch(r"\s*(?:(\d{1,9})\s*([-+*/])|([-+*/])\s*(\d{1,9}))\s*", text)
        if not found:
            return None
        op, number = found[2] or found[3], int(found[1] or found[4])
        return Move(op, number, found[1] is not None or op in "+*")

    def __call__(self, rest: int, limit: int) -> int | None:
        """What the move makes of the rest's value, or None when that is forbidden."""
        return apply(*((self.number, self.op, rest) if self.number_first else (rest, self.op, self.number)), limit)

    def subgoal(self, target: int) -> int | None:
        """The value the rest must have.

        >>> Move.parse("- 3").subgoal(32), Move.parse("7 *").subgoal(32), Move.parse("9 -").subgoal(2)
        (35, None, 7)
        """
        n, first = self.number, self.number_first
        value = {
            "+": target - n,
            "-": n - target if first else target + n,
            "*": _exact(target, n),
            "/": _exact(n, target) if first else target * n,
        }[self.op]
        return value if value > 0 else None


def _exact(x: int, y: int) -> int:
    """x / y, or 0 when that is no integer."""
    return x // y if x % y == 0 else 0


def moves(numbers: Numbers) -> list[Move]:
    """Every last move with one of the numbers, possible or not."""
    forms = (("+", True), ("*", True), ("-", False), ("/", False), ("-", True), ("/", True))
    return [Move(op, n, first) for n in sorted(set(numbers)) for op, first in forms]


@dataclass(frozen=True)
class _ExpressionTree:
    """An expression: a given number, or an operation on two trees."""

    value: int
    op: str = ""
    left: _ExpressionTree | None = None
    right: _ExpressionTree | None = None

    def steps(self) -> list[str]:
        """`x op y = value`, this one first, then those that make its operands."""
        if not self.op:
            return []
        step = f"{self.left.value} {self.op} {self.right.value} = {self.value}"
        return [step, *self.left.steps(), *self.right.steps()]

    def text(self) -> str:
        """With brackets around every operand that is not a given number."""
        if not self.op:
            return str(self.value)
        operands = [f"( {side.text()} )" if side.op else side.text() for side in (self.left, self.right)]
        return f"{operands[0]} {self.op} {operands[1]}"


def parse_expression(text: str) -> ast.expr | None:
    """The syntax tree of an arithmetic expression of digits, + - * / and brackets, or None."""
    for spelling, op in SPELLINGS.items():
        text = text.replace(spelling, op)
    if len(text) > 200 or not re.fullmatch(r"[\d+\-*/() ]+", text):  # short: Python's parser recurses
        return None
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None


@dataclass
class CountdownKeys:
    """How many numbers, and how large."""

    numbers: int = key(4, least=3, most=6)
    """How many numbers a problem gives."""
    max_number: int = key(10, least=2, most=999)
    """Numbers are drawn from 1..max_number."""
    max_target: int = key(60, least=1, most=9999)
    """Targets lie in 1..max_target."""


def _check(run: RunConfig, section: str) -> None:
    """The box holds the expression that makes the target, which is no value."""
    if run.problems.value_answers:
        raise ConfigError("problems.value_answers=true refuses every answer of countdown, which is an expression.")


@world("countdown", keys=CountdownKeys, check=_check)
class Countdown(FormalWorld):
    """Makes a target from given numbers; the abstraction is the last move."""

    name = "countdown"

    def __init__(self, useless_share: float = 0.3, keys: CountdownKeys | None = None):
        self.keys = keys = keys or CountdownKeys()
        self.useless_share = useless_share
        if not 3 <= keys.numbers <= 6:
            raise ProblemError(f"countdown takes 3 to 6 numbers, not {keys.numbers}.")
        if keys.max_number < 1 or keys.max_target < 1:
            raise ProblemError("countdown needs max_number and max_target of at least 1.")
        self.limit = max(4 * self.keys.max_target, self.keys.max_number)
        self._targets: dict[Numbers, list[int]] = {}

    # ------------------------------------------------------------------------------------------------ problems
    def sample(self, rng: random.Random) -> Problem:
        for _ in range(1000):
            numbers = [rng.randint(1, self.keys.max_number) for _ in range(self.keys.numbers)]
            if targets := self._possible_targets(tuple(sorted(numbers))):
                target = rng.choice(targets)
                break
        else:
            raise ProblemError("countdown finds no target; raise max_number or max_target.")
        given = " ".join(map(str, numbers))
        canonical = f"{target} from {' '.join(map(str, sorted(numbers)))}"
        meta = {"canonical": canonical, "numbers": tuple(sorted(numbers)), "target": target}
        return Problem(f"countdown/{canonical}", f"make {target} from {given}", str(target), meta=meta)

    def _possible_targets(self, numbers: Numbers) -> list[int]:
        """Targets with a last move; none is a given number, so that no abstraction can name the target."""
        if numbers not in self._targets:
            made = {m(v, self.limit) for m in moves(numbers) for v in reachable(without(numbers, m.number), self.limit)}
            inside = {t for t in made - {None} if t <= self.keys.max_target}
            self._targets[numbers] = sorted(inside - set(numbers))
        return self._targets[numbers]

    def vocabulary(self) -> list[str]:
        return ["make", "from", "=", ",", "(", ")", "+", "-", "*", "/", "\\boxed{", "}"] + [
            str(n) for n in range(1, self.limit + 1)
        ]

    # ------------------------------------------------------------------------------------------------ moves
    def valid_moves(self, numbers: Numbers, target: int) -> list[Move]:
        """The last moves after which the other numbers can still make what is needed."""
        return [m for m in moves(numbers) if m.subgoal(target) in reachable(without(numbers, m.number), self.limit)]

    def useless_moves(self, numbers: Numbers, target: int) -> list[Move]:
        """Moves that can be made, but never with the target as their result."""
        good = set(self.valid_moves(numbers, target))
        return [m for m in moves(numbers) if m not in good and self._nearest(numbers, target, m) is not None]

    def _nearest(self, numbers: Numbers, target: int, move: Move) -> int | None:
        """The rest's value with which the move comes nearest to the target."""
        rest = reachable(without(numbers, move.number), self.limit)
        made = [(abs(result - target), v) for v in rest if (result := move(v, self.limit)) is not None]
        return min(made)[1] if made else None

    def propose(self, problem: Problem, rng: random.Random) -> str:
        numbers, target = problem.meta["numbers"], problem.meta["target"]
        if rng.random() < self.useless_share and (useless := self.useless_moves(numbers, target)):
            return rng.choice(useless).text
        return rng.choice(self.valid_moves(numbers, target)).text

    def right_abstraction(self, problem: Problem) -> str | None:
        """A last move after which the other numbers can make what is needed."""
        possible = self.valid_moves(problem.meta["numbers"], problem.meta["target"]) if problem.meta else []
        return possible[0].text if possible else None

    # ------------------------------------------------------------------------------------------------ solutions
    def solve(self, problem: Problem, abstraction: str | None, rng: random.Random) -> str:
        """Makes the abstraction's last move; when the rest cannot fit it, the nearest miss. Without an abstraction, or
        with one that is no move of this problem, any valid last move."""
        numbers, target = problem.meta["numbers"], problem.meta["target"]
        move = Move.parse(abstraction) if abstraction is not None else None
        nearest = self._nearest(numbers, target, move) if move and move.number in numbers else None
        if nearest is None:
            tree = self._tree(numbers, target, rng)
        else:
            tree = self._after(move, self._tree(without(numbers, move.number), nearest, rng))
        return f"{' , '.join(tree.steps())} \\boxed{{ {tree.text()} }}"

    def _tree(self, numbers: Numbers, target: int, rng: random.Random) -> _ExpressionTree:
        """A random tree that makes the target; operands are single given numbers wherever that is possible."""
        if len(numbers) == 1:
            return _ExpressionTree(target)
        if possible := self.valid_moves(numbers, target):
            move = rng.choice(possible)
            return self._after(move, self._tree(without(numbers, move.number), move.subgoal(target), rng))
        left, right, x, op, y = rng.choice(list(self._pairs(numbers, target)))
        return _ExpressionTree(target, op, self._tree(left, x, rng), self._tree(right, y, rng))

    def _after(self, move: Move, rest: _ExpressionTree) -> _ExpressionTree:
        sides = (_ExpressionTree(move.number), rest) if move.number_first else (rest, _ExpressionTree(move.number))
        return _ExpressionTree(move(rest.value, self.limit), move.op, *sides)

    def _pairs(self, numbers: Numbers, target: int):
        for part, other in _bipartitions(numbers):
            for left, right in ((part, other), (other, part)):
                for x in reachable(left, self.limit):
                    for y in reachable(right, self.limit):
                        for op in "+-*/":
                            if apply(x, op, y, self.limit) == target:
                                yield left, right, x, op, y

    # ------------------------------------------------------------------------------------------------ checks
    def canonical_abstraction(self, abstraction: str) -> str:
        move = Move.parse(abstraction)
        return move.text if move else " ".join(abstraction.split())

    def adheres(self, problem: Problem, abstraction: str, solution: str) -> bool:
        """Whether the boxed expression's outermost operation is the abstraction's move."""
        move, tree = Move.parse(abstraction), parse_expression(_boxed(solution))
        if move is None or not isinstance(tree, ast.BinOp) or OPERATIONS.get(type(tree.op)) != move.op:
            return False
        sides = [tree.left] if move.number_first else [tree.right]
        if move.op in "+*":
            sides = [tree.left, tree.right]
        return any(isinstance(side, ast.Constant) and side.value == move.number for side in sides)

    def valid(self, problem: Problem, solution: str) -> bool:
        """Whether the boxed expression keeps the rules: each given number once, positive integers up to the limit."""
        tree = parse_expression(_boxed(solution))
        if tree is None or self._value(tree) is None:
            return False
        return tuple(sorted(n.value for n in ast.walk(tree) if isinstance(n, ast.Constant))) == problem.meta["numbers"]

    def _value(self, tree: ast.expr) -> int | None:
        """The value by the rules, or None when a step breaks them."""
        if isinstance(tree, ast.Constant):
            return tree.value if isinstance(tree.value, int) and tree.value > 0 else None
        if not isinstance(tree, ast.BinOp) or type(tree.op) not in OPERATIONS:
            return None
        x, y = self._value(tree.left), self._value(tree.right)
        return None if x is None or y is None else apply(x, OPERATIONS[type(tree.op)], y, self.limit)


def _boxed(solution: str) -> str:
    r"""What the last \boxed{...} holds; empty when there is none."""
    return solution.rpartition("\\boxed{")[2].partition("}")[0] if "\\boxed{" in solution else ""
