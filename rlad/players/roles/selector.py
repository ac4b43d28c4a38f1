"""The selector, π_sel(a|x,A): reads the problem and the different answers of a tree, says which of them is right.

It acts when the tree has been judged, and is paid by the verdict of what it chose (as AggLM is, 2509.06870). A tree
with fewer than two answers asks nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from rlad.config.registry import role
from rlad.players.roles.base import Demonstration, Group, Sample, Task, TreeReader
from rlad.verifier import extract_answer, verify

SHOWN = 8
"""Most answers that it is shown, the most frequent ones first."""
DEMONSTRATED = 8
"""Solutions of a demonstration, whose different answers are to be chosen from."""


@role("selector", source="2509.06870", starting={"max_new_tokens": 16})
class SelectorRole(TreeReader):
    """Reads the problem and a tree's answers; is paid by the verdict of the one that it chose."""

    symbol, title, probe = "π_sel", "selector", "select"
    marks = ("<select>",)
    tasks: ClassVar = {
        "select": Task(
            "{question}\n\nThese answers were given:\n{answers}\nOne of them may be right. Which? Reply with its "
            "number only.",
            "<select> {question} <sep>{answers}",
            chat_item="{number}. {item}\n",
            world_item=" {item} <sep>",
        )
    }

    def act(self, trees, prompts, ask, run):
        owners, asked = [], []
        for tree in trees:
            answers = shown(tree)
            if len(answers) > 1:
                ids = prompts.ids("select", tree.problem.question, answers=[text for text, _ in answers])
                owners += [(tree, answers)] * run.cotrain.selections
                asked += [ids] * run.cotrain.selections
        for (tree, answers), prompt, completion in zip(owners, asked, ask(asked), strict=True):
            text = prompts.read_answer(list(completion.token_ids))
            number = chosen(text, [answer for answer, _ in answers], prompts.world)
            right = number is not None and any(solution.correct for solution in answers[number][1])
            tree.add_written(self.name, prompt, completion, text, right)

    def groups(self, tree, pay):
        """All choices of a tree are one group."""
        written = tree.written.get(self.name, [])
        samples = [
            Sample(one.prompt, one.completion, float(one.correct), strategy=" ".join(one.text.split()))
            for one in written
        ]
        return [Group(samples)] if written else []

    def written(self, tree):
        return [(one.text, one.completion, one.correct) for one in tree.written.get(self.name, [])]

    def form(self, text):
        return "number" if re.fullmatch(r"\W*\d+\W*", text) else "empty" if not text.strip() else "other"

    def reads(self, run):
        return SHOWN * 16

    def samples(self, run, problems, bare):
        return (problems + bare) * run.cotrain.selections

    def demonstrate(self, task, problem, world, right, rng):
        """The right answer among those of several demonstrated solutions; none where all or no solutions are right."""
        solutions = [world.solve(problem, world.propose(problem, rng), rng) for _ in range(DEMONSTRATED)]
        verdicts = {extract_answer(text): right(problem, text) for text in solutions}
        answers = [answer for answer in verdicts if answer is not None][:SHOWN]
        best = next((answer for answer in answers if verdicts[answer]), None)
        if best is None or len(answers) < 2:
            return None
        rng.shuffle(answers)
        return Demonstration({"answers": answers}, chat=str(answers.index(best) + 1), world=best)


def shown(tree) -> list[tuple[str, list]]:
    """(answer, its solutions) of a tree, the most frequent first, at most `SHOWN`."""
    return sorted(tree.answers(), key=lambda one: -len(one[1]))[:SHOWN]


def chosen(text: str, answers: Sequence[str], world: bool) -> int | None:
    """Which of the answers a text chooses: in worlds it repeats one, elsewhere it gives a number, from 1.

    >>> chosen("2", ["2", "4"], world=True), chosen("Number 2.", ["2", "4"], world=False), chosen("7", ["4"], False)
    (0, 1, None)
    """
    if world:
        return next((i for i, answer in enumerate(answers) if verify(answer, text).correct), None)
    numbers = re.findall(r"\d+", text)
    number = int(numbers[-1]) if numbers and len(numbers[-1]) < 4 else 0
    return number - 1 if 1 <= number <= len(answers) else None
