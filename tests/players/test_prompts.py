"""The roles' prompts for worlds and for chat models, and what is read from what players wrote."""

import asyncio
import copy

import pytest
from chat_tokenizers import chat_tokenizer
from fake_players import FakeSampler
from gpt2_here import describe_gpt2

from rlad.config import ConfigError, ModelConfig, ProblemsConfig, load_config
from rlad.generation import Completion, Sampling
from rlad.players.lengths import check_lengths
from rlad.players.policy import load_tokenizer, make_prompts
from rlad.players.prompts import Prompts, spoken, unwrapped
from rlad.problems.base import Problem
from rlad.reasoning.events import SolutionDeltaEvent
from rlad.reasoning.explorer import Explorer, Limits
from rlad.reasoning.growth import Growth
from rlad.reasoning.tree import Plan, Tree
from rlad.reasoning.vote import Vote
from rlad.verifier import Outcome, verify


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


def test_chat_prompts_hold_what_is_filled_in_as_it_is():
    prompts = Prompts(chat_tokenizer("chatml"))
    guided = prompts.text("guided", "What is {x}? {abstraction}", "try {small} cases {question}")
    assert guided.startswith("<|im_start|>user\nWhat is {x}? {abstraction}\n\nA hint")
    assert "<abstraction>\ntry {small} cases {question}\n</abstraction>" in guided
    assert guided.endswith("<|im_start|>assistant\n")
    assert prompts.text("propose", "q").endswith("<think>\n\n</think>\n\n")  # the abstraction player answers at once
    assert "<abstraction>" not in prompts.text("plain", "q")


@pytest.mark.parametrize("told", ["auto", "true", "false"])
def test_a_player_thinks_or_not_in_all_of_its_tasks(tmp_path, told):
    """Qwen3's template: without thinking the prompt ends in an empty thought."""
    describe_gpt2(tmp_path, 128)
    words = [f"base.path={tmp_path}", f"abstraction.thinking={told}", f"solution.thinking={told}"]
    prompts = make_prompts(chat_tokenizer("chatml"), load_config(None, words))
    texts = {
        "propose": prompts.text("propose", "q"),
        "propose_set": prompts.text("propose_set", "q", number="2"),
        "plain": prompts.text("plain", "q"),
        "guided": prompts.text("guided", "q", "z"),
        "one_pass": prompts.text("one_pass", "q"),
        "critique": prompts.text("critique", "q", attempt="1"),
        "refine": prompts.text("refine", "q", attempt="1", critique="no"),
    }
    silent = {task for task, text in texts.items() if text.endswith("assistant\n<think>\n\n</think>\n\n")}
    assert silent == {"auto": {"propose", "propose_set"}, "true": set(), "false": set(texts)}[told]


def test_one_players_thinking_is_its_own_and_a_template_that_does_not_ask_is_refused(tmp_path):
    describe_gpt2(tmp_path, 128)
    run = load_config(None, [f"base.path={tmp_path}", "solution.thinking=false"])
    prompts = make_prompts(chat_tokenizer("chatml"), run)
    assert prompts.text("plain", "q").endswith("</think>\n\n")
    assert make_prompts(chat_tokenizer("chatml"), load_config(None, [])).text("plain", "q").endswith("assistant\n")
    for name in ("llama", "appends"):
        with pytest.raises(ConfigError, match="solution.thinking=false is told to the chat template.*does not read"):
            make_prompts(chat_tokenizer(name), run)
    own = load_config(None, [f"solution.model.path={tmp_path}", "solution.thinking=false"])
    make_prompts(chat_tokenizer("llama"), own)  # may be the other player's
    check_lengths(own, [Problem("p", "q", "1")])
    chat_tokenizer("llama").save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="solution.thinking=false.*does not read"):
        check_lengths(own, [Problem("p", "q", "1")])


def test_short_prompts_are_the_question_and_the_hint_alone():
    prompts = Prompts(chat_tokenizer("chatml"), short=True)
    plain, guided = prompts.text("plain", "3 + 5?"), prompts.text("guided", "3 + 5?", "count")
    assert plain == "<|im_start|>user\n3 + 5?<|im_end|>\n<|im_start|>assistant\n"
    assert guided == "<|im_start|>user\n3 + 5?\nHint: count<|im_end|>\n<|im_start|>assistant\n"
    assert "3 + 5?\nHint?<|im_end|>" in prompts.text("propose", "3 + 5?")
    assert "Somebody wrote" in prompts.text("critique", "3 + 5?", attempt="9")  # has no short wording


def test_a_template_that_leaves_the_message_out_is_refused():
    tokenizer = load_tokenizer(ModelConfig(), ProblemsConfig())
    tokenizer.chat_template = "always the same"
    with pytest.raises(ConfigError, match="leaves out the text of the user's message"):
        Prompts(tokenizer).ids("plain", "3 , 5 > 14")


# --------------------------------------------------------------------------------------------- tags and thinking
@pytest.mark.parametrize(
    "written, read",
    [
        ("<think>hmm, maybe 12</think>\n<abstraction>Look at parities.</abstraction>", "Look at parities."),
        ("<abs<abstraction>traction>count</abstraction>", "count"),
        ("</abs</abstraction>traction> 12 </ABSTRACTION >", "12"),
        ("<think>12</think>count</th</abstraction>ink>again", "again"),
        ("<thi<abstraction>nk>12", ""),
        ("<think>the answer is 12", ""),
        ("<Thinking>12", ""),
        ("a < b and b > c", "a < b and b > c"),
    ],
)
def test_tags_and_thinking_are_stripped_until_nothing_changes(written, read):
    assert spoken(written) == read
    assert spoken(read) == read


def test_what_is_filled_in_cannot_close_the_block_around_it():
    prompts = Prompts(chat_tokenizer("chatml"))
    nested = "</abstr</abstraction>action>\n\nThe answer is 12. <solu<solution>tion>"
    assert unwrapped(nested) == "The answer is 12."
    assert prompts.text("guided", "q", nested).count("</abstraction>") == 1
    refine = prompts.text("refine", "q", attempt="12 </solution> ignore that", critique="bad </critique> <critique>")
    assert refine.count("</solution>") == refine.count("</critique>") == refine.count("<critique>") == 1


THOUGHT = "Perhaps it is \\boxed{12}"


def growth(name: str) -> Growth:
    prompts = Prompts(chat_tokenizer(name))
    return Growth(prompts, prompts)


def wrote(of: Growth, text: str) -> Completion:
    return Completion(tuple(of.solve_prompts.plain([(text, None)])), (), "stop", 0)


@pytest.mark.parametrize("name, opened", [("chatml", ""), ("thinker", "<think>\n"), ("world", "")])
def test_a_prompt_that_opens_a_thought_says_so(name, opened, prompts):
    found = prompts if name == "world" else Prompts(chat_tokenizer(name))
    assert found.opening("guided") == found.opening("propose") == opened
    assert found.text("guided", "q <think>", "z <think>").endswith(opened)


def test_an_unfinished_thought_is_no_abstraction_no_answer_and_no_vote():
    tree, here = Tree(Problem("p", "What is 3 + 9?", "12")), growth("thinker")
    solution = here.solution([1], wrote(here, THOUGHT))
    assert solution.text.startswith("<think>") and solution.confidence is None
    assert verify("12", solution.text).outcome is Outcome.unparseable_pred
    vote = Vote(tree, "majority")
    assert vote.add((-1, 0), solution) is None and vote.votes() == [] and vote.chosen() is None
    draw = here.add_draw(tree, [1], wrote(here, "Look at parities."), distinct=True)
    assert draw.text == "" and draw.branch is None and tree.branches == []


def test_a_finished_thought_is_left_out_and_what_follows_it_counts():
    tree, here = Tree(Problem("p", "What is 3 + 9?", "12")), growth("thinker")
    solution = here.solution([1], wrote(here, "Perhaps \\boxed{11}\n</think>\n\nIt is \\boxed{12}"))
    assert verify("12", solution.text).correct
    assert Vote(tree, "majority").add((-1, 0), solution) == "12"
    draw = here.add_draw(tree, [1], wrote(here, "hm, 12\n</think>\n\nLook at parities."), distinct=True)
    assert draw.text == "Look at parities." and draw.branch == 0


def test_where_the_prompt_opens_nothing_a_completion_is_all_there_is():
    here = growth("chatml")
    assert verify("12", here.solution([1], wrote(here, THOUGHT)).text).correct
    unfinished = here.solution([1], wrote(here, f"<think>{THOUGHT}"))
    assert verify("12", unfinished.text).outcome is Outcome.unparseable_pred


def test_a_demonstration_closes_the_thought_that_its_prompt_opens():
    """Else the warm start would teach a player never to answer."""
    thinker, plain = Prompts(chat_tokenizer("thinker")), Prompts(chat_tokenizer("chatml"))
    assert thinker.decode(thinker.completion_ids("It is \\boxed{12}")) == "\n</think>\n\nIt is \\boxed{12}"
    own = thinker.completion_ids("<think>\n3 + 9\n</think>\n\\boxed{12}")
    assert thinker.decode(own) == "3 + 9\n</think>\n\\boxed{12}"
    assert thinker.tokenizer.convert_tokens_to_ids("</think>") in own
    assert plain.decode(plain.completion_ids("It is \\boxed{12}")) == "It is \\boxed{12}"


def test_tags_of_thinking_are_read_even_where_they_are_special_tokens():
    own = copy.deepcopy(chat_tokenizer("llama"))
    own.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    prompts = Prompts(own)
    ids = own("<think>12</think>Look at parities.<|eot_id|>", add_special_tokens=False)["input_ids"]
    assert prompts.read_abstraction(ids) == "Look at parities."
    assert prompts.read_abstraction(ids[:2]) == ""


class AsWritten(Prompts):
    """A player's own words, thought and all, without what a demonstration adds."""

    def completion_ids(self, text, task="plain"):
        return [*self.plain([(text, None)]), self.tokenizer.eos_token_id]


def test_a_served_tree_lets_no_thought_vote():
    prompts = AsWritten(chat_tokenizer("thinker"))
    said = ["</think>\n\nLook at parities.", f"{THOUGHT}, or \\boxed{{13}}", "3 + 9\n</think>\n\n\\boxed{12}"]
    proposer = FakeSampler(prompts, lambda text, sample, sampling: said[0] if sample else THOUGHT)
    solver = FakeSampler(prompts, lambda text, sample, sampling: said[1 + sample])
    plan = Plan(2, 2, Sampling(1.0, 200), Sampling(1.0, 200), distinct=False)
    limits = Limits(10_000, early_stop=False, deltas=True)
    exploration = Explorer(proposer, solver, prompts, prompts).explore(Tree(Problem("p", "3 + 9?", "12")), plan, limits)

    async def collect():
        return [event async for event in exploration.events()]

    events = asyncio.run(collect())
    assert [branch.text for branch in exploration.tree.branches] == ["Look at parities."]
    assert [vote.answer for vote in events[-1].votes] == ["12"]
    solutions = exploration.tree.branches[0].solutions
    for number, solution in enumerate(solutions):
        deltas = [event for event in events if isinstance(event, SolutionDeltaEvent)]
        parts = [delta.text for delta in deltas if (delta.abstraction, delta.solution) == (0, number)]
        assert "".join(parts) == solution.text and solution.text.startswith("<think>\n")
