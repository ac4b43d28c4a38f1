"""Overlapping phases: the same trees from the same requests, earlier; and nothing left behind by an error."""

import time
from collections import Counter
from copy import deepcopy
from itertools import chain, repeat

import pytest
from simulated_engine import Engine, Gate

from rlad.config import ProblemsConfig
from rlad.generation import SamplerFailed, Sampling
from rlad.players.prompts import Prompts
from rlad.players.tokenizer import SET_TOKEN, world_tokenizer
from rlad.problems import Problem, make_world
from rlad.reasoning import reasoner as module
from rlad.reasoning.flow import Flow, overlaps
from rlad.reasoning.reasoner import Bare, Reasoner
from rlad.reasoning.tree import Plan, Tree
from rlad.verifier import Outcome, Verdict

WORLD = make_world(ProblemsConfig())
PROMPTS = Prompts(world_tokenizer(WORLD.vocabulary(), 256, [SET_TOKEN]))


def rules(text, rng):
    """Abstractions of which some are too long, and some the same."""
    if SET_TOKEN in text:
        return " <sep> ".join(f"{rng.randrange(5)} * a" for _ in range(4)), "stop"
    return f"{rng.randrange(4)} * a", rng.choice(["stop", "stop", "length"])


def answers(text, rng):
    return f"so \\boxed{{ {rng.randrange(20)} }}", "stop"


class FakeJudge:
    """An even number is right; notes in what portions it was asked."""

    def __init__(self, asked=lambda text: None):
        self.asked, self.outcomes = asked, Counter()

    def __call__(self, items):
        verdicts = []
        for _, text in items:
            self.asked(text)
            outcome = Outcome.correct if int(text.split()[-2]) % 2 == 0 else Outcome.incorrect
            self.outcomes[outcome.value] += 1
            verdicts.append(Verdict(outcome, "", "", text, 0.0))
        return verdicts


def problems(count):
    return [Problem(f"p{i}", f"{i} , 5 > 14 ; 4 , 1 > ?", "9", solution="first 3 then 4 then 5") for i in range(count)]


def made(propose=rules, solve=answers, judge=None, proposed=lambda text: None, solved=lambda text: None):
    proposer, solver = Engine(PROMPTS, propose, proposed), Engine(PROMPTS, solve, solved)
    return Reasoner(proposer, solver, PROMPTS, PROMPTS, judge or FakeJudge(), WORLD)


def planned(n=3, m=2, **more):
    return Plan(n, m, Sampling(1.0, 8, 1), Sampling(0.3, 16, 2), **more)


def bare_of(trees, others):
    return [Bare(others, 3, 12, "one_pass"), Bare(trees, 1, 13)]


def in_phases(reasoner, trees, plan, skip_leaks=True, bare=()):
    reasoner.propose(trees, plan)
    reasoner.gate(trees)
    reasoner.solve(trees, plan, skip_leaks, bare=bare)
    reasoner.judge([*trees, *(bare[0].trees if bare else ())])


def flowing(reasoner, trees, plan, skip_leaks=True, bare=()):
    with Flow(reasoner, trees, plan, skip_leaks, bare) as flow:
        flow.propose()
        flow.solve()
        flow.judge()


@pytest.fixture
def leaky(monkeypatch):
    monkeypatch.setattr(module, "gives_away", lambda problem, text, world: text.startswith("3"))


PLANS = {
    "rounds of distinct draws": planned(draws=9),
    "one draw each": planned(distinct=False),
    "a list": planned(joint=True),
    "reference": planned(reference=True),
    "a first round": planned(m=4, first=2),
    "nothing to draw": planned(n=0),
    "own numbers": planned(n=3, m=(3, 2, 1), draws=6),
}


@pytest.mark.parametrize("skip_leaks", [True, False])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_same_trees_as_phase_by_phase(plan, skip_leaks, leaky):
    trees, others = [Tree(problem) for problem in problems(7)], [Tree(problem) for problem in problems(2)]
    trees[2].shape = (1, 2)
    if plan.abstractions == 0:
        trees = []
    again, there = deepcopy(trees), deepcopy(others)
    phased, flow = made(), made()
    in_phases(phased, trees, plan, skip_leaks, bare_of(trees, others))
    flowing(flow, again, plan, skip_leaks, bare_of(again, there))
    assert again == trees and there == others
    assert [tree.tokens for tree in again] == [tree.tokens for tree in trees]
    assert all(s.verdict for tree in [*again, *there] for s in tree.sampled)
    assert flow.judge_of.outcomes == phased.judge_of.outcomes
    for own, theirs in ((flow.proposer, phased.proposer), (flow.solver, phased.solver)):
        assert sorted(own.asked) == sorted(theirs.asked) and own.open == own.batches == 0
    if plan.abstractions and not plan.reference:  # and the test saw what it is about
        assert any(branch.leak for tree in trees for branch in tree.branches)
        assert len({len(tree.branches) for tree in trees}) > 1


def test_what_a_tree_samples_depends_on_no_other_tree():
    """Not on how many abstractions came out before it, in which round: its seeds are of its own place."""

    def none_of_the_first(text, rng):
        return rules(text, rng) if "0 , 5" not in text else ("1 * a", "length")

    plan, found = planned(draws=9), []
    for write in (rules, none_of_the_first):
        trees = [Tree(problem) for problem in problems(4)]
        in_phases(made(write), trees, plan)
        found.append(trees)
    assert found[0][1:] == found[1][1:] and found[0][0] != found[1][0]


def test_a_tree_is_solved_and_judged_while_another_still_writes():
    """The first tree's abstraction ends when a solution of the second was judged, the second's last one after it."""
    judged, proposed, later = Gate(), Gate(), chain([False], repeat(True))

    def propose_ends(text):
        if "0 , 5" in text:
            judged.wait()
            proposed.open()

    def solve_ends(text):
        if "1 , 5" in text and next(later):
            proposed.wait()

    judge = FakeJudge(lambda text: judged.open())
    reasoner = made(lambda *_: ("1 * a", "stop"), judge=judge, proposed=propose_ends, solved=solve_ends)
    trees = [Tree(problem) for problem in problems(2)]
    flowing(reasoner, trees, planned(n=1, m=3, distinct=False, draws=1), skip_leaks=False)
    assert all(s.verdict for tree in trees for s in tree.sampled) and trees[1].branches


def test_a_branch_is_solved_while_its_own_tree_draws_again():
    solved = Gate()

    def propose(text, rng):
        propose.draws += 1
        return ("1 * a", "stop") if propose.draws < 3 else ("2 * a", "stop")

    propose.draws = 0

    def proposed(text):
        if propose.draws >= 2:  # the second round
            solved.wait()

    reasoner = made(propose, proposed=proposed, solved=lambda text: solved.open())
    tree = Tree(problems(1)[0])
    flowing(reasoner, [tree], planned(n=2, m=1, draws=4), skip_leaks=False)
    assert [branch.text for branch in tree.branches] == ["1 * a", "2 * a"] and len(tree.solutions) == 2


def test_bare_solutions_wait_for_no_abstraction():
    begun = Gate()
    reasoner = made(proposed=lambda text: begun.wait(), solved=lambda text: begun.open())
    trees, others = [Tree(problems(1)[0])], [Tree(problems(1)[0])]
    flowing(reasoner, trees, planned(), bare=bare_of(trees, others))
    assert len(others[0].bare) == 3 and len(trees[0].bare) == 1


class Ended(SamplerFailed):
    pass


def fails(text):
    raise Ended("The engine ended.")


def waits(text):
    time.sleep(0.5)


@pytest.mark.parametrize(
    "parts",
    [
        {"proposed": fails, "solved": waits},
        {"proposed": lambda text: waits(text) if "0 , 5" in text else None, "solved": fails},
        {"judge": FakeJudge(fails), "solved": waits},
    ],
    ids=["proposer", "solver", "judge"],
)
def test_an_error_in_the_middle_is_raised_and_leaves_nothing(parts):
    reasoner = made(**parts)
    trees = [Tree(problem) for problem in problems(3)]
    with pytest.raises(Ended, match="The engine ended"):
        flowing(reasoner, trees, planned())
    assert reasoner.proposer.open == reasoner.solver.open == 0


def test_a_verdict_that_fails_last_is_an_error_too():
    count = []

    def last(text):
        count.append(text)
        if len(count) == 6:
            fails(text)

    with pytest.raises(Ended):
        flowing(made(judge=FakeJudge(last)), [], planned(n=0), bare=[Bare([Tree(problems(1)[0])], 6, 1)])


def test_samplers_that_take_no_requests_meanwhile_keep_the_phases():
    reasoner = made()
    assert overlaps(reasoner)
    reasoner.solver = object()
    assert not overlaps(reasoner)
