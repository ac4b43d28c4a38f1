"""Lists of abstractions: read item by item, paid item by item, demonstrated, counted."""

import random

import pytest
from chat_tokenizers import chat_tokenizer
from credit_rows import abstraction_rows
from trees import solution

from rlad.config import CotrainConfig, MixtureConfig, PlayerConfig, RunConfig
from rlad.generation import Completion, Sampling
from rlad.players.prompts import Prompts
from rlad.players.roles import role_of
from rlad.players.tokenizer import SET_TOKEN, world_tokenizer
from rlad.problems import load_problems, make_world
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Tree
from trainers.data.demonstrations import Demonstrations

RUN = RunConfig()
WORLD = make_world(RUN.problems)
PROMPTS = Prompts(world_tokenizer(WORLD.vocabulary(), 256, [SET_TOKEN]))
PROBLEM = load_problems(RUN.problems, "train")[0]
LIST = "2 a + 1 b <sep> 1 max <sep> 2 a + 1 b <sep> 3 times <sep> 1 min"


class Lister:
    """Writes one list for every prompt, and notes what it was asked for."""

    def __init__(self, text, reason="stop"):
        self.ids = PROMPTS.completion_ids(text)[: None if reason == "stop" else -1]
        self.reason, self.asked = reason, []

    def generate(self, prompts, sampling):
        self.asked.append((prompts, sampling))
        logprobs = tuple(-float(i) for i in range(len(self.ids)))
        return [Completion(tuple(self.ids), logprobs, self.reason, 7, model_logprob=-1.0) for _ in prompts]


def grown(text, n=4, reason="stop"):
    lister, tree = Lister(text, reason), Tree(PROBLEM)
    plan = Plan(n, 1, Sampling(max_new_tokens=8), Sampling(), joint=True)
    Reasoner(lister, None, PROMPTS, PROMPTS, None, WORLD).propose([tree], plan)
    return tree, lister


def test_one_text_lists_all_abstractions():
    tree, lister = grown(LIST)
    ((prompts, sampling),) = lister.asked
    assert [PROMPTS.decode(ids) for ids in prompts] == [f"{SET_TOKEN} 4 {PROBLEM.question} <sep>"]
    assert sampling.max_new_tokens == 4 * 8
    assert [branch.text for branch in tree.branches] == ["2 a + 1 b", "1 max", "3 times"]
    assert [draw.branch for draw in tree.draws] == [0, 1, 0, 2, None]  # the fifth is one too many
    assert tree.tokens == len(lister.ids)  # every token of the list counts, and once


def test_an_item_is_paid_for_its_own_tokens_in_view_of_those_before_it():
    tree, lister = grown(LIST)
    prompt = lister.asked[0][0][0]
    for branch, right in zip(tree.branches, (True, False, False), strict=True):
        branch.solutions = [solution(right)]
    rows = abstraction_rows([tree], CotrainConfig(proposals="joint", abstractions=4), PlayerConfig())
    at = 0
    for row, draw in zip(rows, tree.draws, strict=True):
        assert (*row.prompt, *row.completion) == (*prompt, *lister.ids[: at + len(row.completion)])
        assert draw.completion.logprobs == tuple(-float(i) for i in range(at, at + len(row.completion)))
        assert draw.completion.model_logprob is None and draw.completion.version == 7
        at += len(row.completion)
    assert at == len(lister.ids)
    assert [row.advantage for row in rows] == pytest.approx([r - 0.36 for r in (1, 0, 1, 0, -0.2)])


def test_what_is_cut_off_is_no_item_and_a_list_of_nothing_is_one_failed_draw():
    tree, _ = grown("2 a + 1 b <sep> 1 max", reason="length")
    assert [branch.text for branch in tree.branches] == ["2 a + 1 b"]
    assert [draw.branch for draw in tree.draws] == [0, None]
    tree, lister = grown("<sep> <sep>")
    assert not tree.branches and [draw.branch for draw in tree.draws] == [None]
    assert tree.tokens == len(lister.ids)


def test_a_chat_model_writes_a_line_each():
    prompts = Prompts(chat_tokenizer("chatml"))
    ids = prompts.completion_ids("\n1. Count by parity.\n\n2) Look at\nthe ends 3 times.\n", "propose_set")
    items = prompts.read_list(ids)
    assert [text for *_, text in items] == ["Count by parity.", "Look at", "the ends 3 times."]
    assert [start for start, *_ in items] == [0, *(end for _, end, _ in items[:-1])] and items[-1][1] == len(ids)
    asked = prompts.text("propose_set", "What is 2 + 3?", number="4")
    assert "What is 2 + 3?" in asked and "a list of 4 short" in asked


@pytest.mark.parametrize("template, opened", [("chatml", "<think>"), ("thinker", "")])
def test_nothing_of_a_thought_is_an_item(template, opened):
    prompts = Prompts(chat_tokenizer(template))

    def read(text):
        items = prompts.read_list(prompts.plain([(text, None)]))
        return [text for *_, text in items], items

    texts, items = read(f"{opened}12?\nor 13\n</think>\n\n1. Count.\n2. Halve.\n")
    assert texts == ["Count.", "Halve."] and items[0][0] == 0  # the thought's tokens are the first item's
    assert read(f"{opened}12?\nor 13\n")[0] == [""]
    if opened:
        assert read("Count.\nHalve.\n<think>12?\nor 13")[0] == ["Count.", "Halve.", ""]


def test_demonstrated_lists_say_how_many_different_ones_they_hold():
    problems = load_problems(RUN.problems, "train")[:20]
    none = dict.fromkeys(("plain", "propose", "guided"), 0.0)
    mixture = MixtureConfig(**none, propose_set=1.0)
    shown = Demonstrations(problems, WORLD, PROMPTS, mixture, [role_of("abstraction")])
    rng, numbers = random.Random(3), set()
    for _ in range(40):
        task, row = shown.draw(rng)
        assert task == "propose_set"
        number = int(PROMPTS.decode(list(row.prompt)).split()[1])
        texts = [text for *_, text in PROMPTS.read_list(list(row.completion))]
        assert len(texts) == len({WORLD.canonical_abstraction(text) for text in texts}) == number >= 2
        numbers.add(number)
    assert len(numbers) > 2
