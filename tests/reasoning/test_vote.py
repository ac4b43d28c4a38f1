"""The vote of a tree while it grows: when it is over."""

import pytest
from voted import voted

from rlad.reasoning.vote import Vote


def counted(branches, inside):
    """A vote by π_abs in which the solutions at `inside` have come in."""
    tree = voted(branches)
    vote = Vote(tree, "proposer")
    for branch, index in inside:
        solution = tree.branches[branch].solutions[index]
        solution.text = f"\\boxed{{ {branches[branch][1][index]} }}"
        vote.add((branch, index), solution)
    return vote


@pytest.mark.parametrize(("first", "over"), [(0.8, True), (0.55, False)])
def test_an_outstanding_solution_has_its_part_of_its_abstractions_weight(first, over):
    """By hand: of three solutions two are in and weigh 2/3 of .8, .533; what is left to the others is .267 + .2 = .467.
    With .55 it is .367 against .183 + .45 = .633."""
    branches = [(first, "115"), (1 - first, "5")]
    vote = counted(branches, [(0, 0), (0, 1)])
    assert vote.decided({0: 1, 1: 1}) is over
