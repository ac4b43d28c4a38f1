"""With `schedule.lag` the lagged solver's solutions pay the abstractions, and the learner's own train the learner."""

from types import SimpleNamespace

import pytest
from credit_rows import solution_rows
from fake_players import world_prompts
from trees import solution, tree

from rlad.config import load_config
from rlad.generation import Completion, Sampling
from rlad.problems import load_problems, make_world
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Branch, Draw, Plan, Tree
from trainers.credit.draws import draw_rewards
from trainers.methods.hooks import Methods


class Says:
    """A sampler that always writes one text, and notes what it was asked for."""

    def __init__(self, prompts, text):
        self.ids, self.asked = tuple(prompts.completion_ids(text)), []

    def generate(self, prompts, sampling):
        self.asked.append((len(prompts), sampling))
        return [Completion(self.ids, (0.0,) * len(self.ids), "stop", 0)] * len(prompts)


@pytest.fixture
def step():
    """One problem with two abstractions, one of them a leak, solved by a wrong learner and then by a right snapshot."""
    run = load_config(None, ["problems.train=1", "cotrain.schedule.lag=3"])
    world, prompts = make_world(run.problems), world_prompts()
    problem = load_problems(run.problems, "train")[0]
    learner, lagged = Says(prompts, "\\boxed{ 9999 }"), Says(prompts, f"\\boxed{{ {problem.answer} }}")
    reasoner = Reasoner(learner, learner, prompts, prompts, Judge(run.verifier, world), world)
    made = Tree(problem, branches=[Branch("1 a + 1 b", "x"), Branch(problem.answer, "y", leak=True)])
    made.draws = [Draw([1], Completion((i,), (0.0,), "stop", 0), "z", i) for i in range(2)]
    plan = Plan(2, 3, Sampling(1.0, 8, 1), Sampling(0.7, 16, 2))
    methods = Methods.__new__(Methods)  # of all that a run has, the lagged solver alone
    methods.config, methods.lagged = run.cotrain, SimpleNamespace(sampler=lagged)
    methods.tools = SimpleNamespace(reasoner=reasoner)
    reasoner.solve([made], plan, skip_leaks=True)
    methods.solved([made], plan, seed=77)
    reasoner.judge([made])
    return run, made, learner, lagged


def test_the_snapshot_solves_with_every_abstraction_that_passed_the_gate(step):
    _, made, learner, lagged = step
    assert learner.asked == [(3, Sampling(0.7, 16, 2))]
    assert lagged.asked == [(3, Sampling(0.7, 16, 77))]  # samples of its own
    assert [len(branch.lagged) for branch in made.branches] == [3, 0]


def test_the_snapshot_pays_the_abstraction(step):
    run, made, *_ = step
    assert [s.correct for s in made.branches[0].solutions] == [False] * 3
    assert draw_rewards(made, run.cotrain) == [1.0, run.cotrain.gate.penalty]


def test_the_learner_learns_from_its_own(step):
    run, made, learner, _ = step
    run.cotrain.drop_constant_groups = False
    rows = solution_rows([made], run.cotrain, run.solution)
    assert len(rows) == 3 and {row.completion for row in rows} == {learner.ids}


def test_without_a_snapshot_the_learner_pays():
    config = load_config(None, []).cotrain
    made = tree([[1, 0], [0, 0]])
    assert draw_rewards(made, config) == [0.5, 0.0]
    made.branches[1].lagged = [solution(1), solution(1)]
    assert draw_rewards(made, config) == [0.5, 1.0]
