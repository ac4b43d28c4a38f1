"""The selector, π_sel(a|x,A): reads the problem and the different answers of a tree, says which of them is right.

It acts when the tree has been judged, and is paid by the verdict of what it chose (as AggLM is, 2509.06870). It reads
all answers at once, alone or by a solution of each (`cotrain.selector_solutions`), or two solutions at a time in Swiss
rounds (`cotrain.selector_rounds`; 2603.04304). A tree with fewer than two answers asks nothing of it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rlad.config import CotrainConfig
from rlad.config.registry import role
from rlad.players.roles.base import Answers, Demonstration, Group, Sample, Task, TreeReader
from rlad.players.tournament import swiss_pairs
from rlad.verifier import extract_answer, verify

SHOWN = 8
"""Most answers that it is shown, the most frequent ones first."""
DEMONSTRATED = 8
"""Solutions of a demonstration, whose different answers are to be chosen from."""


@role("selector", source="2509.06870", starting={"max_new_tokens": 16})
class SelectorRole(TreeReader):
    """Reads the problem and a tree's answers; is paid by the verdict of the one that it chose."""

    symbol, title, probe = "π_sel", "selector", "select"
    chooses, shown = True, SHOWN
    marks = ("<select>", "<compare>")
    tasks: ClassVar = {
        "select": Task(
            "{question}\n\nThese answers were given:\n{answers}\nOne of them may be right. Which? Reply with its "
            "number only.",
            "<select> {question} <sep>{answers}",
            chat_item="{number}. {item}\n",
            world_item=" {item} <sep>",
        ),
        "compare": Task(
            "{question}\n\nTwo solutions were given:\n{solutions}\nWhich one is right? Reply with its number only.",
            "<compare> {question} <sep>{solutions}",
            chat_item="{number}.\n<solution>\n{item}\n</solution>\n",
            world_item=" {item} <sep>",
        ),
        "compare_all": Task(
            "{question}\n\nThese solutions were given, each with another answer:\n{solutions}\nOne of them may be "
            "right. Which? Reply with its number only.",
            "<compare> {question} <sep>{solutions}",
            chat_item="{number}.\n<solution>\n{item}\n</solution>\n",
            world_item=" {item} <sep>",
        ),
    }

    def act(self, trees, prompts, ask, run):
        step = run.cotrain
        boards = [Board(tree, _shown_answers(tree.answers())) for tree in asked_about(trees, step.selector_easy)]
        self._play(boards, prompts, ask, step, step.selections)
        for board in boards:
            board.tree.settled[self.name] = (board.right(board.leader), board.right(0))

    def choose(self, asked, prompts, ask, run):
        boards = [Board(tree, _shown_answers(answers)) for tree, answers in asked]
        several = [board for board in boards if len(board.answers) > 1]
        self._play(several, prompts, ask, run.cotrain, run.sweep.selections)
        pairs = zip(boards, asked, strict=True)
        return [given.index(board.answers[board.leader]) if given else None for board, (_, given) in pairs]

    def _play(self, boards, prompts, ask, step, selections):
        """All that is asked about the boards: `selections` texts under each prompt, in rounds or at once."""
        task, rounds = _task(step), step.selector_rounds
        for number in range(max(1, rounds)):
            matches = [(board, match) for board in boards for match in board.matches(number, rounds > 0)]
            rows = [
                prompts.ids(task, board.tree.problem.question, **board.shown(match, task)) for board, match in matches
            ]
            completions = iter(ask([row for row in rows for _ in range(selections)]))
            for (board, match), prompt in zip(matches, rows, strict=True):
                for _ in range(selections):
                    self._count(prompts, board, match, prompt, next(completions))

    def _count(self, prompts, board, match, prompt, completion):
        text = prompts.read_answer(list(completion.token_ids))
        number = _chosen_answer(text, [board.answers[i][0] for i in match], prompts.world)
        if number is not None:
            board.wins[match[number]] += 1
        right = number is not None and board.right(match[number])
        board.tree.add_written(self.name, prompt, completion, text, right)

    def groups(self, tree, pay):
        """All choices under one prompt are one group."""
        together: dict[tuple[int, ...], list[Sample]] = {}
        for one in tree.written.get(self.name, []):
            sample = Sample(one.prompt, one.completion, float(one.correct))
            together.setdefault(tuple(one.prompt), []).append(sample)
        return [Group(samples) for samples in together.values()]

    def written(self, tree):
        return [(one.text, one.completion, one.correct) for one in tree.written.get(self.name, [])]

    def form(self, text):
        return "number" if re.fullmatch(r"\W*\d+\W*", text) else "empty" if not text.strip() else "other"

    def reads(self, run):
        shown = {"select": SHOWN * 16, "compare": 2 * run.solution.max_new_tokens}
        return shown.get(_task(run.cotrain), SHOWN * run.solution.max_new_tokens)

    def samples(self, run, problems, bare):
        step = run.cotrain
        return (problems + bare) * step.selections * max(1, step.selector_rounds * (SHOWN // 2))

    def texts(self, run, answers):
        return run.sweep.selections * max(1, run.cotrain.selector_rounds * (min(answers, SHOWN) // 2))

    def offers(self, task, problem):
        return bool(problem.right_solutions and problem.wrong_solutions)

    def demonstrate(self, task, problem, world, right, rng):
        """The right answer among those of several demonstrated solutions, alone or with a solution of each, or a right
        solution beside a wrong one; none where all or no solutions are right."""
        if world is None:  # one right solution: two would be two right answers where they are written differently
            wrong = rng.sample(problem.wrong_solutions, len(problem.wrong_solutions))
            solutions = [rng.choice(problem.right_solutions), *wrong]
            verdicts = {extract_answer(text): False for text in solutions} | {extract_answer(solutions[0]): True}
        else:
            solutions = [world.solve(problem, world.propose(problem, rng), rng) for _ in range(DEMONSTRATED)]
            verdicts = {extract_answer(text): right(problem, text) for text in solutions}
        answers = [answer for answer in verdicts if answer is not None][:SHOWN]
        best = next((answer for answer in answers if verdicts[answer]), None)
        if best is None or len(answers) < 2:
            return None
        if task == "compare":
            wrong = rng.choice([answer for answer in answers if not verdicts[answer]] or [None])
            return _compared(solutions, best, wrong, rng) if wrong else None
        rng.shuffle(answers)
        firsts = {extract_answer(text): text for text in reversed(solutions)}
        shown = {"answers": answers} if task == "select" else {"solutions": [firsts[answer] for answer in answers]}
        return Demonstration(shown, chat=str(answers.index(best) + 1), world=best)


@dataclass
class Board:
    """A tree's answers while they are chosen from."""

    tree: Any
    """Whose answers they are; what is written about them goes there."""
    answers: list[tuple[str, list]]
    """(answer, its solutions), the most frequent first."""
    wins: Counter[int] = field(default_factory=Counter)
    """How often each was chosen."""
    met: set[tuple[int, int]] = field(default_factory=set)

    def matches(self, number: int, pairwise: bool) -> list[list[int]]:
        """The answers that are shown together in a round; of a pair who stands first changes from round to round."""
        if not pairwise:
            return [list(range(len(self.answers)))]
        pairs = swiss_pairs([self.wins[i] for i in range(len(self.answers))], self.met)
        self.met.update(pairs)
        return [[b, a] if (i + number) % 2 else [a, b] for i, (a, b) in enumerate(pairs)]

    def shown(self, match: Sequence[int], task: str) -> dict[str, list[str]]:
        """What stands in a task's prompt about the answers of a match: themselves, or the first solution of each."""
        if task == "select":
            return {"answers": [self.answers[i][0] for i in match]}
        return {"solutions": [self.answers[i][1][0].text for i in match]}

    def right(self, place: int) -> bool:
        """Whether an answer is right."""
        return any(solution.correct for solution in self.answers[place][1])

    @property
    def leader(self) -> int:
        """The answer that was chosen most often; of several the most frequent one."""
        return max(range(len(self.answers)), key=lambda i: (self.wins[i], -i))


def asked_about(trees: Sequence, easy: float | None) -> list:
    """The trees with something to choose, in their order.

    With `easy`, only those in which a right answer was given: all whose most frequent answer is wrong (hard), and of
    the others the first ones, at most so many per hard one. Most trees are easy, and choosing the first answer is then
    a good habit that never finds the right one where the vote does not (2509.06870 balances both).
    """
    found = [(tree, _shown_answers(tree.answers())) for tree in trees]
    found = [(tree, answers) for tree, answers in found if len(answers) > 1]
    if easy is None:
        return [tree for tree, _ in found]
    verdicts = [[any(s.correct for s in solutions) for _, solutions in answers] for _, answers in found]
    hard = [i for i, flags in enumerate(verdicts) if any(flags) and not flags[0]]
    simple = [i for i, flags in enumerate(verdicts) if flags[0]]
    return [found[i][0] for i in sorted(hard + simple[: math.ceil(easy * len(hard))])]


def _task(step: CotrainConfig) -> str:
    """Which of its prompts it reads."""
    return "compare" if step.selector_rounds else "compare_all" if step.selector_solutions else "select"


def _compared(solutions: list[str], right: str, wrong: str, rng) -> Demonstration:
    """A right solution and a wrong one, in random order."""
    pair = [next(text for text in solutions if extract_answer(text) == answer) for answer in (right, wrong)]
    first = rng.randrange(2)
    return Demonstration({"solutions": pair[:: 1 - 2 * first]}, chat=str(1 + first), world=right)


def _shown_answers(answers: Answers) -> list[tuple[str, list]]:
    """The answers with their solutions, the most frequent first, at most `SHOWN`."""
    return sorted(answers, key=lambda one: -len(one[1]))[:SHOWN]


def _chosen_answer(text: str, answers: Sequence[str], world: bool) -> int | None:
    """Which of the answers a text chooses: in worlds it repeats one, elsewhere it gives a number, from 1.

    >>> _chosen_answer("2", ["2", "4"], world=True), _chosen_answer("Number 2.", ["2", "4"], world=False)
    (0, 1)
    >>> _chosen_answer("7", ["4"], world=False) is None
    True
    """
    if world:
        return next((i for i, answer in enumerate(answers) if verify(answer, text).correct), None)
    numbers = re.findall(r"\d+", text)
    number = int(numbers[-1]) if numbers and len(numbers[-1]) < 4 else 0
    return number - 1 if 1 <= number <= len(answers) else None
