"""NudgeRL's distillation (2605.15726): what was found under an abstraction is taught to the bare prompt, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rlad.reasoning.tree import Tree
from trainers.data.rows import Row

Tokens = tuple[int, ...]


def bare_prompts(trees: list[Tree], bare_prompt: Callable[[str], Sequence[int]]) -> dict[Tokens, Tokens]:
    """Prompt with an abstraction -> the same question's prompt without one, token ids, of all guided solutions."""
    found = {}
    for tree in trees:
        bare = tuple(bare_prompt(tree.problem.question)) if tree.branches else ()
        found |= dict.fromkeys((tuple(solution.prompt) for solution in tree.solutions), bare)
    return found


def distilled(rows: list[Row], bare: Mapping[Tokens, Tokens], coefficient: float) -> list[Row]:
    """The rows that teach the bare prompt: guided solutions with an advantage, under their question alone.

    Their loss is -coefficient * A * log p per token, in a mean over sequences of its own (`Row.distillation`). Second
    attempts under a critique are left out: they are learnt by another objective already.

    >>> rows = [Row((1, 7), (2, 3), 0.5, copies=2), Row((1, 8), (4,), 0.0), Row((1,), (5,), pg_weight=0.0, bare=True)]
    >>> [(row.prompt, row.advantage, row.copies, row.pg_weight) for row in distilled(rows, {(1, 7): (1,)}, 0.1)]
    [((1,), 0.5, 2, 0.0)]
    """
    return [
        replace(row, prompt=bare[row.prompt], pg_weight=0.0, kl_weight=0.0, distillation=coefficient)
        for row in rows
        if row.prompt in bare and row.pg_weight and not row.shaping and any(row.per_token)
    ]
