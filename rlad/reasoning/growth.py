"""How a tree grows: which prompts it asks for, and what their completions add to it. Sends nothing itself."""

from __future__ import annotations

import random
import re

from rlad.generation.base import Completion
from rlad.players.prompts import Prompts
from rlad.problems.base import World
from rlad.reasoning.tree import Branch, Draw, Solution, Tree


def prefixes(text: str, number: int) -> list[str]:
    """The first i / (number + 1) of a text's words, i from 1 to `number`.

    >>> prefixes("first add 3 and 4, then double: 14", 3)
    ['first add', 'first add 3 and', 'first add 3 and 4, then']
    """
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    shares = [len(ends) * i // (number + 1) for i in range(1, number + 1)]
    return [text[: ends[share - 1]] if share else "" for share in shares]


class Growth:
    """How a tree grows: the prompts it asks for, and what their completions add to it."""

    def __init__(self, propose_prompts: Prompts, solve_prompts: Prompts, world: World | None = None):
        self.propose_prompts, self.solve_prompts, self.world = propose_prompts, solve_prompts, world

    def propose_ids(self, tree: Tree) -> list[int]:
        """The prompt for an abstraction."""
        return self.propose_prompts.ids("propose", tree.problem.question)

    def list_ids(self, tree: Tree, number: int) -> list[int]:
        """The prompt for a list of so many abstractions."""
        return self.propose_prompts.ids("propose_set", tree.problem.question, number=str(number))

    def guided_ids(self, tree: Tree, branch: Branch) -> list[int]:
        """The prompt for a solution with the branch's abstraction."""
        return self.solve_prompts.ids("guided", tree.problem.question, branch.text)

    def bare_ids(self, tree: Tree, task: str = "plain") -> list[int]:
        """The prompt for a solution without an abstraction; `task` is plain or one_pass."""
        return self.solve_prompts.ids(task, tree.problem.question)

    def critique_ids(self, tree: Tree, branch: Branch | None, solution: Solution) -> list[int]:
        """The prompt for a critique of a solution, written under a branch's abstraction or bare."""
        hint, attempt = branch.text if branch else None, solution.text.strip()
        return self.solve_prompts.ids("critique", tree.problem.question, hint, attempt=attempt)

    def add_draw(self, tree: Tree, prompt: list[int], completion: Completion, distinct: bool) -> Draw:
        """Adds a sample of the abstraction player; it opens a branch unless it is empty, unfinished or a duplicate."""
        text = self.propose_prompts.read_abstraction(list(completion.token_ids))
        return self._drawn(tree, prompt, completion, text, distinct)

    def add_list(self, tree: Tree, prompt: list[int], completion: Completion, most: int) -> None:
        """Adds a list of abstractions, item by item as draws of their own; items after `most` of them open no branch.

        An item's prompt is that of the list with the items before it, so what it is paid goes to its own tokens. How
        likely the player finds it in view of those says nothing of π_abs(z|x), so that is left unsaid until somebody
        asks for it (`Reasoner.score_listed`).
        """
        ids = list(completion.token_ids)
        items = self.propose_prompts.read_list(ids) or [(0, len(ids), "")]
        for number, (start, end, text) in enumerate(items):
            reason = completion.finish_reason if end == len(ids) else "stop"
            inside = [(max(a, start), min(b, end)) for a, b in completion.given if a < end and b > start]
            given = tuple((a - start, b - start) for a, b in inside)
            part = Completion(
                completion.token_ids[start:end], completion.logprobs[start:end], reason, completion.version, given=given
            )
            self._drawn(tree, [*prompt, *ids[:start]], part, text if number < most else "", True, listed=True)

    def add_prefixes(self, tree: Tree, number: int, most: int) -> None:
        """Opens a branch for each of `number` first parts of the problem's worked solution, the i-th of i / (number +
        1) of its words and of at most `most` tokens: privileged guidance, never the whole (POPE, 2601.18779). A world
        works its problems out itself; a problem without a worked solution gets no branch.
        """
        problem = tree.problem
        worked = problem.solution
        if worked is None and self.world is not None:
            worked = self.world.solve(problem, None, random.Random(problem.id))
        for text in prefixes(worked or "", number):
            text = self.solve_prompts.cut(text, most)
            key = " ".join(text.split())
            if key and key not in [branch.key for branch in tree.branches]:
                tree.branches.append(Branch(text, key))

    def alone_ids(self, draw: Draw) -> list[int]:
        """The tokens of a single proposal that says what an item of a list says, its end included: those of a
        demonstration, so without the item's number or line break, and behind a closed thought where the prompt opens
        one."""
        return self.propose_prompts.completion_ids(draw.text, "propose")

    def _drawn(
        self, tree: Tree, prompt: list[int], completion: Completion, text: str, distinct: bool, listed: bool = False
    ) -> Draw:
        branch = None
        if text and completion.finish_reason == "stop":
            key = self.world.canonical_abstraction(text) if self.world else " ".join(text.split())
            keys = [b.key for b in tree.branches]
            if distinct and key in keys:
                branch = keys.index(key)
            else:
                branch = len(tree.branches)
                tree.branches.append(Branch(text, key))
        tree.draws.append(Draw(prompt, completion, text, branch, listed))
        return tree.draws[-1]

    def solution(self, prompt: list[int], completion: Completion) -> Solution:
        """A sample of the solution player, not yet judged."""
        return Solution(prompt, completion, self.solve_prompts.completion_text(list(completion.token_ids)))
