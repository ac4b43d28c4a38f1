"""What a step's rollouts say of themselves."""

import pytest
import torch
from trees import tree

from rlad.config import CotrainConfig
from trainers.metrics.rollouts import rollout_statistics, step_summary
from trainers.runtime import zero3


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    monkeypatch.setattr(zero3, "total", lambda values, device: list(values))


def constant(trees, **keys):
    return rollout_statistics(trees, CotrainConfig(**keys), torch.device("cpu"))["rollout"]["constant_groups"]


def test_constant_groups_are_counted_as_they_are_compared():
    """Under one abstraction two of three groups teach nothing; across the first problem they do."""
    trees = [tree([[1, 1], [0, 0]], bare=[0, 0]), tree([[0, 1]])]
    assert constant(trees) == pytest.approx(2 / 3)
    assert constant(trees, solution_group="problem") == 0
    assert constant([*trees, tree([[0, 0], [0, 0]])], solution_group="problem") == pytest.approx(1 / 3)


def test_a_solver_without_abstractions_has_groups_too():
    assert constant([tree(bare=[1, 1]), tree(bare=[1, 0])], abstractions=0) == 0.5
    assert constant([tree([], bare=[1, 1])]) is None  # anchors are no group: they are constant by design


def test_the_terminal_says_how_many_groups_taught_nothing():
    row = {"step": 3, "rollout": {"coverage": 0.5, "constant_groups": 0.976}, "seconds": {"total": 2.0}}
    assert step_summary(row, {}, 10).endswith("|  coverage 0.50  |  constant groups 98 %  |  2.0 s")
    row["rollout"]["teaching_tokens"] = 0.016
    assert step_summary(row, {}, 10).endswith("|  constant groups 98 %  |  teaching tokens 1.6 %  |  2.0 s")
