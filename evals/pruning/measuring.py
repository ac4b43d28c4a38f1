"""A run's solver over right solutions and abstractions of its sweep: all that `python -m evals.pruning` reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.pruning import notes
from evals.pruning.chains import Chain, Likelihood, chains_of, first_right, nearest_to_1
from evals.pruning.deletion import frozen, greedy, remaining, shuffled, truncated
from evals.pruning.retention import retention
from evals.samples.trees import NAME, Sampled
from evals.statistics.estimators import bootstrap, paired_difference
from evals.sweeping.pairs import pairs_of
from rlad.cli import open_run
from rlad.config import RunConfig
from rlad.problems import require_one_piece, world_of
from rlad.problems.formal import FormalWorld
from rlad.reasoning.pair import open_pair

SHARES = (0.9, 0.8, 0.7)
"""Of a chain's tokens that are left, as in the paper."""
COUNTED = ("joint", "answer-only", "random")
"""Orders whose categories are counted; random is the control, whose retention is 1 but for chance."""
RESAMPLES = 2000


def measured(given: str, most: int, abstractions: int) -> dict[str, Any]:
    """Everything about a run, of at most so many chains and abstractions.

    Raises ConfigError without models, PlainError without a sweep or right solutions, ProblemError where solutions call
    a tool.
    """
    run, folder = open_run(given)
    require_one_piece(run.problems, "pruning")
    sampled = Sampled.read(Path(folder) / NAME)
    pairs = {pair.checkpoint: pair for pair in pairs_of(run, folder)}
    checkpoint = next(name for name in ("cotrained", "warmstart", "pretrained") if name in pairs)
    reasoner = open_pair(run, None, pairs[checkpoint].solution)
    prompts, is_formal = reasoner.solve_prompts, isinstance(world_of(run.problems), FormalWorld)
    problems = sampled.problems["test"]
    texts = [first_right(samples) for samples in nearest_to_1(sampled, "plain", checkpoint)]
    chains, long = chains_of(problems, texts, prompts, is_formal, most)
    head = {"run": run.name, "source": run.problems.source, "checkpoint": checkpoint, "chains": len(chains)}
    tokens = round(float(np.mean([len(chain.reasoning) for chain in chains])), 2)
    found = head | {"too_long": long, "reasoning_tokens": tokens}
    found |= pruned(Likelihood(reasoner.solver, chains), run.seed)
    if sampled.of("distinct").get(checkpoint):
        grown = nearest_to_1(sampled, "distinct", checkpoint)
        kept = notes.notes_of(problems, grown, prompts, is_formal, abstractions)
        found["abstractions"] = {"number": len(kept), "rows": _abstractions(run, pairs, checkpoint, reasoner, kept)}
    return found


def _abstractions(run: RunConfig, pairs, checkpoint: str, reasoner, kept: Sequence[notes.Note]) -> list[dict[str, Any]]:
    """The table of single deletions, under the base first where the solver was trained from one."""
    by_solver = {}
    if checkpoint == "cotrained" and "warmstart" in pairs:
        base = open_pair(run, None, pairs["warmstart"].solution)
        by_solver["base"] = notes.scored(base.solver, base.solve_prompts, kept)
    by_solver[checkpoint] = notes.scored(reasoner.solver, reasoner.solve_prompts, kept)
    return notes.table(by_solver, RESAMPLES)


def orders_of(likelihood: Likelihood, seed: int) -> dict[str, list[list[int]]]:
    """Every order of deletion down to the smallest share: the two greedy ones and the three they are compared with."""
    lengths, least = [len(chain.reasoning) for chain in likelihood.chains], min(SHARES)
    return {
        "joint": greedy(lengths, least, likelihood.joint),
        "answer-only": greedy(lengths, least, likelihood.answer),
        "frozen": frozen(lengths, likelihood.joint),
        "random": shuffled(lengths, seed),
        "truncated": truncated(lengths),
    }


def pruned(likelihood: Likelihood, seed: int) -> dict[str, Any]:
    """Likelihoods, and retention by category and by equation, at every share of every order.

    `likelihood`: mean log P(A | Q, R') and log P(R', A | Q), nats; `differences`: joint greedy deletion minus another
    order, paired by problem.
    """
    chains, orders = likelihood.chains, orders_of(likelihood, seed)
    scores, counted = [], []
    for share in SHARES:
        answers, joints = {}, {}
        for order, places in orders.items():
            kept = [remaining(own, len(c.reasoning), share) for own, c in zip(places, chains, strict=True)]
            answers[order] = likelihood.all_of(likelihood.answer, kept)
            joints[order] = likelihood.all_of(likelihood.joint, kept)
            if order in COUNTED:
                counted += _counted(chains, kept, order, share)
        for order in orders:
            row = {"share": share, "order": order, "keeps_answer": float(np.mean(np.exp(answers[order]) >= 0.5))}
            for name, values in (("answer", answers), ("joint", joints)):
                row |= _told(name, bootstrap(values[order], resamples=RESAMPLES))
                if order != "joint":
                    gap = paired_difference(values["joint"], values[order], RESAMPLES)
                    row |= _told(f"joint_gains_{name}", gap)
            scores.append(row)
    whole = [tuple(range(len(chain.reasoning))) for chain in chains]
    full = _told("full_answer", bootstrap(likelihood.all_of(likelihood.answer, whole), resamples=RESAMPLES))
    return full | {"likelihood": scores, "retention": counted, "scorings": likelihood.scorings}


def _counted(chains: Sequence[Chain], kept, order: str, share: float) -> list[dict[str, Any]]:
    by_name = retention([chain.names for chain in chains], kept, RESAMPLES)
    by_step = retention([chain.steps for chain in chains], kept, RESAMPLES) if any(chains[0].steps) else []
    return [{"order": order, "kept": share} | row for row in (*by_name, *by_step)]


def _told(name: str, interval) -> dict[str, Any]:
    return {name: round(interval.estimate, 4), f"{name}_ci95": [round(end, 4) for end in interval.ci95]}
