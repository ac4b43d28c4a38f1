"""A tree that spends its own budget: more where answers differ, less where they agree, never beyond its ceilings."""

import asyncio
from dataclasses import replace

import pytest
from fake_players import FakeSampler, world_prompts

from rlad.config import ProblemsConfig, load_config
from rlad.generation import Sampling
from rlad.generation.streaming import SamplerDown
from rlad.players.prompts import Prompts
from rlad.players.roles import role_of
from rlad.players.tokenizer import world_tokenizer
from rlad.problems import make_world
from rlad.problems.base import Problem
from rlad.reasoning.auto import AutoExploration, explored
from rlad.reasoning.budget_policy import BudgetPolicy, Spending
from rlad.reasoning.choosing import Asking, Chooser
from rlad.reasoning.events import AbstractionEvent, SelectionEvent, SolutionEvent, StartEvent, VoteEvent
from rlad.reasoning.explorer import Explorer, Limits
from rlad.reasoning.posterior import COUNTING
from rlad.reasoning.selecting import Choosing
from rlad.reasoning.tree import Plan, Solution, Tree

PROMPTS = world_prompts()
STATISTICS = replace(COUNTING, follow=0.8, success=(0.35,), abstraction_tokens=(4.0,), solution_tokens=8.0)


def write(*values):
    """Solutions: the number at the abstraction's front says which of the values they answer with, in turns."""

    def solve(text, sample, sampling):
        rule = int(text.split("<sep>")[1].split()[0]) if text.startswith("<guided>") else 0
        return f"so \\boxed{{ {values[rule % len(values)]} }}"

    return solve


def grow(solve, price=1e-3, n=8, m=3, total=2000, propose=None, draws=40, chooser=None, player=None):
    asked = []

    def numbered(text, sample, sampling):
        asked.append(text)
        return f"{len(asked)} * a"

    proposer, solver = FakeSampler(PROMPTS, propose or numbered), FakeSampler(PROMPTS, solve)
    plan = Plan(n, m, Sampling(1.0, 8, 1), Sampling(0.3, 16, 2), draws=draws)
    limits = Limits(total, "majority", policy=BudgetPolicy(STATISTICS, price, player))
    tree = Tree(Problem("p", "3 , 5 > 14 ; 4 , 1 > ?", "9"))
    exploration = explored(Explorer(proposer, solver, PROMPTS, PROMPTS, chooser=chooser), tree, plan, limits)
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


# ---------------------------------------------------------------------------------------------- a player that chooses
READS = Prompts(world_tokenizer(make_world(ProblemsConfig()).vocabulary(), 256, role_of("selector").marks))
GOOD, BAD = (Choosing("selector", share, share, 0.0, (3.0,), 8) for share in (0.9, 0.0))


def chooser(*words, says=None, context=256, delay=0.0):
    """A selector that finds 9 wherever it is shown, else says the answer that is shown last."""

    def choose(text, sample, sampling):
        shown = [one.split("boxed{")[-1].strip(" }") for one in text.split("<sep>")[1:-1]]
        return says or ("9" if "9" in shown else shown[-1])

    run = load_config(None, ["roles=[abstraction, solution, selector]", "selector.max_new_tokens=6", *words])
    return Chooser("selector", FakeSampler(READS, choose, delay), READS, context, run)


def test_a_good_selector_is_asked_in_doubt_and_its_word_is_the_answer():
    alone, _ = grow(write(5, 7, 9, 8, 6), price=2e-3)
    own = chooser()
    events, exploration = grow(write(5, 7, 9, 8, 6), price=2e-3, chooser=own, player=GOOD)
    chosen = [event for event in events if isinstance(event, SelectionEvent)]
    assert own.sampler.calls and len(chosen) == len(own.sampler.calls) and chosen[-1].player == "selector"
    assert events[-1].answer == "9" == events[-1].votes[0].answer and alone[-1].answer != "9"
    assert "9" in exploration.tree.at((events[-1].chosen.abstraction, events[-1].chosen.solution)).text
    told = events[events.index(chosen[-1]) + 1]
    assert isinstance(told, VoteEvent) and told.votes[0].answer == "9"
    # Every token that was generated is counted, in the tree, in its budget and in what a client is told.
    assert exploration.generated.total() == exploration.tree.tokens == exploration.budget.spent
    usage = events[-1].usage
    assert usage.others["selector"].completion_tokens == sum(event.tokens for event in chosen) > 0
    assert usage.others["selector"].prompt_tokens > 0 and "others" not in alone[-1].usage.model_dump()
    assert usage.completion_tokens == exploration.tree.tokens and exploration.budget.reserved == 0


def test_a_bad_selector_is_never_asked_and_changes_nothing():
    own = chooser()
    events, _ = grow(write(7, 9, 8, 9), chooser=own, player=BAD)
    alone, _ = grow(write(7, 9, 8, 9))
    assert not own.sampler.calls and [e for e in events[1:-1] if not isinstance(e, SolutionEvent)] == [
        e for e in alone[1:-1] if not isinstance(e, SolutionEvent)
    ]
    unserved, _ = grow(write(7, 9, 8, 9), player=GOOD)  # the policy knows one, and nobody serves it
    assert not any(isinstance(event, SelectionEvent) for event in unserved)


def test_more_votes_may_turn_what_a_selector_said():
    """It says the wrong answer of the first two, and everybody after them the other one."""
    own = chooser(says="8")
    weak = replace(GOOD, keep=0.5, rescue=0.5)
    events, _ = grow(write(9, 9, 8, 9, 9, 9, 9, 9), price=1e-4, chooser=own, player=weak)
    chosen = next(event for event in events if isinstance(event, SelectionEvent))
    assert chosen.answer == "8" and events[events.index(chosen) + 1].votes[0].answer == "8"
    assert events[-1].answer == "9"


@pytest.mark.parametrize(
    "words", [["cotrain.selector_rounds=2"], ["sweep.selections=3"], ["cotrain.selector_solutions=true"]]
)
@pytest.mark.parametrize("total", [60, 90, 140, 400])
def test_whatever_it_reads_the_tokens_in_all_are_never_exceeded(words, total):
    own = chooser(*words)
    _, exploration = grow(write(*range(10, 40)), price=0.0, total=total, chooser=own, player=GOOD)
    assert exploration.generated.total() == exploration.tree.tokens <= total
    assert total < 400 or own.sampler.calls


def test_answers_that_do_not_fit_into_its_context_are_voted_on():
    own = chooser(context=12)
    events, exploration = grow(write(7, 9, 8, 6), chooser=own, player=GOOD)
    silent = [event for event in events if isinstance(event, SelectionEvent)]
    assert [(event.answer, event.tokens) for event in silent] == [(None, 0)] and not own.sampler.calls
    assert events[-1].answer is not None and exploration.budget.reserved == 0


def test_a_selector_that_is_lost_ends_the_tree_and_one_that_is_not_waited_for_stops_writing():
    lost = chooser()
    lost.sampler.write = lambda *_: SamplerDown("gone")
    with pytest.raises(SamplerDown, match="gone"):
        grow(write(7, 9, 8, 6), chooser=lost, player=GOOD)
    slow = chooser(delay=30.0)
    numbers = iter(range(99))
    proposer = FakeSampler(PROMPTS, lambda *_: f"{next(numbers)} * a")
    solver = FakeSampler(PROMPTS, write(7, 9))
    plan = Plan(4, 1, Sampling(1.0, 8, 1), Sampling(0.3, 16, 2), draws=9)
    limits = Limits(2000, policy=BudgetPolicy(STATISTICS, 1e-3, GOOD))
    exploration = explored(
        Explorer(proposer, solver, PROMPTS, PROMPTS, chooser=slow), Tree(Problem("p", "3 , 5 > 14 ; 4 , 1 > ?", "9")),
        plan, limits,
    )  # fmt: skip

    async def left():
        async def follow():
            async for _ in exploration.events():
                pass

        task = asyncio.create_task(follow())
        while not slow.sampler.running:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task], timeout=60)
        return task.cancelled()

    assert asyncio.run(left()) and slow.sampler.cancelled == 1


def test_who_leaves_at_the_first_piece_of_a_choice_leaves_no_thread_behind():
    own = chooser("cotrain.selector_rounds=3")
    tree = Tree(Problem("p", "3 , 5 > 14 ; 4 , 1 > ?", "9"))
    answers = [(text, [Solution([], None, f"so \\boxed{{ {text} }}")]) for text in "789"]

    async def left():
        pieces = Asking(own, tree, answers).sample([], 6, own.sampling(0))
        async with asyncio.timeout(60):
            await anext(pieces)
            await pieces.aclose()

    asyncio.run(left())
    assert 1 <= len(own.sampler.calls) < 3
