"""Decoding methods as conditions of a sweep: each beside plain sampling at equal generated tokens."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.cells.selecting import PLAIN, Book, Side, Sides, cell_of, keys_row
from evals.cells.temperatures import Choice
from evals.samples.trees import Answered, Condition, ModelPair, Sampled, Samples
from evals.samples.workers import reasoner_for
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.cli import PlainError
from rlad.config import RunConfig, SweepConfig
from rlad.config.registry import decoding
from rlad.generation import Completion, Sampling
from rlad.problems import Problem
from rlad.reasoning.marks import marks_of
from rlad.reasoning.tree import Tree

MODE = "decoding:"
"""Before a setting's name, the mode of its condition."""


def settings_of(sweep: SweepConfig) -> dict[str, tuple[str, Any]]:
    """Every condition of the sweep's decoding methods by its name: (method, its keys). A list in the key that a method
    declares as its axis is a condition for each of its values.

    >>> sweep = SweepConfig(decoding=["plain", "budget_forcing"])
    >>> sweep.of("budget_forcing").cap = [8, 16]
    >>> [(name, keys and keys.cap) for name, (_, keys) in settings_of(sweep).items()]
    [('plain', None), ('budget_forcing cap=8', 8), ('budget_forcing cap=16', 16)]
    """
    found: dict[str, tuple[str, Any]] = {}
    for name in sweep.decoding:
        keys, axis = sweep.of(name), decoding[name].facts.get("axis")
        values = getattr(keys, axis) if axis else None
        if isinstance(values, list):
            found |= {f"{name} {axis}={value}": (name, replace(keys, **{axis: value})) for value in values}
        else:
            found[name] = name, keys
    return found


def decoding_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float, setting: str
) -> list[Answered]:
    """What a method writes for each problem, judged; tokens are those that it generated for each trace. `setting` is
    one of `settings_of`."""
    from rlad.generation.decoding.base import Writer
    from rlad.generation.transformers import TransformersSampler

    reasoner = reasoner_for(run, pair)
    if not isinstance(reasoner.solver, TransformersSampler):
        raise PlainError("Decoding methods work on the transformers sampler; sweep with engine.kind=transformers.")
    settings = run.sweep
    writer = Writer(reasoner.solver, marks_of(reasoner.solve_prompts, pair.task), seed + 6)
    trees = [Tree(problem) for problem in problems]
    prompts = [reasoner.bare_ids(tree, pair.task) for tree in trees]
    sampling = Sampling(temperature, run.solution.max_new_tokens, seed + 6)
    name, keys = settings_of(settings)[setting]
    found = decoding[name].bound(keys)(writer, prompts, settings.decoding_samples, sampling)
    for tree, prompt, traces in zip(trees, prompts, found, strict=True):
        for trace in traces:
            ended = bool(trace.token_ids) and trace.token_ids[-1] in writer.eos
            written = Completion(trace.token_ids, (), "stop" if ended else "length", reasoner.solver.version)
            tree.bare.append(reasoner.solution(prompt, written))
    reasoner.judge(trees)
    return [_answered(tree, traces) for tree, traces in zip(trees, found, strict=True)]


def _answered(tree: Tree, traces: Sequence[Any]) -> Answered:
    known = Answered.of(tree.bare)
    tokens, weights = [trace.tokens for trace in traces], [round(trace.weight, 6) for trace in traces]
    return replace(known, samples=replace(known.samples, tokens=tokens, weight=weights))


def weighted_choice(keys: Sequence[Hashable | None], weights: Sequence[float], right: Sequence[bool]) -> float:
    """Probability that the answer of the largest weight is right; ties are broken at random, traces without an answer
    or of no weight do not vote.

    >>> weighted_choice(["A", "B", "B", None], [0.9, 0.5, 0.4, 5.0], [True, False, False, False])  # .9 and .9 tie
    0.5
    >>> weighted_choice(["A"], [0.0], [True])
    0.0
    """
    totals: dict[Hashable, float] = defaultdict(float)
    flags: dict[Hashable, list[bool]] = defaultdict(list)
    for key, weight, flag in zip(keys, weights, right, strict=True):
        if key is not None and weight > 0:
            totals[key] += weight
            flags[key].append(bool(flag))
    best = max(totals.values(), default=0.0)
    tied = [float(np.mean(flags[key])) for key, total in totals.items() if total >= best * (1 - 1e-12)]
    return float(np.mean(tied)) if tied else 0.0


def spent(sampled: Sampled) -> float:
    """Most tokens per problem that a decoding method took of the test problems; 0 without any."""
    return max((_tokens(records) for _, records in _conditions(sampled)), default=0.0)


def _conditions(sampled: Sampled, split: str = "test") -> list[tuple[Condition, list[Samples]]]:
    kept = sampled.conditions.items()
    return [(one, records) for one, records in kept if one.mode.startswith(MODE) and one.split == split]


def _tokens(records: Sequence[Samples]) -> float:
    return float(np.mean([sum(record.tokens) for record in records]))


def _right(records: Sequence[Samples]) -> NDArray[np.float64]:  # (P,)
    """How often each problem's selected answer is right."""
    return np.array([weighted_choice(one.key, one.weight, one.correct) for one in records])


def temperatures_of(settings: SweepConfig) -> list[float]:
    """Temperatures at which decoding methods are tried."""
    return list(settings.decoding_temperatures) or [settings.decoding_temperature]


def decoding_choices(sampled: Sampled) -> list[Choice]:
    """Of every method that was tried at several temperatures on the validation problems, how often its answer is right
    at each."""
    found: dict[tuple[str, str, str], dict[float, float]] = {}
    for one, records in _conditions(sampled, "validation"):
        found.setdefault((one.checkpoint, one.label, one.mode), {})[one.temperature] = float(_right(records).mean())
    return [Choice(*way, "accuracy", "validation", values) for way, values in found.items()]


def decoding_rows(sampled: Sampled, book: Book, test: Book, known: Sides, resamples: int) -> list[dict[str, Any]]:
    """One row per method, or per value of its axis: its selected answer and coverage beside plain sampling of the same
    model at the same tokens.

    Plain sampling has the rule, keys and temperature that `book` chose, as in the sweep's `selection`; `on_test` is the
    same by those that `test` chose on the test problems themselves. `plain_pass_at_k` is at the temperature that covers
    most on these. p is corrected for the number of rows (Holm).
    """
    rows = []
    for condition, records in _conditions(sampled):
        right, tokens = _right(records), _tokens(records)
        covered = np.array([any(one.correct) for one in records], float)
        rivals = [_at_most(side, tokens) for side in known[condition.checkpoint, PLAIN]]
        reached = max(float(one.samples.covered(one.count).mean()) for one in rivals)
        rival, beside = _beside(book, rivals, condition, right, resamples)
        own, reach = (est.bootstrap(column, resamples=resamples) for column in (right, covered))
        method, _, setting = condition.mode[len(MODE) :].partition(" ")
        axis, _, value = setting.partition("=")
        rows.append(
            {
                "checkpoint": condition.checkpoint, "label": condition.label, "method": method,
                **({"axis": axis, "value": json.loads(value)} if axis else {}),
                "temperature": condition.temperature, "traces": rounded(np.mean([len(one.key) for one in records])),
                "tokens_per_problem": rounded(tokens), "accuracy": rounded(own.estimate), "ci95": rounded(own.ci95),
                "pass_at_k": rounded(reach.estimate), "pass_ci95": rounded(reach.ci95), **beside,
                "plain_pass_at_k": rounded(reached), "p_holm": est.paired_p(right, rival), "chosen_on": book.split,
            }
        )  # fmt: skip
        if test.split != book.split:
            rows[-1]["on_test"] = _beside(test, rivals, condition, right, resamples)[1]
    for row, p in zip(rows, est.holm([row["p_holm"] for row in rows]), strict=True):
        row["p_holm"] = rounded(p)
    return rows


def _at_most(side: Side, tokens: float) -> Side:
    """Plain samples at a budget, or all of them where they are fewer."""
    return replace(side, budget=min(tokens, side.samples.samples * side.samples.tokens_per_sample))


def _beside(
    book: Book, rivals: Sequence[Side], condition: Condition, right: NDArray[np.float64], resamples: int
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Plain sampling at the best option of a book, problem by problem, and what a row says of it and of the gap."""
    option, cell = cell_of(book, rivals, condition.checkpoint, PLAIN, None, resamples)
    gap = est.paired_difference(right, cell.accuracy, resamples=resamples)
    return cell.accuracy, {
        "plain": cell.row["accuracy"], "plain_rule": option.rule, "plain_keys": keys_row(option.keys),
        "plain_temperature": option.temperature, "difference": rounded(gap.estimate),
        "difference_ci95": rounded(gap.ci95),
    }  # fmt: skip
