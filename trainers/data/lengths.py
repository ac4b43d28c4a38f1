"""Whether demonstrations fit: into the positions of the model that is to learn them, found before it is loaded, and
into what players may write afterwards, where longer ones teach texts that co-training cuts."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from rlad.config import ConfigError, RunConfig
from rlad.problems import Problem
from trainers.data.demonstrations import Demonstrations

HELD = 0.95
"""Share of the texts that a budget should hold."""
LOOKED = 256
"""Demonstrations of a task whose length is held against what players may write."""
AROUND = 1024
"""More tokens than the wording of any task takes, with what a chat template puts around it."""
WRITES = {"propose": "abstraction", "plain": "solution", "guided": "solution"}
"""Task -> the player whose texts are demonstrated."""


def holding(lengths: Sequence[int | None]) -> int | None:
    """The smallest budget, in tokens, that holds `HELD` of the texts; None where too many of them did not end (None).

    >>> holding([*range(1, 20), 90]), holding([*range(1, 20), None]), holding([*range(1, 19), None, None])
    (19, 19, None)
    """
    ordered = sorted(lengths, key=lambda length: math.inf if length is None else length)
    return ordered[math.ceil(HELD * len(ordered)) - 1]


def check_positions(data: Demonstrations, room: int | None) -> None:
    """Raises ConfigError where a demonstration of the data, its prompt included, takes more than `room` tokens; None =
    the model does not say. A world's own demonstrations are short.

    A text has at most as many tokens as bytes, so only long rows are tokenised.
    """
    if room is None or data.world is not None:
        return
    found: list[tuple[int, str, Problem]] = []
    for task, pool in data.pools.items():
        for problem in pool:
            if _bytes(problem) + AROUND > room and (row := data.row(task, problem, random.Random(0))) is not None:
                found.append((len(row.prompt) + len(row.completion), task, problem))
    long = [one for one in found if one[0] > room]
    if long:
        tokens, task, problem = max(long, key=lambda one: one[0])
        where = problem.meta.get("where", "a row of the data")
        raise ConfigError(
            f"{len(long)} demonstration{'s' * (len(long) > 1)} of the warm start {'are' if len(long) > 1 else 'is'} "
            f"longer than the {room} positions of the model; the longest ({where}, task '{task}') takes {tokens} "
            "tokens with its prompt: leave such rows out."
        )


def _bytes(problem: Problem) -> int:
    """The bytes of all texts that a row may show."""
    one = (problem.question, problem.solution, problem.abstraction, problem.attempt, problem.critique)
    texts = [*one, *problem.abstractions, *problem.right_solutions, *problem.wrong_solutions]
    return sum(len(text.encode(errors="replace")) for text in texts if text)


def budget_warnings(data: Demonstrations, run: RunConfig) -> list[str]:
    """A sentence for each task of which more than 5 % of the demonstrated texts, their end included, are longer than
    its player may write."""
    said = []
    for task in data.tasks:
        role = WRITES.get(task)
        if role not in run.roles:
            continue
        rng, pool = random.Random(f"{run.seed}|lengths|{task}"), data.pools[task]
        rows = [data.row(task, problem, rng) for problem in rng.sample(pool, min(LOOKED, len(pool)))]
        lengths, most = [row.length for row in rows if row is not None], run.players[role].max_new_tokens
        cut = sum(length > most for length in lengths)
        if cut > (1 - HELD) * len(lengths):
            said.append(
                f"Warning: of {len(lengths)} demonstrations of '{task}' {cut} are longer than "
                f"{role}.max_new_tokens={most}, where co-training will cut such texts; {holding(lengths)} would hold "
                "95 % of them."
            )
    return said
