"""Demonstrations for supervised training: rows of every task, from a world or from a dataset."""

from __future__ import annotations

import random
from collections.abc import Iterable

from rlad.config import MixtureConfig, VerifierConfig
from rlad.generation.turns import Turns
from rlad.players.confidence import LEVELS, state_confidence
from rlad.players.prompts import Prompts
from rlad.players.roles import Role
from rlad.problems import Problem, Tool
from rlad.problems.base import ProblemError, World
from rlad.reasoning.judge import Judge
from trainers.data.rows import Row

TASKS = ("plain", "propose", "guided", "one_pass", "critique", "refine")
"""The pair's tasks; those of other roles are demonstrated by the roles themselves."""
TRIES = 256
"""Problems of a world that a role may turn down before it is said to demonstrate nothing."""


def turns_of(tool: Tool | None, prompts: Prompts) -> Turns | None:
    """The tool in the tokens of a player; None without one."""
    return tool and Turns(tool, prompts.tokenizer)


def demonstration(prompt: list[int], completion: list[int], turns: Turns | None) -> Row:
    """The row of a demonstration; what the tool says in it is given, not learnt."""
    return Row(tuple(prompt), tuple(completion), given=turns.given(completion) if turns else ())


def with_others(problems: Iterable[Problem]) -> list[Problem]:
    """Problems, and the further rows that a file has of each."""
    return [one for problem in problems for one in (problem, *problem.meta.get("others", ()))]


def roles_of_tasks(roles: Iterable[Role]) -> dict[str, Role]:
    """Task -> the role that demonstrates it, for the tasks that are not the pair's."""
    return {task: role for role in roles for task in role.tasks if task not in TASKS}


def offers(task: str, problem: Problem, roles: dict[str, Role]) -> bool:
    """Whether a row of data demonstrates a task; `roles`: see `roles_of_tasks`."""
    if task not in TASKS:
        return task in roles and roles[task].offers(task, problem)
    if task in ("critique", "refine"):
        return bool(problem.attempt and problem.critique) and bool(task == "critique" or problem.solution)
    return bool(task == "propose" or problem.solution) and bool(task == "plain" or problem.abstraction)


class Demonstrations:
    """Draws (task, row) from a world, or from the solutions, abstractions and critiques that a dataset has."""

    def __init__(
        self,
        problems: list[Problem],
        world: World | None,
        prompts: Prompts,
        mixture: MixtureConfig,
        roles: Iterable[Role] = (),
        tool: Tool | None = None,
    ):
        """`roles`: those that play, which demonstrate the tasks that are not the pair's. `tool`: what has its part in
        the solutions of data; a world has its own."""
        problems = with_others(problems)
        self.problems, self.world, self.prompts = problems, world, prompts
        self.turns = turns_of(tool or (world and world.tool()), prompts)
        self.roles = roles_of_tasks(roles)
        shares = mixture.shares()
        self.pools = {task: [p for p in problems if self._offers(task, p)] for task, share in shares.items() if share}
        empty = [task for task, pool in self.pools.items() if not pool]
        if empty:
            raise ProblemError(
                f"The data has no demonstrations for {', '.join(empty)}: set warmstart.mixture.{empty[0]}=0, name the "
                "columns that hold them in problems.fields, or skip the warm start."
            )
        self.judge = Judge(VerifierConfig(), world)
        self.tasks, self.weights = list(self.pools), [shares[task] for task in self.pools]

    def _offers(self, task: str, problem: Problem) -> bool:
        if self.world is None:
            return offers(task, problem, self.roles)
        return task in TASKS or task in self.roles

    def draw(self, rng: random.Random) -> tuple[str, Row]:
        """A task by its share of the mixture, and a demonstration of it."""
        task = rng.choices(self.tasks, self.weights)[0]
        return task, self.draw_of(task, rng)

    def draw_of(self, task: str, rng: random.Random) -> Row:
        """A demonstration of a task. Raises ProblemError where many problems in turn demonstrate nothing."""
        for _ in range(TRIES):
            if (row := self.row(task, rng.choice(self.pools[task]), rng)) is not None:
                return row
        raise ProblemError(
            f"No problem of the {'world' if self.world else 'data'} can demonstrate the task '{task}'; "
            f"set warmstart.mixture.{task}=0."
        )

    def row(self, task: str, problem: Problem, rng: random.Random) -> Row | None:
        """The demonstration of a task that a problem of its pool gives; None where it gives none after all."""
        if task in ("critique", "refine"):
            return self._criticised(task, problem, rng)
        if task not in TASKS:
            return self._of_role(task, problem, rng)
        abstraction = None if task == "plain" else self._abstraction(problem, rng)
        if task == "propose":
            text = abstraction
        else:
            text = self.world.solve(problem, abstraction, rng) if self.world else problem.solution
        if task != "propose":
            text = self._with_confidence(text, rng)
        if task == "one_pass":
            text = self.prompts.one_pass_text(abstraction, text)
        prompt = self.prompts.ids(task, problem.question, abstraction if task == "guided" else None)
        return self._row(prompt, text, task)

    def _row(self, prompt: list[int], text: str, task: str) -> Row:
        return demonstration(prompt, self.prompts.completion_ids(text, task), self.turns)

    def _of_role(self, task: str, problem: Problem, rng: random.Random) -> Row | None:
        """A demonstration that the task's role makes of a problem."""
        shown = self.roles[task].demonstrate(task, problem, self.world, self._right, rng)
        if shown is None:
            return None
        text = shown.world if self.prompts.world else shown.chat
        return self._row(self.prompts.ids(task, problem.question, **shown.parts), text, task)

    def _with_confidence(self, text: str, rng: random.Random) -> str:
        """With RLCR every solution states one: any level, for the format only. Being calibrated is RL's to learn."""
        return state_confidence(text, rng.choice(LEVELS)) if self.prompts.confidence else text

    def _criticised(self, task: str, problem: Problem, rng: random.Random) -> Row | None:
        """Critique fine-tuning (2501.17703), or a second attempt; loss on the critique or the new solution only."""
        abstraction = None
        attempt, critique, solution = problem.attempt, problem.critique, problem.solution
        if self.world is not None:
            if (better := self._leads_to_answer(problem, rng)) is None:
                return None
            abstraction, attempt, critique = self._world_critique(task, problem, better[0], rng)
            solution = better[1]
        shown = {"attempt": attempt} if task == "critique" else {"attempt": attempt, "critique": critique}
        prompt = self.prompts.ids(task, problem.question, abstraction, **shown)
        text = critique if task == "critique" else self._with_confidence(solution, rng)
        return self._row(prompt, text, task)

    def _leads_to_answer(self, problem: Problem, rng: random.Random) -> tuple[str, str] | None:
        """A demonstrated abstraction and the right solution that follows it; None when many draws give none."""
        for _ in range(64):
            abstraction = self.world.propose(problem, rng)
            solution = self.world.solve(problem, abstraction, rng)
            if self._right(problem, solution):
                return abstraction, solution
        return None

    def _world_critique(
        self, task: str, problem: Problem, better: str, rng: random.Random
    ) -> tuple[str | None, str, str]:
        """(abstraction shown or None, attempt, critique): the critique is the verdict and, for a wrong attempt, an
        abstraction that leads to the answer; a second attempt must also make do with the verifier's words alone."""
        abstraction = self.world.propose(problem, rng)
        attempt = self._with_confidence(self.world.solve(problem, abstraction, rng), rng)
        right = self._right(problem, attempt)
        critique = self.prompts.verdict_text(right) + ("" if right else f" {better}")
        if task == "refine":
            gold = self.prompts.verdict_text(right, problem.answer)
            critique = rng.choice([critique, self.prompts.verdict_text(right), gold])
        return abstraction if rng.random() < 0.5 else None, attempt, critique

    def _right(self, problem: Problem, solution: str) -> bool:
        return self.judge([(problem, solution)])[0].correct

    def _abstraction(self, problem: Problem, rng: random.Random) -> str:
        return self.world.propose(problem, rng) if self.world else problem.abstraction
