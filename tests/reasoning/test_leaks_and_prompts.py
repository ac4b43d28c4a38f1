"""The leak gate on the cases that fool simple ones; the roles' prompts for worlds and for chat models."""

import pytest

from rlad.config import ModelConfig, ProblemsConfig
from rlad.players.policy import load_tokenizer
from rlad.players.prompts import Prompts
from rlad.problems import load_problems, make_world
from rlad.reasoning.leaks import leaks


@pytest.mark.parametrize(
    "abstraction, gold, leak",
    [
        ("consider 2 variables", "2", False),
        ("the answer is 2", "2", True),
        ("the answer is 23", "2", False),
        ("x = 10", "1", False),
        ("so x = 1", "1", True),
        ("equals 0.5", "1/2", True),
        (r"it is \frac{1}{2}", "1/2", True),
        ("halve it twice", "1/2", False),
        ("think of 1729", "1729", True),
        ("think of 1,729", "1729", True),
        (r"note \sqrt{2} first", r"\sqrt{2}", True),
        ("compare with <= 3", "3", False),
        ("use 2 a + 1 b", "2", False),
        ("", "5", False),
    ],
)
def test_leaks(abstraction, gold, leak):
    assert leaks(abstraction, gold) is leak


@pytest.mark.parametrize("source", ["induction", "countdown", "algebra"])
def test_the_worlds_own_demonstrations_pass_the_gate(source):
    import random

    config = ProblemsConfig(source=source, train=150)
    world, rng = make_world(config), random.Random(0)
    proposals = [(world.propose(problem, rng), problem.answer) for problem in load_problems(config, "train")]
    assert sum(leaks(text, gold) for text, gold in proposals) == 0


@pytest.fixture(scope="module")
def prompts():
    return Prompts(load_tokenizer(ModelConfig(), ProblemsConfig()))


def test_world_prompts_name_their_task_and_round_trip(prompts):
    ids = prompts.ids("guided", "3 , 5 > 14 ; 4 , 1 > ?", "2 a + 1 b")
    assert prompts.decode(ids) == "<guided> 3 , 5 > 14 ; 4 , 1 > ? <sep> 2 a + 1 b <sep>"
    assert prompts.tokenizer.unk_token_id not in ids
    completion = prompts.completion_ids("9 + 3 = 12 \\boxed{ 12 }")
    assert completion[-1] == prompts.tokenizer.eos_token_id
    assert prompts.decode(completion).strip() == "9 + 3 = 12 \\boxed{ 12 }"


def test_a_guided_prompt_without_abstraction_is_an_error_never_a_bare_prompt(prompts):
    for abstraction in (None, "", "  "):
        with pytest.raises(ValueError, match="abstraction"):
            prompts.ids("guided", "3 , 5 > 14", abstraction)
    with pytest.raises(ValueError, match="abstraction"):
        prompts.ids("plain", "3 , 5 > 14", "2 a + 1 b")


class ChatTokenizer:
    chat_template = "yes"
    eos_token = "<end>"

    def get_vocab(self):
        return {}

    def apply_chat_template(self, messages, tokenize, add_generation_prompt, enable_thinking):
        return f"{messages[0]['content']}|thinking={enable_thinking}"

    def decode(self, ids, skip_special_tokens):
        return "<think>hmm, maybe 12</think>\n<abstraction>Look at parities.</abstraction><end>"


def test_chat_prompts():
    prompts = Prompts(ChatTokenizer())
    guided = prompts.text("guided", "What is {x}?", "try {small} cases")
    assert "<abstraction>\ntry {small} cases\n</abstraction>" in guided and "What is {x}?" in guided
    assert guided.endswith("thinking=True")
    assert prompts.text("propose", "q").endswith("thinking=False")
    assert "<abstraction>" not in prompts.text("plain", "q")
    assert prompts.read_abstraction([1]) == "Look at parities."
