"""Schedules: who learns, how fast, and what is due between steps; offline phases without a sampler."""

import random

import pytest
from trees import tree

from rlad.config import (
    CotrainConfig,
    RftConfig,
    ScheduleConfig,
    SftPhaseConfig,
    VerifierConfig,
    load_config,
)
from rlad.players.policy import load_tokenizer, make_prompts
from rlad.players.roles import role_of
from rlad.problems import load_problems, make_world
from rlad.reasoning.judge import Judge
from trainers.methods import rft, sft_phase
from trainers.methods.schedules import learners, offline_phases, rate, renews_lagged_solver


def test_alternating_rates_keep_both_learning():
    plan = ScheduleConfig(kind="rates", abstraction_steps=2, solution_steps=1, low_rate=0.001)
    assert all(learners(plan, step) == ("abstraction", "solution") for step in range(1, 7))
    assert [rate(plan, step, "abstraction") for step in range(1, 7)] == [1, 1, 0.001, 1, 1, 0.001]
    assert [rate(plan, step, "solution") for step in range(1, 7)] == [0.001, 0.001, 1, 0.001, 0.001, 1]


@pytest.mark.parametrize("kind", ["simultaneous", "alternating", "frozen"])
def test_other_schedules_have_one_rate(kind):
    assert {rate(ScheduleConfig(kind=kind), step, "solution") for step in range(1, 30)} == {1.0}


def test_the_lagged_solver_is_renewed_every_so_many_steps():
    assert [step for step in range(1, 12) if renews_lagged_solver(ScheduleConfig(lag=5), step)] == [1, 6, 11]
    assert not any(renews_lagged_solver(ScheduleConfig(), step) for step in range(1, 12))


def test_offline_phases_are_due_from_the_step_alone():
    config = CotrainConfig(rft=RftConfig(every=3), sft_phase=SftPhaseConfig(every=2))
    due = {step: offline_phases(config, step) for step in range(1, 8)}
    assert due == {
        1: ("rft",),
        2: (),
        3: ("sft_phase",),
        4: ("rft",),
        5: ("sft_phase",),
        6: (),
        7: ("rft", "sft_phase"),
    }
    assert not any(offline_phases(CotrainConfig(), step) for step in range(1, 50))


def test_rft_keeps_what_beats_the_bare_success_and_does_not_leak():
    t = tree([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]], bare=[1, 1, 0, 0], leaks={3}, repeats=[0])
    keeps = {
        margin: [b.text for b in rft.kept(t, CotrainConfig(rft=RftConfig(margin=margin)))] for margin in (0, 0.25, 0.5)
    }
    assert keeps == {0: ["z0", "z1"], 0.25: ["z0"], 0.5: []}
    rows = rft.rft_rows(t, t.branches[:2])
    assert [row.completion for row in rows] == [(0,), (1,)]  # the repeated one once


@pytest.mark.parametrize(
    ("size", "margin", "keep"),
    [(8, 0, 0.4018), (8, 0.125, 0.2272), (8, 0.25, 0.1051), (16, 0, 0.4300), (16, 0.125, 0.1885), (16, 0.25, 0.0551)],
)
def test_what_a_margin_is_for(size, margin, keep):
    """P(keep) of a useless abstraction at success .5 on both sides, through the very rule that keeps."""
    from math import comb

    config, chance = CotrainConfig(rft=RftConfig(margin=margin)), 0.0
    for with_z in range(size + 1):
        for bare in range(size + 1):
            t = tree([[1] * with_z + [0] * (size - with_z)], bare=[1] * bare + [0] * (size - bare))
            if rft.kept(t, config):
                chance += comb(size, with_z) * comb(size, bare) / 4**size
    assert chance == pytest.approx(keep, abs=1e-4)


def test_rft_measures_both_sides_with_the_same_budget():
    from rlad.generation import Sampling
    from rlad.reasoning.tree import Plan

    plan = Plan(8, 2, Sampling(0.7, 16, 1), Sampling(0.6, 48, 2), True, 24)
    own = rft.plan_of(RftConfig(abstractions=4, solutions=8), plan)
    assert (own.abstractions, own.solutions, own.draws) == (4, 8, 8)
    assert (own.propose, own.solve) == (plan.propose, plan.solve)


def test_the_sft_phase_shows_different_right_demonstrations():
    run = load_config(None, ["problems.train=30"])
    world = make_world(run.problems)
    judge, prompts = Judge(VerifierConfig(), world), make_prompts(load_tokenizer(run.base, run.problems), run)
    several = 0
    for problem in load_problems(run.problems, "train"):
        pairs = sft_phase.demonstrations(problem, world, judge, 12, random.Random(problem.id))
        keys = [world.canonical_abstraction(z) for z, _ in pairs]
        assert len(set(keys)) == len(keys)
        assert all(judge([(problem, y)])[0].correct for _, y in pairs)
        several += len(pairs) > 1
        assert len(sft_phase.demonstration_rows(role_of("abstraction"), problem, pairs, prompts)) == len(pairs)
        assert len(sft_phase.demonstration_rows(role_of("solution"), problem, pairs, prompts)) == 2 * len(pairs)
    assert several > 5


def test_the_sft_phase_on_a_file_uses_its_own_pairs():
    from rlad.problems import Problem

    whole = Problem("p", "q", "1", solution="y", abstraction="z")
    rng = random.Random(0)
    assert sft_phase.demonstrations(whole, None, None, 8, rng) == [("z", "y")]
    assert sft_phase.demonstrations(Problem("p", "q", "1", solution="y"), None, None, 8, rng) == []


def test_an_sft_phase_on_data_that_demonstrates_nothing_is_refused():
    from rlad.problems import Problem
    from rlad.problems.base import ProblemError

    with pytest.raises(ProblemError, match=r"set cotrain\.sft_phase\.every=0\.$"):
        sft_phase.check_demonstrations([Problem("p", "q", "1", solution="y"), Problem("p", "q", "1")], None)
    sft_phase.check_demonstrations(
        [Problem("p", "q", "1"), Problem("p", "q", "1", solution="y", abstraction="z")], None
    )
    sft_phase.check_demonstrations([], object())  # a world demonstrates anything


def test_the_sft_phase_does_not_unteach_a_stated_confidence():
    """With RLCR a solver's demonstration stops before the place where it says how sure it is."""
    from rlad.players.policy import format_tokens
    from rlad.problems import Problem

    problem, pairs = Problem("p", "3 , 5 > 8 ; 1 , 2 > ?", "3"), [("1 a + 1 b", "1 + 2 = 3 \\boxed{ 3 }")]
    for reward, ends in (("verdict", True), ("rlcr", False)):
        run = load_config(None, [f"solution.reward={reward}"])
        tokenizer = load_tokenizer(run.base, run.problems, format_tokens(run))
        prompts = make_prompts(tokenizer, run)
        shown = sft_phase.demonstration_rows(role_of("solution"), problem, pairs, prompts)
        assert [row.completion[-1] == tokenizer.eos_token_id for row in shown] == [ends] * 2
        assert all(prompts.decode(list(row.completion)).strip() == pairs[0][1] for row in shown)
        (proposed,) = sft_phase.demonstration_rows(role_of("abstraction"), problem, pairs, prompts)
        assert proposed.completion[-1] == tokenizer.eos_token_id
