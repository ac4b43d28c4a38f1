"""A tree that spends its own budget: more where answers differ, less where they agree, never beyond its ceilings."""

import asyncio
from dataclasses import replace

import pytest
from fake_players import FakeSampler, world_prompts

from rlad.generation import Sampling
from rlad.problems.base import Problem
from rlad.reasoning.auto import AutoExploration, explored
from rlad.reasoning.budget_policy import BudgetPolicy, Spending
from rlad.reasoning.events import AbstractionEvent, SolutionEvent, StartEvent
from rlad.reasoning.explorer import Explorer, Limits
from rlad.reasoning.posterior import COUNTING
from rlad.reasoning.tree import Plan, Tree

PROMPTS = world_prompts()
STATISTICS = replace(COUNTING, follow=0.8, success=(0.35,), abstraction_tokens=(4.0,), solution_tokens=8.0)


def write(*values):
    """Solutions: the number at the abstraction's front says which of the values they answer with, in turns."""

    def solve(text, sample, sampling):
        rule = int(text.split("<sep>")[1].split()[0]) if text.startswith("<guided>") else 0
        return f"so \\boxed{{ {values[rule % len(values)]} }}"

    return solve


def grow(solve, price=1e-3, n=8, m=3, total=2000, propose=None, draws=40):
    asked = []

    def numbered(text, sample, sampling):
        asked.append(text)
        return f"{len(asked)} * a"

    proposer, solver = FakeSampler(PROMPTS, propose or numbered), FakeSampler(PROMPTS, solve)
    plan = Plan(n, m, Sampling(1.0, 8, 1), Sampling(0.3, 16, 2), draws=draws)
    limits = Limits(total, "majority", policy=BudgetPolicy(STATISTICS, price))
    tree = Tree(Problem("p", "3 , 5 > 14 ; 4 , 1 > ?", "9"))
    exploration = explored(Explorer(proposer, solver, PROMPTS, PROMPTS), tree, plan, limits)
    assert isinstance(exploration, AutoExploration)

    async def collect():
        return [event async for event in exploration.events()]

    return asyncio.run(collect()), exploration


def solutions(events):
    return sum(isinstance(event, SolutionEvent) for event in events)


def test_a_settled_tree_stops_and_a_doubtful_one_goes_on():
    agreed, tree = grow(write(9))
    assert agreed[-1].stopped == "settled" and agreed[-1].answer == "9"
    assert isinstance(agreed[0], StartEvent) and agreed[0].budget == "auto"
    doubtful, _ = grow(write(7, 9, 8, 9))
    assert solutions(agreed) < solutions(doubtful)
    assert tree.generated.total() == tree.tree.tokens  # every token that was generated is counted


def test_a_dearer_token_buys_less():
    counts = [solutions(grow(write(7, 8, 9), price)[0]) for price in (1.0, 3e-3, 1e-4)]
    assert counts[0] == 1 and counts == sorted(counts) and counts[-1] > counts[0]


def test_n_and_m_are_ceilings():
    events, exploration = grow(write(*range(10, 40)), price=0.0, n=3, m=1)
    assert [len(branch.solutions) for branch in exploration.tree.branches] == [1, 1, 1]
    assert events[-1].stopped == "complete"
    events, exploration = grow(write(*range(10, 40)), price=0.0, n=2, m=3)  # price 0: until nothing gains any more
    depths = [len(branch.solutions) for branch in exploration.tree.branches]
    assert len(depths) <= 2 and 1 < max(depths) <= 3


def test_one_vote_more_cannot_turn_a_majority():
    """With two abstractions at most the second could only tie, so it is not even proposed."""
    events, exploration = grow(write(7, 8), price=0.0, n=2, m=1)
    assert [len(branch.solutions) for branch in exploration.tree.branches] == [1] and events[-1].stopped == "settled"


@pytest.mark.parametrize("total", [3, 20, 60, 110])
def test_the_tokens_in_all_are_never_exceeded(total):
    events, exploration = grow(write(*range(10, 40)), price=0.0, total=total)
    assert exploration.generated.total() <= total
    assert events[-1].stopped == "budget" or (total == 110 and events[-1].stopped == "settled")
    assert total < 20 or solutions(events) >= 1


def test_without_any_abstraction_the_problem_is_solved_bare():
    events, exploration = grow(write(9), propose=lambda *_: "", draws=3)
    assert not any(isinstance(event, AbstractionEvent) for event in events)
    assert events[-1].answer == "9" and len(exploration.tree.bare) >= 1


def test_a_budget_is_a_price():
    spending = Spending(STATISTICS, ((20.0, 0.01), (40.0, 0.001)), "majority")
    assert [spending.policy(25.0, place).price for place in (0.0, 0.7, 0.8)] == [0.01, 0.01, 0.001]
    assert spending.policy(99.0, 0.5).price == 0.001 and spending.policy(None).price == 0.0
