"""The two rounds of a step's solutions: how many where, with which seeds, and what abstractions are paid."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from simulated_engine import Engine
from trees import solution

from rlad.config import load_config
from rlad.generation import Completion, Sampling
from rlad.problems import Problem
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Branch, Plan, Tree
from trainers.rollout import RolloutPhases
from trainers.runtime import zero3
from trainers.runtime.loggers import Stopwatch

RIGHT = {4: [1, 0, 1, 1], 5: [0, 0, 0], 6: [1, 1]}
"""Abstraction -> its solutions, one after another, right or wrong."""


class Solver:
    """Completes with one token; notes what it was asked."""

    def __init__(self):
        self.calls = []

    def generate(self, prompts, sampling):
        self.calls.append((prompts, sampling.seed))
        return [Completion((1,), (0.0,), "stop", 0) for _ in prompts]


class Letters:
    def ids(self, task, question, abstraction=None):
        return [int(abstraction or 0)]

    def completion_text(self, ids):
        return ""


class FixedJudge:
    """Judges by the place of a solution among its abstraction's."""

    def judge(self, trees):
        for tree in trees:
            for branch in tree.branches:
                for place, one in enumerate(branch.solutions):
                    one.verdict = solution(RIGHT[int(branch.text)][place]).verdict
            for place, one in enumerate(tree.bare):
                one.verdict = solution(RIGHT[4][place]).verdict


@pytest.fixture
def phases(monkeypatch):
    monkeypatch.setattr(zero3, "rank", lambda: 0)
    made = RolloutPhases.__new__(RolloutPhases)  # what a second round needs of all that a run has
    words = ["cotrain.adaptive.first=2", "cotrain.solutions=3", "cotrain.adaptive.prior=0.1", "cotrain.adaptive.most=4"]
    made.run = load_config(None, [*words, "solution.advantage=staged", "cotrain.bare.baseline_samples=0"])
    made.config, made.methods = made.run.cotrain, SimpleNamespace(solved=lambda trees, plan, seed: None)
    made.solver = Solver()
    made.reasoner = Reasoner(None, made.solver, Letters(), Letters(), None)
    made.reasoner.judge = FixedJudge().judge
    return made


def planned():
    return Plan(3, 3, Sampling(), Sampling(seed=101), first=2)


def test_what_is_left_goes_where_the_first_round_was_mixed(phases):
    tree = Tree(Problem("", "0", ""), branches=[Branch(text, text) for text in "456"])
    tree.branches.append(Branch("7", "7", leak=True))  # has no solution, and brings none for others
    phases.solve_and_judge([tree], [], planned(), step=1)
    # Of the three left over two go to the mixed one, which has its most then; the first of the two others gets one.
    assert [len(branch.solutions) for branch in tree.branches] == [4, 3, 2, 0]
    assert phases.solver.calls == [([[4], [4], [5], [5], [6], [6]], 101), ([[4], [4], [5]], 108)]
    assert [one.further for one in tree.branches[0].solutions] == [False, False, True, True]
    # 3 of 4 right, of which the first two had to be mixed; the others' share is what they are paid.
    assert [branch.reward for branch in tree.branches] == [0.5, 0.0, 1.0, None]
    assert all(one.verdict for one in tree.solutions)


class Letter:
    """A vocabulary of one-token texts."""

    def ids(self, task, question, abstraction=None):
        return [len(task), int(question), *map(int, (abstraction or "").split())]

    def completion_text(self, ids):
        return " ".join(map(str, ids))

    read_abstraction = decode = completion_text

    def completion_ids(self, text):
        return [int(text)]


def grown(phases, clock, streams):
    """A step's trees, with everything that may come between phases: a second round, a lagged solver, bare ones."""
    prompts = Letter()
    engines = [Engine(prompts, lambda text, rng: (str(rng.randrange(5)), "stop")) for _ in range(2)]
    if not streams:
        engines = [SimpleNamespace(generate=engine.generate) for engine in engines]
    judged = []

    def judge(items):
        judged.extend(items)
        return [solution(int(text) % 2 == 0).verdict for _, text in items]

    phases.reasoner = Reasoner(*engines, prompts, prompts, judge)

    def lagged(trees, plan, seed):
        own = SimpleNamespace(generate=Engine(prompts, lambda text, rng: ("2", "stop")).generate)
        phases.reasoner.solve(trees, replace(plan, solve=replace(plan.solve, seed=seed)), True, own)

    phases.methods = SimpleNamespace(solved=lagged)
    guided, bare = [[Tree(Problem("", str(number), "")) for number in numbers] for numbers in ((1, 2, 3), (4, 5))]
    phases.grow(guided, bare, 1, clock)
    assert len(judged) == sum(len(tree.sampled) for tree in guided + bare)  # each once
    return guided + bare


def test_a_step_whose_phases_overlap_grows_the_same_trees_in_the_same_phases(phases):
    phases.config.abstractions, phases.config.proposals, phases.config.bare.baseline_samples = 2, "distinct", 1
    clocks = Stopwatch(), Stopwatch()
    apart, together = (grown(phases, clock, streams) for clock, streams in zip(clocks, (False, True), strict=True))
    assert apart == together
    assert all(one.verdict for tree in apart for one in tree.sampled)
    assert all(len(branch.lagged) == 3 for tree in apart for branch in tree.branches)
    assert any(one.further for tree in apart for one in tree.solutions) and all(tree.bare for tree in apart)
    phased, overlapped = (clock.lap() for clock in clocks)
    assert set(phased) == {"propose", "gate", "solve", "judge", "total"} == set(overlapped) | {"gate"}
    assert sum(value for name, value in overlapped.items() if name != "total") <= overlapped["total"] + 1e-3


def test_a_lagged_solver_pays_what_it_solved(phases):
    phases.config.schedule.lag = 2
    tree = Tree(Problem("", "0", ""), branches=[Branch("4", "4")])
    phases.solve_and_judge([tree], [], planned(), step=1)
    assert len(tree.solutions) == 3 and tree.branches[0].reward is None


def test_a_solver_alone_has_its_problems_as_groups(phases):
    phases.config.abstractions = 0
    trees = [Tree(Problem("", "0", "")), Tree(Problem("", "1", ""))]
    phases.solve_and_judge([], trees, planned(), step=1)
    assert [len(tree.bare) for tree in trees] == [3, 3]  # one right of two each: the second solution is worth less
    assert sum(one.further for tree in trees for one in tree.bare) == 2


def test_without_a_first_round_there_is_one(phases):
    phases.config.adaptive.first = 0
    tree = Tree(Problem("", "0", ""), branches=[Branch("4", "4")])
    phases.solve_and_judge([tree], [], Plan(1, 3, Sampling(), Sampling(seed=101)), step=1)
    assert phases.solver.calls == [([[4]] * 3, 101)] and not any(one.further for one in tree.solutions)
