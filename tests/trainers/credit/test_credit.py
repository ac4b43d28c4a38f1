"""Rewards and advantages of nested groups, against hand-computed numbers and the identities they must keep."""

import math

import pytest
from credit_rows import abstraction_rows, solution_rows
from hypothesis import given
from hypothesis import strategies as st
from trees import solution, tree

from rlad.config import CotrainConfig, GateConfig, PlayerConfig
from rlad.config.registry import advantage
from trainers.credit.advantages import leave_one_out
from trainers.credit.draws import draw_rewards
from trainers.rewards import solution_reward

KEEP = {"drop_constant_groups": False}


def advantages(rows):
    return [round(row.advantage, 4) for row in rows]


def test_nested_groups_and_their_identity():
    t = tree([[1, 0], [1, 1]])
    player = PlayerConfig()
    inside = advantages(solution_rows([t], CotrainConfig(**KEEP), player))
    across = advantages(solution_rows([t], CotrainConfig(solution_group="problem", **KEEP), player))
    proposals = advantages(abstraction_rows([t], CotrainConfig(**KEEP), player))
    assert inside == [0.5, -0.5, 0, 0]
    assert across == [0.25, -0.75, 0.25, 0.25]
    assert proposals == [-0.25, 0.25]
    assert across == [a + proposals[i // 2] for i, a in enumerate(inside)]


def test_the_bare_baseline_changes_rewards_but_not_centred_advantages():
    rewards, baseline = [0, 0.25, 0.5, 0.75], 0.2
    t = tree([[1] * k + [0] * (4 - k) for k in range(4)], bare=[1, 0, 0, 0, 0])
    plain, less = CotrainConfig(), CotrainConfig(subtract_bare=True)
    assert draw_rewards(t, plain) == rewards
    assert draw_rewards(t, less) == pytest.approx([r - baseline for r in rewards])
    for config in (plain, less):
        rows = abstraction_rows([t], config, PlayerConfig(advantage="std"))
        assert [row.advantage for row in rows] == pytest.approx([-1.1619, -0.3873, 0.3873, 1.1619], abs=1e-4)


@pytest.mark.parametrize("kind", ["mean", "std", "rloo"])
def test_one_abstraction_has_no_group_and_is_compared_with_the_bare_success(kind):
    alone, player = CotrainConfig(abstractions=1, subtract_bare=True), PlayerConfig(advantage=kind)
    trees = [tree([[1, 1, 0, 1]], bare=[1, 0, 0, 0]), tree([[0, 0]], bare=[1, 0]), tree([[1, 0]], bare=[1, 0])]
    assert advantages(abstraction_rows(trees, alone, player)) == [0.5, -0.5]  # the third is worth what bare is
    trees[0].draws[0].branch = None  # nothing readable was written: the fixed penalty, not compared with b(x)
    assert advantages(abstraction_rows(trees[:1], alone, player)) == [-0.2]
    assert abstraction_rows([tree([[]], bare=[1, 0])], alone, player) == []  # without a solution: masked
    longest = PlayerConfig(advantage=kind, max_new_tokens=1, overlong=1)
    assert advantages(abstraction_rows(trees[1:2], alone, longest)) == [-1.5]


def test_bare_prompts_have_no_policy_gradient_but_keep_their_anchor_even_when_constant():
    for flags in ((1, 0, 1, 0), (0, 0, 0, 0)):
        rows = solution_rows([tree(bare=flags)], CotrainConfig(), PlayerConfig())
        assert len(rows) == 4
        assert all(row.pg_weight == 0 and row.advantage == 0 and row.kl_weight == 1 and row.bare for row in rows)


def test_baseline_samples_of_a_problem_with_abstractions_are_measured_not_trained():
    rows = solution_rows([tree([[1, 0]], bare=[1, 0])], CotrainConfig(), PlayerConfig())
    assert len(rows) == 2 and not any(row.bare for row in rows)


def test_constant_groups_are_dropped():
    t = tree([[1, 1], [1, 0], [0, 0]])
    assert len(solution_rows([t], CotrainConfig(), PlayerConfig())) == 2
    assert abstraction_rows([tree([[1], [1]])], CotrainConfig(), PlayerConfig()) == []


def test_solver_only_training_compares_plain_solutions():
    rows = solution_rows([tree(bare=[1, 0, 0, 0])], CotrainConfig(abstractions=0), PlayerConfig())
    assert advantages(rows) == [0.75, -0.25, -0.25, -0.25]
    assert all(row.pg_weight == 1 for row in rows)


def test_an_abstraction_without_solutions_is_masked_not_scored_zero():
    t = tree([[1, 1], [], [0, 0]])
    assert draw_rewards(t, CotrainConfig()) == [1, None, 0]
    assert advantages(abstraction_rows([t], CotrainConfig(), PlayerConfig())) == [0.5, -0.5]


def test_leaks_and_invalid_draws_earn_the_fixed_penalty():
    t = tree([[1, 1], [0, 0]], leaks={0})
    t.draws[1].branch = None
    assert draw_rewards(t, CotrainConfig()) == [-0.2, -0.2]
    off = CotrainConfig(gate=GateConfig(enabled=False))
    assert draw_rewards(t, off) == [1, -0.2]


def test_repeating_a_proposal_does_not_pay_under_set_credit():
    t = tree([[1], [0]], repeats=[0])
    assert draw_rewards(t, CotrainConfig()) == [1, 0, 1]
    assert draw_rewards(t, CotrainConfig(set_credit=1.0)) == [0, 0, 0]
    assert draw_rewards(tree([[1], [0]]), CotrainConfig(set_credit=1.0)) == [1, 0]


def test_adherence_as_a_condition_of_reward():
    strict = CotrainConfig(adherence=True)
    assert [solution_reward(solution(True, a), strict) for a in (True, False, None)] == [1, 0, 1]
    assert solution_reward(solution(True, False), CotrainConfig()) == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_set_contributions_are_what_coverage_loses_without_the_member(success):
    coverage = 1 - math.prod(1 - p for p in success)
    for i, contribution in enumerate(leave_one_out(success)):
        others = 1 - math.prod(1 - p for j, p in enumerate(success) if j != i)
        assert contribution == pytest.approx(coverage - others, abs=1e-12)


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=8), st.sampled_from(["mean", "std", "rloo"])
)
def test_advantages_are_centred_and_keep_the_order(rewards, kind):
    values = advantage[kind].bound()(rewards)
    assert sum(values) == pytest.approx(0, abs=1e-9)
    pairs = sorted(zip(rewards, values, strict=True))
    assert [value for _, value in pairs] == pytest.approx(sorted(values))
