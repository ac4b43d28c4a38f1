"""The selector: which trees it is asked about, all answers at once or in Swiss rounds, what it is paid."""

import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
from voted import voted

from rlad.config import CotrainConfig, RunConfig
from rlad.generation import Completion
from rlad.players.prompts import Prompts
from rlad.players.roles import role_of
from rlad.players.roles.selector import asked_about
from rlad.players.tokenizer import world_tokenizer
from rlad.problems import load_problems, make_world
from rlad.reasoning.tree import Tree
from rlad.verifier import Outcome, extract_answer

ROLE = role_of("selector")
RUN = RunConfig()
WORLD = make_world(RUN.problems)
PROMPTS = Prompts(world_tokenizer(WORLD.vocabulary(), 256, ROLE.marks))


def answered(*answers):
    """A tree with one abstraction for each answer; "1" is right. Every solution says its answer in a box."""
    tree = voted([(0.1, [answer]) for answer in answers])
    for solution in tree.solutions:
        solution.text = f"so \\boxed{{ {solution.verdict.pred} }}"
    return tree


def act(trees, says, **keys):
    """Lets the selector act; `says(prompt)` is its answer. Returns the prompts that it was asked."""
    asked = []

    def ask(rows):
        asked.extend(PROMPTS.decode(row) for row in rows)
        return [Completion(tuple(PROMPTS.completion_ids(says(PROMPTS.decode(row)))), (), "stop", 0) for row in rows]

    run = RunConfig(cotrain=CotrainConfig(selections=2, **keys))
    ROLE.act(trees, PROMPTS, ask, run)
    return asked


HARD, EASY = ("2", "2", "1", "3"), ("1", "1", "2")


def test_hard_and_easy_trees_are_balanced():
    trees = [answered(*EASY) for _ in range(5)] + [answered(*HARD), answered("2", "3"), answered("1")]
    assert asked_about(trees, None) == trees[:7]  # one answer leaves nothing to choose
    assert asked_about(trees, 1.0) == [trees[0], trees[5]]
    assert asked_about(trees, 2.5) == [*trees[:3], trees[5]]
    assert asked_about(trees[:5], 1.0) == []


def test_all_answers_at_once():
    tree = answered(*HARD)
    asked = act([tree], lambda prompt: "1")
    assert len(asked) == 2 and asked[0].startswith("<select>") and asked[0].endswith("<sep> 2 <sep> 1 <sep> 3 <sep>")
    (group,) = ROLE.groups(tree, None)
    assert [sample.reward for sample in group.samples] == [1.0, 1.0]
    assert tree.settled["selector"] == (True, False)
    assert tree.tokens >= 2 * 2  # its tokens count


def boxes(prompt):
    return [part.split("}")[0].strip() for part in prompt.split("\\boxed{")[1:]]


def test_all_answers_at_once_with_a_solution_of_each():
    tree = answered(*HARD)
    asked = act([tree], lambda prompt: "1", selector_solutions=True)
    assert len(asked) == 2 and asked[0].startswith("<compare>") and boxes(asked[0]) == ["2", "1", "3"]
    assert tree.settled["selector"] == (True, False)
    run = RunConfig(cotrain=CotrainConfig(selector_solutions=True))
    assert ROLE.reads(run) == 8 * run.solution.max_new_tokens


def test_swiss_rounds_find_what_the_vote_does_not():
    tree = answered("2", "2", "2", "1", "3", "4", "4")
    asked = act([tree], lambda prompt: min(boxes(prompt)), selector_rounds=2)  # "1" wins all of its comparisons
    assert all(prompt.startswith("<compare>") for prompt in asked) and len(asked) == 2 * (2 + 2)
    pairs = [tuple(sorted(boxes(prompt))) for prompt in asked[::2]]
    assert len(set(pairs)) == 4  # nobody meets the same twice
    groups = ROLE.groups(tree, None)
    assert [len(group.samples) for group in groups] == [2] * 4
    paid = {tuple(boxes(PROMPTS.decode(g.samples[0].prompt))): g.samples[0].reward for g in groups}
    assert all(reward == float("1" in pair) for pair, reward in paid.items()) and sum(paid.values()) == 2
    assert tree.settled["selector"] == (True, False)


def test_who_stands_first_changes():
    firsts = set()
    for rounds in (1, 2):
        tree = answered("1", "2", "3")
        firsts |= {tuple(boxes(prompt)) for prompt in act([tree], lambda prompt: "7", selector_rounds=rounds)}
    assert any(a > b for a, b in firsts) and any(a < b for a, b in firsts)
    assert tree.settled["selector"] == (True, True)  # nothing was chosen: the most frequent answer stays


def test_a_choice_without_training_names_the_place_of_an_answer():
    """As a sweep asks: all trees are asked about, one text a prompt, and nothing depends on who was right."""
    trees = [answered(*EASY), answered("2"), answered(None), answered("3", "2", "2")]
    for tree in trees:
        for solution in tree.solutions:
            solution.verdict = replace(solution.verdict, outcome=Outcome.incorrect)
    asked = []

    def ask(rows):
        asked.extend(PROMPTS.decode(row) for row in rows)
        return [Completion(tuple(PROMPTS.completion_ids("3" if "3" in text else "2")), (), "stop", 0) for text in asked]

    boards = [(Tree(tree.problem), tree.answers()) for tree in trees]
    assert ROLE.choose(boards, PROMPTS, ask, RUN) == [1, 0, None, 0]
    assert [len(tree.written.get("selector", [])) for tree, _ in boards] == [1, 0, 0, 1]
    assert asked[1].endswith("<sep> 2 <sep> 3 <sep>")  # the most frequent answer is shown first


def right(problem, text):
    return extract_answer(text) == problem.answer


def test_demonstrated_comparisons_show_a_right_and_a_wrong_solution():
    rng, shown = random.Random(0), []
    for problem in load_problems(RUN.problems, "train")[:40]:
        one = ROLE.demonstrate("compare", problem, WORLD, right, rng)
        if one is None:
            continue
        flags = [right(problem, text) for text in one.parts["solutions"]]
        assert sorted(flags) == [False, True] and flags[int(one.chat) - 1] and one.world == problem.answer
        shown.append(int(one.chat))
    assert set(shown) == {1, 2}


@pytest.mark.parametrize(("task", "part"), [("select", "answers"), ("compare_all", "solutions")])
def test_demonstrations_show_every_answer_once(task, part):
    rng, places = random.Random(0), set()
    for problem in load_problems(RUN.problems, "train")[:40]:
        if one := ROLE.demonstrate(task, problem, WORLD, right, rng):
            answers = [extract_answer(text) if task == "compare_all" else text for text in one.parts[part]]
            assert len(set(answers)) == len(answers) > 1 and answers[int(one.chat) - 1] == one.world == problem.answer
            places.add(int(one.chat))
    assert len(places) > 2  # the right one may stand anywhere


def test_rounds_are_counted_in_the_plan():
    run = SimpleNamespace(cotrain=CotrainConfig(selections=3, selector_rounds=2), solution=RUN.solution)
    assert ROLE.samples(run, 4, 1) == 5 * 3 * 2 * 4 and ROLE.reads(run) == 2 * RUN.solution.max_new_tokens
