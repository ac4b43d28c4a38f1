"""Groups: which attempts are compared, and that critique and credit mean the same by one."""

from credit_rows import solution_rows
from trees import solution, tree

from rlad.config import BareConfig, CotrainConfig, PlayerConfig
from trainers.credit.groups import compared, groups
from trainers.rewards.voters import voters


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


def test_paid_bare_solutions_are_attempts_and_no_anchors():
    paid, unpaid = (CotrainConfig(bare=BareConfig(paid=paid)) for paid in (True, False))
    alone, beside = tree(bare=[1, 0]), tree([[1, 0]], bare=[1, 1])
    assert [group.attempts for group in groups(alone, paid)] == [alone.bare]
    assert [group.attempts for group in groups(beside, paid)] == [beside.branches[0].solutions, beside.bare]
    rows = solution_rows([alone, beside], paid, PlayerConfig())
    assert [(row.advantage, row.pg_weight, row.bare) for row in rows] == [(a, 1.0, False) for a in [0.5, -0.5] * 2]
    rows = solution_rows([alone, beside], unpaid, PlayerConfig())
    assert [(row.pg_weight, row.bare) for row in rows] == [(0.0, True)] * 2 + [(1.0, False)] * 2


def test_paid_bare_solutions_are_a_context_of_their_own_across_a_problem():
    config = CotrainConfig(solution_group="problem", bare=BareConfig(paid=True))
    (whole,) = compared(tree([[1, 0], [1, 1]], bare=[0, 0]), config)
    assert len(whole.attempts) == 6
    player = PlayerConfig(advantage="nudge")
    player.of("nudge").whiten = False
    rows = solution_rows([tree([[1, 0], [1, 1]], bare=[0, 0])], config, player)
    # Means .5, 1 and 0 around .5: R - .5, and a tenth of each context's lead.
    assert [round(row.advantage, 6) for row in rows] == [0.5, -0.5, 0.55, 0.55, -0.55, -0.55]


def test_the_parts_of_a_solution_are_no_bare_prompts_though_nobody_drew_them():
    guided = tree([[1, 0]], bare=[1, 0])
    guided.draws = []
    rows = solution_rows([guided], CotrainConfig(proposals="reference"), PlayerConfig())
    assert [row.bare for row in rows] == [False, False]
    assert voters(guided) is None  # and nobody's belief in them can be asked for
