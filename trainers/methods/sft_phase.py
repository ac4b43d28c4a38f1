"""Supervised steps on diverse demonstrations between RL phases: they put back the breadth that RL takes (2509.21128).

RL squeezes a distribution onto few ways of being right; demonstrations spread it again. So every *different*
demonstrated abstraction of a problem weighs the same here, however likely the world or the data makes it, and only
demonstrations that lead to the right answer are shown.
"""

from __future__ import annotations

import random

from rlad.config.rules import trains
from rlad.generation.turns import Turns
from rlad.players.prompts import Prompts
from rlad.players.roles import Role, playing
from rlad.problems import Problem, World
from rlad.problems.base import ProblemError
from rlad.reasoning.judge import Judge
from trainers.data.demonstrations import demonstration, turns_of
from trainers.data.rows import Row
from trainers.learner.publishing import publish
from trainers.learner.sft import fine_tune
from trainers.methods.tools import Tools
from trainers.runtime import zero3

SEED = "broaden"
"""What the phase was once called: its random numbers stay the same."""


def check_demonstrations(problems: list[Problem], world: World | None) -> None:
    """Raises ProblemError for data that demonstrates nothing: every phase would silently do nothing."""
    if world is None and not any(problem.abstraction and problem.solution for problem in problems):
        raise ProblemError(
            "cotrain.sft_phase shows demonstrations, but no problem of the data has both an abstraction and a "
            "solution: name their columns in problems.fields, or set cotrain.sft_phase.every=0."
        )


def demonstrations(
    problem: Problem, world: World | None, judge: Judge, draws: int, rng: random.Random
) -> list[tuple[str, str]]:
    """(abstraction, solution) pairs with different abstractions: of `draws` ones from a world, or the data's own."""
    if world is None:
        return [(problem.abstraction, problem.solution)] if problem.abstraction and problem.solution else []
    found: dict[str, tuple[str, str]] = {}
    for _ in range(draws):
        abstraction = world.propose(problem, rng)
        found.setdefault(
            world.canonical_abstraction(abstraction), (abstraction, world.solve(problem, abstraction, rng))
        )
    pairs = list(found.values())
    verdicts = judge([(problem, solution) for _, solution in pairs])
    return [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict.correct]


def demonstration_rows(
    role: Role, problem: Problem, pairs: list[tuple[str, str]], prompts: Prompts, turns: Turns | None = None
) -> list[Row]:
    """What a player is shown: the abstraction player each abstraction, the solver each solution with and without it.

    A demonstration states no confidence. Where the solver is paid for one (RLCR) it therefore ends without an
    end-of-sequence token: how sure to be, and that it must be said, stays as RL left it.
    """
    rows = []
    for abstraction, solution in pairs:
        for task, given, text in role.taught(abstraction, solution):
            shown = prompts.completion_ids(text, task)
            shown = shown[:-1] if prompts.confidence and role.states_confidence else shown
            rows.append(demonstration(prompts.ids(task, problem.question, given), shown, turns))
    return rows


def supervised_phase(tools: Tools, step: int, problems: list[Problem]) -> dict:
    """One phase before `step` for every player that the schedule trains; returns statistics by role. Collective."""
    run, settings = tools.run, tools.run.cotrain.sft_phase
    rng = random.Random(f"{run.seed}|{SEED}|{step}|{zero3.rank()}")
    shown = [(p, demonstrations(p, tools.world, tools.judge, settings.draws, rng)) for p in problems]
    result = {}
    for role, learner in tools.learners.items():
        if not trains(run, role):
            continue
        taught, prompts = playing(run)[role], learner.policy.prompts
        turns = turns_of(tools.world and tools.world.tool(), prompts)
        rows = [row for problem, pairs in shown for row in demonstration_rows(taught, problem, pairs, prompts, turns)]
        seed = f"{run.seed}|{SEED}|{step}|{role}"
        result[role] = fine_tune(learner, rows, settings.epochs, settings.batch, settings.lr, run.cotrain, seed)
        if result[role]["updates"]:
            publish([learner], run)
    return result
