"""What a growing tree asks for next, out of the tokens that are free.

Breadth comes first: a first solution of every branch, then abstractions that are still missing, then further solutions,
evenly. With an ample budget that means that everything is asked for at once.
"""

from __future__ import annotations

from collections import Counter

from rlad.reasoning.reasoner import missing_draws
from rlad.reasoning.tree import BARE, Plan, Tree


class Breadth:
    """Which solutions of a tree are still wanted, which have been asked for, and what is to be asked for next."""

    def __init__(self, tree: Tree, plan: Plan):
        self.tree, self.plan = tree, plan
        self.wanted: dict[int, int] = {}
        """By branch: solutions not yet asked for."""
        self.sent: Counter[int] = Counter()
        """By branch: solutions that have been asked for."""

    def send(self, branch: int, count: int) -> int:
        """Notes that `count` solutions of a branch are asked for; returns the number of the first among its own."""
        first = self.sent[branch]
        self.wanted[branch] -= count
        self.sent[branch] += count
        return first

    def next(self, free: int, drawing: int) -> tuple[Counter[int], int]:
        """Solutions to ask for, by branch, and abstractions to draw, for `free` tokens.

        drawing: abstractions that are under way.

        >>> from rlad.generation import Sampling
        >>> from rlad.problems.base import Problem
        >>> plan = Plan(2, 3, propose=Sampling(1.0, 8), solve=Sampling(1.0, 10))
        >>> breadth = Breadth(Tree(Problem("p", "?", "1")), plan)
        >>> breadth.next(free=100, drawing=0)
        (Counter(), 2)
        >>> breadth.wanted = {0: 3, 1: 3}
        >>> breadth.next(free=35, drawing=1)
        (Counter({0: 1, 1: 1}), 0)
        """
        propose, solve = self.plan.propose.max_new_tokens, self.plan.solve.max_new_tokens
        grants: Counter[int] = Counter()
        left = self._grant(grants, free, most=1)
        # An abstraction is worth its tokens only if somebody can solve with it.
        draws = 0 if drawing else max(0, min(missing_draws(self.tree, self.plan), left // (propose + solve)))
        left -= draws * (propose + solve) + drawing * solve
        # Depth waits for the branches that are still to come, unless there is enough for all.
        coming = (drawing + draws) * (self.plan.solutions_of(0) - 1)
        if left >= solve * (sum(self.wanted.values()) - grants.total() + coming) or not drawing + draws:
            self._grant(grants, left)
        return grants, draws

    def _grant(self, grants: Counter[int], tokens: int, most: int | None = None) -> int:
        """Grants solutions while `tokens` last, to the branch with the fewest first; returns what is left."""
        each = self.plan.solve.max_new_tokens
        while tokens >= each:
            behind = [
                (self.sent[b] + grants[b], b)
                for b, wanted in self.wanted.items()
                if grants[b] < wanted and (most is None or self.sent[b] + grants[b] < most)
            ]
            if not behind:
                break
            grants[min(behind)[1]] += 1
            tokens -= each
        return tokens

    def last_resort(self, free: int, answered: bool) -> tuple[int, int, int] | None:
        """(branch, solutions, most tokens of each) to ask for when nothing is under way; None = the tree has ended.

        Without any branch the problem is solved bare; and rather than end without a single solution, one is asked for
        that is as long as the rest of the budget.
        """
        if not self.tree.branches and not self.wanted and not self.sent[BARE]:
            self.wanted[BARE] = self.plan.solutions_of(0)
            grants: Counter[int] = Counter()
            self._grant(grants, free)
            if grants:
                return BARE, grants[BARE], self.plan.solve.max_new_tokens
        branch = min((b for b, wanted in self.wanted.items() if wanted), default=None)
        return None if branch is None or answered or free <= 0 else (branch, 1, free)
