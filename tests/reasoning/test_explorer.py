"""A tree whose requests overlap: the same tree as the reasoner's, within its budget, stopped when the vote stands."""

import asyncio
from contextlib import aclosing
from math import log

import pytest
from fake_players import FakeSampler, world_prompts

from rlad.generation import Completion, Sampling
from rlad.generation.streaming import SamplerDown
from rlad.problems.base import Problem
from rlad.reasoning.events import AbstractionEvent, DoneEvent, SolutionDeltaEvent, SolutionEvent, VoteEvent
from rlad.reasoning.explorer import Explorer, Limits, derived_seed
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.text import GrowingText
from rlad.reasoning.tree import Plan, Tree

PROBLEM = Problem("p", "3 , 5 > 14 ; 4 , 1 > ?", "9")
PROMPTS = world_prompts()


def rules(text, sample, sampling):
    """Abstractions: `1*a`, `2*a`, ... by seed and sample, so that later rounds bring new ones."""
    return f"{1 + sample + (sampling.seed % 3)} * a"


def answers(*values):
    """Solutions: the branch's rule decides the answer, `1*a` -> values[0] ..."""

    def write(text, sample, sampling):
        rule = int(text.split("<sep>")[1].split()[0]) if text.startswith("<guided>") else 0
        return f"so \\boxed{{ {values[rule % len(values)]} }}"

    return write


def plan(n=3, m=2, a=8, s=16, **more):
    return Plan(n, m, Sampling(1.0, a, 1), Sampling(0.3, s, 2), **more)


NINE = answers(9)


def grow(plan, limits, propose=rules, solve=NINE, delay=0.0):
    proposer, solver = FakeSampler(PROMPTS, propose), FakeSampler(PROMPTS, solve, delay)
    exploration = Explorer(proposer, solver, PROMPTS, PROMPTS).explore(Tree(PROBLEM), plan, limits)

    async def collect():
        return [event async for event in exploration.events()]

    return asyncio.run(collect()), exploration, proposer, solver


def place(event):
    """(branch, number) of the solution that is told of or chosen; branch -1 = without an abstraction."""
    return (-1 if event.abstraction is None else event.abstraction), event.solution


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_a_whole_tree():
    events, exploration, proposer, solver = grow(plan(draws=12), Limits(10_000, early_stop=False))
    assert [event.index for event in of(AbstractionEvent, events)] == [0, 1, 2]
    assert sorted(place(event) for event in of(SolutionEvent, events)) == [(b, i) for b in range(3) for i in range(2)]
    assert {event.answer for event in of(SolutionEvent, events)} == {"9"}
    assert (
        events[0].type == "start"
        and isinstance(events[-1], DoneEvent)
        and events[-1].stopped == "complete"
        and place(events[-1].chosen) == (0, 0)
    )
    assert [(v.answer, v.weight, v.share) for v in events[-1].votes] == [("9", 6.0, 1.0)]
    # One request for the abstractions and one per branch: branches share their prefill.
    assert proposer.calls[0][1] == 3 and [count for _, count, _ in solver.calls] == [2, 2, 2]
    assert exploration.budget.reserved == 0
    assert exploration.budget.spent == exploration.tree.tokens == sum(exploration.generated.values())


def test_the_same_tree_as_the_reasoners():
    """Same texts from the samplers: same draws, branches, duplicates and solutions as the synchronous phases make."""

    class Batch:
        def __init__(self, write):
            self.write = write

        def generate(self, prompts, sampling):
            seen, out = {}, []
            for prompt in prompts:
                sample = seen[tuple(prompt)] = seen.get(tuple(prompt), -1) + 1
                ids = PROMPTS.completion_ids(self.write(PROMPTS.decode(prompt), sample, sampling))
                out.append(Completion(tuple(ids), (-0.1,) * len(ids), "stop", 0))
            return out

    def repeating(text, sample, sampling):  # two of three draws of a round are the same
        return f"{1 + sample // 2} * a"

    wanted = plan(3, 2, draws=3)
    sync = Tree(PROBLEM)
    reasoner = Reasoner(Batch(repeating), Batch(answers(7, 8, 9)), PROMPTS, PROMPTS, judge=None)
    reasoner.propose([sync], wanted)
    reasoner.solve([sync], wanted)
    _, exploration, _, _ = grow(wanted, Limits(10_000, early_stop=False), repeating, answers(7, 8, 9))
    overlapping = exploration.tree

    def shape(tree):
        return [(d.prompt, d.text, d.branch) for d in tree.draws], [
            (b.text, b.key, [(s.prompt, s.text) for s in b.solutions]) for b in tree.branches
        ]

    assert shape(overlapping) == shape(sync)
    assert overlapping.tokens == sync.tokens


@pytest.mark.parametrize("total", [1, 5, 24, 30, 48, 60, 100, 144, 1000])
def test_the_budget_is_never_exceeded(total):
    """Every sample here is as long as it may be, so a single one too many would show."""

    def long(text, sample, sampling):
        return "1 + " * 40

    for propose in (rules, long):
        events, exploration, proposer, solver = grow(plan(4, 3), Limits(total, early_stop=False), propose, long)
        assert exploration.budget.spent <= total
        assert of(SolutionEvent, events), "something is always solved"
        asked = [(c, s.max_new_tokens) for _, c, s in [*proposer.calls, *solver.calls]]
        assert all(count * each <= total for count, each in asked)
        assert events[-1].stopped in ("complete", "budget")


def test_a_small_budget_goes_to_breadth_first():
    """3 abstractions of at most 8 and their first solutions of at most 16 tokens cost 72; 100 leave one solution."""
    events, *_ = grow(plan(3, 4), Limits(100, early_stop=False), solve=lambda *_: "1 + " * 40)
    solved = sorted(place(event) for event in of(SolutionEvent, events))
    assert {branch for branch, _ in solved} == {0, 1, 2}
    assert len(solved) >= 5 and max(number for _, number in solved) == 1


def test_stops_when_the_vote_cannot_change():
    """8 of 12 votes are in and agree: the branch that never ends is not waited for, its request is cancelled."""
    first = f"<sep> {1 + derived_seed(1, 'propose', 0) % 3} * a"
    events, _, _, solver = grow(plan(3, 4), Limits(10_000, "majority"), delay=lambda text: 1000 * (first in text))
    assert events[-1].stopped == "decided"
    assert len(of(SolutionEvent, events)) == 7  # the eighth was not needed either
    assert solver.running == 0 and solver.cancelled >= 1
    events, *_ = grow(plan(3, 4), Limits(10_000, "majority", early_stop=False))
    assert events[-1].stopped == "complete" and len(of(SolutionEvent, events)) == 12


def test_does_not_stop_while_a_missing_abstraction_could_change_the_vote():
    """Two of four votes for 9: the second branch, not even proposed yet, may still tie."""

    def slow_second(text, sample, sampling):
        return "1 * a" if sampling.seed == derived_seed(1, "propose", 0) else "2 * a"

    events, *_ = grow(plan(2, 2, draws=8), Limits(10_000), slow_second, answers(0, 9, 5))
    assert [e.answer for e in of(SolutionEvent, events)].count("9") == 2
    assert events[-1].stopped == "complete"


def test_without_abstractions_and_without_usable_ones():
    for wanted, propose in ((plan(0, 3), rules), (plan(2, 3, draws=4), lambda *_: "")):
        events, exploration, _, solver = grow(wanted, Limits(1000, early_stop=False), propose)
        assert sorted(place(event) for event in of(SolutionEvent, events)) == [(-1, 0), (-1, 1), (-1, 2)]
        assert solver.calls[0][0].startswith("<plain>")
        assert events[-1].stopped == "complete" and place(events[-1].chosen) == (-1, 0)
        assert len(exploration.tree.bare) == 3


def test_text_arrives_while_it_is_written():
    events, *_ = grow(plan(2, 2), Limits(1000, early_stop=False, deltas=True))
    for solved in of(SolutionEvent, events):
        parts = [event.text for event in of(SolutionDeltaEvent, events) if place(event) == place(solved)]
        assert len(parts) > 1 and "".join(parts) == solved.text.strip()


def test_growing_text_keeps_a_character_together():
    raw = "aé🙂b".encode()
    growing = GrowingText(lambda ids: bytes(ids).decode(errors="replace"))
    parts = [growing.add([byte]) for byte in raw]
    assert "".join(parts) == "aé🙂b" and "\ufffd" not in "".join(parts)


def test_closing_the_events_cancels_what_is_under_way():
    proposer, solver = FakeSampler(PROMPTS, rules), FakeSampler(PROMPTS, answers(9), delay=30)
    exploration = Explorer(proposer, solver, PROMPTS, PROMPTS).explore(Tree(PROBLEM), plan(), Limits(1000))

    async def leave():
        async with aclosing(exploration.events()) as events:
            async for event in events:
                if isinstance(event, AbstractionEvent) and event.index == 2:
                    await asyncio.sleep(0.01)
                    break
        return solver.running

    assert asyncio.run(leave()) == 0
    assert len(solver.calls) == solver.cancelled == 2  # the third was not sent yet


def test_an_engines_error_ends_the_tree_and_cancels_the_rest():
    def broken(text, sample, sampling):
        return SamplerDown("gone") if "<sep> 2 * a" in text else "9 = \\boxed{ 9 }"

    proposer, solver = FakeSampler(PROMPTS, lambda t, i, s: f"{i + 1} * a"), FakeSampler(PROMPTS, broken, delay=0.01)
    exploration = Explorer(proposer, solver, PROMPTS, PROMPTS).explore(Tree(PROBLEM), plan(), Limits(1000))

    async def collect():
        return [event async for event in exploration.events()]

    with pytest.raises(SamplerDown, match="gone"):
        asyncio.run(collect())
    assert solver.running == 0


def test_votes_are_weighted_by_confidence_and_grouped_by_value():
    """6 and 1 + 5 are one answer. One sure 3 outvotes two unsure ones under weighted_majority only."""

    def solve(text, sample, sampling):
        return "9 = \\boxed{ 3 }" if "<sep> 1 * a" in text else ["\\boxed{ 6 }", "\\boxed{ 1 + 5 }"][sample]

    proposer = FakeSampler(PROMPTS, lambda t, i, s: f"{i + 1} * a")
    solver = FakeSampler(PROMPTS, solve, logprob=lambda text: -0.05 if "<sep> 1 * a" in text else -2.0)
    found = {}
    for rule in ("majority", "weighted_majority"):
        exploration = Explorer(proposer, solver, PROMPTS, PROMPTS).explore(
            Tree(PROBLEM), plan(2, 2), Limits(1000, rule, early_stop=False)
        )

        async def collect(exploration=exploration):
            return [event async for event in exploration.events()]

        found[rule] = of(DoneEvent, asyncio.run(collect()))[0]
    assert [vote.weight for vote in found["majority"].votes] == [2.0, 2.0]
    assert {vote.answer: vote.forms for vote in found["majority"].votes} == {"3": ["3"], "6": ["6", "1 + 5"]}
    assert found["weighted_majority"].votes[0].answer == "3"
    assert found["weighted_majority"].votes[0].share > 0.8
    assert sum(vote.share for vote in found["weighted_majority"].votes) == pytest.approx(1)


def test_solutions_are_weighed_by_what_the_solver_thinks_of_them_without_their_abstraction():
    """Two abstractions lead to 4, one to 5; alone, the solver believes in 5."""
    asked = []

    def alone(prompt, text):
        asked.append(prompt)
        return log(0.5) if "5" in text else log(0.1)

    proposer = FakeSampler(PROMPTS, lambda t, i, s: f"{i + 1} * a", mass={f"{i} * a": 0.1 for i in (1, 2, 3)})
    solver = FakeSampler(PROMPTS, answers(4, 4, 5))
    solver.alone = alone
    exploration = Explorer(proposer, solver, PROMPTS, PROMPTS).explore(
        Tree(PROBLEM), plan(3, 1), Limits(1000, "unguided", early_stop=False)
    )

    async def collect():
        return [event async for event in exploration.events()]

    done = of(DoneEvent, asyncio.run(collect()))[0]
    assert [(vote.answer, vote.weight) for vote in done.votes] == [("5", 0.5), ("4", 0.2)]
    assert set(asked) == {PROMPTS.decode(PROMPTS.ids("plain", PROBLEM.question))} and len(asked) == 3
    assert done.usage.solution.completion_tokens == sum(one.tokens for one in exploration.tree.solutions)


def test_the_vote_does_not_depend_on_the_order_of_arrival():
    events, *_ = grow(plan(3, 2), Limits(1000, early_stop=False), solve=answers(4, 5, 6))
    assert place(events[-1].chosen) == min(place(e) for e in of(SolutionEvent, events))  # a tie goes to the first place
    assert len(of(VoteEvent, events)) == 6


def test_a_weighted_vote_ends_when_the_probability_that_is_left_cannot_change_it():
    """The first abstraction has .7 of the proposer's probability: its answer stands before the others are solved."""
    mass = {"1 * a": 0.7, "2 * a": 0.2, "3 * a": 0.05}

    def late(text):
        return 0.0 if "<sep> 1 * a" in text else 3600.0

    found = {}
    for rule in ("majority", "proposer"):  # the majority waits for all; the other for none of those that are late
        proposer = FakeSampler(PROMPTS, lambda t, i, s: f"{i + 1} * a", mass=mass)
        solver = FakeSampler(PROMPTS, answers(4, 5, 6), delay=late if rule == "proposer" else 0.0)
        exploration = Explorer(proposer, solver, PROMPTS, PROMPTS).explore(
            Tree(PROBLEM), plan(3, 1), Limits(1000, rule)
        )

        async def collect(exploration=exploration):
            return [event async for event in exploration.events()]

        found[rule] = asyncio.run(collect())
    assert [of(DoneEvent, events)[0].stopped for events in found.values()] == ["complete", "decided"]
    events = found["proposer"]
    assert [event.probability for event in of(AbstractionEvent, events)] == [0.7, 0.2, 0.05]
    assert of(VoteEvent, events)[-1].weights == [1.0, 0.0, 0.0]
