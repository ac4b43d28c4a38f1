"""Groups: which attempts are compared, and that critique and credit mean the same by one."""

from trees import solution, tree

from rlad.config import CotrainConfig
from trainers.credit.groups import compared, groups


def test_one_group_per_abstraction_and_the_lists_are_the_trees_own():
    t = tree([[1, 0], [], [0, 0]])
    found = groups(t, CotrainConfig())
    assert [group.abstraction for group in found] == ["z0", "z2"]  # nothing was solved with z1
    assert found[1].attempts is t.branches[2].solutions
    found[1].refined.append(solution(True))
    assert t.branches[2].refined
    assert compared(t, CotrainConfig()) == found


def test_a_problem_can_be_one_group_of_all_attempts_and_refinements():
    t = tree([[1, 0], [0, 0]])
    t.branches[1].refined.append(solution(True))
    (whole,) = compared(t, CotrainConfig(solution_group="problem"))
    assert whole.attempts == t.solutions and whole.refined == t.branches[1].refined
    assert len(groups(t, CotrainConfig(solution_group="problem"))) == 2  # what is refined is chosen by prompt


def test_without_abstractions_the_bare_attempts_are_the_group():
    alone, t = CotrainConfig(abstractions=0), tree(bare=[1, 0])
    assert compared(t, alone) == groups(t, alone)
    assert groups(t, alone)[0].attempts is t.bare
    assert groups(tree(), alone) == groups(tree(), CotrainConfig(solution_group="problem")) == []
