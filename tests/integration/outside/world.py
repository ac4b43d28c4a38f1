r"""A world of sums: `3 + 4 = ?`, `count up from 3`, `3 + 4 = 7 \boxed{ 7 }`."""

from dataclasses import dataclass

from rlad.config.registry import key, world
from rlad.problems import Problem, World


@dataclass
class SumsKeys:
    """How large the numbers are."""

    largest: int = key(30, least=10)
    """Both numbers are drawn from 1 to this."""


@world("sums", keys=SumsKeys)
class Sums(World):
    """Sums of two numbers; counting down is a useless abstraction."""

    name = "sums"

    def __init__(self, useless_share, keys):
        self.useless_share, self.keys = useless_share, keys

    def sample(self, rng):
        a, b = rng.randint(1, self.keys.largest), rng.randint(1, self.keys.largest)
        return Problem(f"sums/{a},{b}", f"{a} + {b} = ?", str(a + b), meta={"canonical": f"{a},{b}", "numbers": (a, b)})

    def vocabulary(self):
        words = ["+", "=", "?", "count", "up", "down", "from", "\\boxed{", "}"]
        return words + [str(n) for n in range(2 * self.keys.largest + 1)]

    def propose(self, problem, rng):
        way = "down" if rng.random() < self.useless_share else "up"
        return f"count {way} from {problem.meta['numbers'][0]}"

    def solve(self, problem, abstraction, rng):
        a, b = problem.meta["numbers"]
        return f"{a} + {b} = {a + b} \\boxed{{ {a + b} }}"

    def canonical_abstraction(self, abstraction):
        return " ".join(abstraction.split())

    def adheres(self, problem, abstraction, solution):
        return "down" not in abstraction
