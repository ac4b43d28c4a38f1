"""Problems of rlad as a task set of the `verifiers` package, for everything that trains or evaluates on those.

Its id is `rlad-environment` (the package of that name imports `verifiers`, this module does not until it is asked);
`--env.taskset.config` names a configuration whose problems are meant, for example

    vf-eval rlad-environment --env.taskset.config configs/algebra.yaml --env.taskset.split test -n 20 -m MODEL

A task is the solver's plain prompt, its one reward `right` is our judge's verdict: verifier, and the world's own rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache
from typing import Any

from rlad.config import RunConfig, load_config
from rlad.players.roles import role_of
from rlad.problems import SPLITS, Problem, ProblemError, load_problems, require_one_piece, world_of
from rlad.reasoning.judge import Judge


@cache
def judge_of(config: str, overrides: tuple[str, ...]) -> Judge:
    """The judge of a configuration; one for all of its tasks in this process."""
    run = load_config(config or None, overrides)
    return Judge(run.verifier, world_of(run.problems), run.problems.value_answers)


def problems_of(config: str, overrides: tuple[str, ...]) -> RunConfig:
    """The configuration whose problems are meant. Raises ConfigError where it cannot be read, ProblemError where
    solutions call a tool, which whoever answers a prompt does not have."""
    run = load_config(config or None, overrides)
    require_one_piece(run.problems, "a task set of `verifiers`")
    return run


def tasks_of(config: str, overrides: tuple[str, ...], split: str) -> Iterator[dict[str, Any]]:
    """The data of every task: prompt, question, answer, what the world knows, and where its judge comes from.

    Raises ConfigError and ProblemError.
    """
    run = problems_of(config, overrides)
    task = role_of("solution").tasks["plain"]
    wording = task.short if run.wording == "short" else task.chat
    for problem in load_problems(run.problems, split):
        yield {
            "id": problem.id,
            "prompt": wording.replace("{question}", problem.question),
            "question": problem.question,
            "answer": problem.answer,
            "meta": problem.meta,
            "source": {"config": config, "overrides": list(overrides)},
        }


async def score(data: Any, reply: str) -> float:
    """1 for a right reply to a task, 0 for any other; judged in a thread, as a verdict may take a while."""
    problem = Problem(data.id or "", data.question, data.answer, meta=data.meta)
    judge = judge_of(data.source["config"], tuple(data.source["overrides"]))
    (verdict,) = await asyncio.to_thread(judge, [(problem, reply)])
    return float(verdict.correct)


@cache
def taskset_type() -> type:
    """The task set's class; `verifiers`, which is no dependency of rlad, is imported where somebody asks for it."""
    import verifiers.v1 as vf
    from pydantic import Field, model_validator

    class RladConfig(vf.TasksetConfig):
        config: str = ""
        """A configuration's file; empty = the defaults, which are the induction world."""
        overrides: list[str] = Field(default_factory=list)
        """Changes to it, key=value."""
        split: str = "test"
        """train, validation or test."""

        @model_validator(mode="after")
        def readable(self):
            """Refused with its sentence, among the flags' other errors, before anything is asked."""
            problems_of(self.config, tuple(self.overrides))
            if self.split not in SPLITS:
                raise ProblemError(f"'{self.split}' is not a split; the splits are {', '.join(SPLITS)}.")
            return self

    class RladData(vf.TaskData):
        question: str
        answer: str
        meta: dict
        source: dict

    class RladTask(vf.Task[RladData, vf.State, vf.TaskConfig]):
        @vf.reward
        async def right(self, trace) -> float:
            """The judge's verdict on the reply."""
            return await score(self.data, trace.last_reply)

    class RladTaskset(vf.Taskset[RladTask, RladConfig]):
        def load(self):
            """Every problem of the split as a task."""
            own = self.config
            for data in tasks_of(own.config, tuple(own.overrides), own.split):
                yield RladTask(RladData(**data), own.task)

    return RladTaskset
