"""First parts of worked solutions in the place of abstractions: nothing is drawn, and never the whole is shown."""

import pytest
from chat_tokenizers import chat_tokenizer
from fake_players import world_prompts

from rlad.config import ProblemsConfig
from rlad.generation import Sampling
from rlad.players.prompts import Prompts
from rlad.problems import Problem, load_problems, make_world
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Tree

WORKED = "first add 3 and 4, then double: 14"


def grown(problem, prompts, world=None, number=3, most=100):
    plan = Plan(number, 1, Sampling(1.0, most, 0), Sampling(1.0, 8, 0), reference=True)
    tree = Tree(problem)
    Reasoner(None, None, prompts, prompts, None, world).propose([tree], plan)  # no sampler is asked for anything
    return tree


def test_parts_of_the_data_s_solution_open_branches_and_nothing_is_drawn():
    tree = grown(Problem("p", "question", "14", solution=WORKED), Prompts(chat_tokenizer("chatml")))
    assert [branch.text for branch in tree.branches] == ["first add", "first add 3 and", "first add 3 and 4, then"]
    assert tree.draws == [] and tree.tokens == 0


def test_parts_are_no_longer_than_an_abstraction_may_be():
    prompts = Prompts(chat_tokenizer("chatml"))
    tree = grown(Problem("p", "question", "14", solution=WORKED), prompts, most=5)
    assert tree.branches and all(len(prompts.plain([(b.text, None)])) <= 5 for b in tree.branches)


def test_equal_parts_are_one_branch_and_a_problem_without_a_solution_has_none():
    prompts = Prompts(chat_tokenizer("chatml"))
    assert len(grown(Problem("p", "question", "14", solution="add all"), prompts, number=3).branches) == 1
    assert grown(Problem("p", "question", "14"), prompts).branches == []


@pytest.mark.parametrize("number", [1, 2])
def test_a_world_works_its_problems_out_itself(number):
    config = ProblemsConfig(train=1)
    (problem,) = load_problems(config, "train")
    first, again = (grown(problem, world_prompts(), make_world(config), number) for _ in range(2))
    assert len(first.branches) == number
    assert [b.text for b in first.branches] == [b.text for b in again.branches]  # the same in every epoch and process
    assert not any("boxed" in branch.text for branch in first.branches)
