"""Offline rejection fine-tuning of the abstraction player (RLAD 2510.02263, what the paper reports).

Sample K abstractions per problem, score each by M solutions, keep those that beat the bare success by a margin and do
not leak, fine-tune on them. The bare success is measured with the same M, the same token limit and the same judge: the
published reproduction gives the bare prompt half the budget, so part of its gain is budget.
"""

from __future__ import annotations

from rlad.config import CotrainConfig, RftConfig
from rlad.generation import Sampling
from rlad.problems import Problem
from rlad.reasoning.tree import Branch, Plan, Tree
from trainers.data.plans import step_plan
from trainers.data.rows import Row
from trainers.learner.publishing import publish
from trainers.learner.sft import fine_tune
from trainers.methods.tools import Tools
from trainers.rewards import bare_accuracy, branch_success
from trainers.runtime import zero3


def kept(tree: Tree, config: CotrainConfig) -> list[Branch]:
    """The abstractions whose success is above the bare one by more than the margin, without the leaking ones.

    With equal true success .5 on both sides and M = 8 a margin of 0 keeps 40 % of them, .125 keeps 23 %, .25 11 %.
    """
    bar = (bare_accuracy(tree) or 0.0) + config.rft.margin
    success = branch_success(tree, config)
    return [b for b, p in zip(tree.branches, success, strict=True) if not b.leak and p is not None and p > bar + 1e-9]


def rft_rows(tree: Tree, branches: list[Branch]) -> list[Row]:
    """One row per kept abstraction, however often it was drawn: repeats would sharpen the player, not improve it."""
    rows = []
    for branch in branches:
        at = tree.branches.index(branch)
        draw = next(draw for draw in tree.draws if draw.branch == at)
        rows.append(Row(tuple(draw.prompt), draw.completion.token_ids, given=draw.completion.given))
    return rows


def plan_of(rft: RftConfig, plan: Plan) -> Plan:
    """The sampling of a phase: the players' own temperatures and limits, K and M of the phase."""
    return Plan(rft.abstractions, rft.solutions, plan.propose, plan.solve, plan.distinct, 2 * rft.abstractions)


def rft_phase(tools: Tools, step: int, problems: list[Problem]) -> dict:
    """One phase before `step` on this rank's problems; returns its statistics. Collective.

    The lagged solver scores where there is one, else the learning solver.
    """
    run, reasoner, learner = tools.run, tools.reasoner, tools.learners["abstraction"]
    config, rft = run.cotrain, run.cotrain.rft
    trees = [Tree(problem) for problem in problems]
    plan = plan_of(rft, step_plan(run, step, first_phase=4))
    reasoner.propose(trees, plan)
    reasoner.gate(trees)
    reasoner.solve(trees, plan, skip_leaks=True, lagged=tools.lagged)
    sampling = Sampling(plan.solve.temperature, plan.solve.max_new_tokens, plan.solve.seed + 1)
    reasoner.solve_bare(trees, rft.solutions, sampling, lagged=tools.lagged)
    reasoner.judge(trees)
    chosen = [(tree, kept(tree, config)) for tree in trees]
    rows = [row for tree, branches in chosen for row in rft_rows(tree, branches)]
    seed = f"{run.seed}|rft|{step}"
    tuned = fine_tune(learner, rows, rft.epochs, rft.batch, rft.lr, config, seed)
    if tuned["updates"]:
        publish([learner], run)
    branches = [branch for tree in trees for branch in tree.branches]
    # Rejection favours long and revealing texts, so both are watched.
    numbers = zero3.means(
        {
            "kept": (float(len(rows)), float(len(branches))),
            "kept_length": (float(sum(row.length for row in rows)), float(len(rows))),
            "length": (float(sum(d.completion.generated for t in trees for d in t.draws)), _draws(trees)),
            "leak_rate": (float(sum(branch.leak for branch in branches)), float(len(branches))),
            "bare_accuracy": (sum(bare_accuracy(tree) or 0.0 for tree in trees), float(len(trees))),
        },
        learner.device,
    )
    (tokens,) = zero3.total([sum(tree.tokens for tree in trees)], learner.device)
    return tuned | numbers | {"tokens": int(tokens)}


def _draws(trees: list[Tree]) -> float:
    return float(sum(len(tree.draws) for tree in trees))
