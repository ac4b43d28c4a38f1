"""Models are loaded without dropout; tokenizers and questions that do not fit are refused before that."""

import copy
from dataclasses import replace

import pytest
import torch
from chat_tokenizers import chat_tokenizer
from gpt2_here import describe_gpt2, save_gpt2

from rlad.config import ConfigError, ModelConfig, ProblemsConfig, load_config
from rlad.players.lengths import check_lengths
from rlad.players.policy import build_model, load_tokenizer
from rlad.players.prompts import Prompts
from rlad.problems import load_problems
from rlad.problems.base import Problem


def shares(model) -> set[float]:
    return {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}


def test_dropout_is_off_in_training_unless_it_is_asked_for(tmp_path):
    config = ModelConfig(path=str(save_gpt2(tmp_path / "gpt2")))
    tokenizer = load_tokenizer(config, ProblemsConfig())
    model = build_model(config, tokenizer).train()
    ids = torch.tensor([tokenizer("<plain> 3 , 5 > 14")["input_ids"]])
    assert shares(model) == {0.0} and model.config.attn_pdrop == model.config.resid_pdrop == 0.0
    assert torch.equal(model(ids).logits, model.eval()(ids).logits)
    kept = build_model(config, tokenizer, dropout=True).train()
    assert shares(kept) == {0.1}
    assert not torch.equal(kept(ids).logits, model(ids).logits)


@pytest.mark.parametrize("path", ["gpt2", None])
def test_the_attention_is_the_one_that_was_asked_for(path, tmp_path):
    """A loaded model's and the tiny one's; the numbers are the same."""
    config = ModelConfig(path=path and str(save_gpt2(tmp_path / path)))
    tokenizer = load_tokenizer(config, ProblemsConfig())
    auto, eager = (build_model(replace(config, attention=kind), tokenizer).eval() for kind in ("auto", "eager"))
    assert (auto.config._attn_implementation, eager.config._attn_implementation) == ("sdpa", "eager")
    ids = torch.tensor([[5, 6, 7, 8]])
    torch.testing.assert_close(eager(ids).logits, auto(ids).logits)


def test_flash_attention_that_no_model_could_use_is_refused_where_its_package_is_there_too(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    flash = "base.attention=flash_attention_2"
    with pytest.raises(ConfigError, match=r"takes 16 bits alone; set base\.dtype=bfloat16"):
        load_config(None, [flash])
    with pytest.raises(ConfigError, match="and a GPU; use sdpa"):
        load_config(None, [flash, "base.dtype=bfloat16", "launch.device=cpu"])
    assert load_config(None, [flash, "base.dtype=bfloat16"]).base.attention == "flash_attention_2"


def test_dropout_that_a_models_code_states_itself_is_off_too(tmp_path, monkeypatch):
    from transformers import GPT2LMHeadModel

    made = GPT2LMHeadModel.__init__
    monkeypatch.setattr(
        GPT2LMHeadModel,
        "__init__",
        lambda self, config: (made(self, config), self.add_module("own", torch.nn.Dropout(0.3)))[0],
    )
    config = ModelConfig(path=str(save_gpt2(tmp_path / "gpt2")))
    assert shares(build_model(config, load_tokenizer(config, ProblemsConfig()))) == {0.0}


def test_a_tokenizer_without_an_end_is_refused(tmp_path):
    tokenizer = copy.deepcopy(chat_tokenizer("llama"))
    tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="has no end-of-sequence token"):
        load_tokenizer(ModelConfig(path=str(tmp_path)), ProblemsConfig())


# ------------------------------------------------------------------------------------------------- lengths
ANSWERS = ["abstraction.max_new_tokens=10", "solution.max_new_tokens=20"]


def own_model(folder, positions: int, *words: str):
    describe_gpt2(folder, positions)
    return load_config(
        None, [f"base.path={folder}", "problems.source=jsonl", "problems.path=x.jsonl", *ANSWERS, *words]
    )


def problem(question: str) -> Problem:
    return Problem("p", question, "1", meta={"where": "line 7 of 'x.jsonl'"})


def test_the_longest_prompt_and_what_may_follow_fit_exactly_or_are_refused(tmp_path):
    prompts, question = Prompts(chat_tokenizer("chatml")), "What is 3 + 5? " * 9
    longest = len(prompts.ids("guided", question, "x")) - 1 + 10 + 20
    longest = max(longest, len(prompts.ids("propose", question)) + 10)
    check_lengths(own_model(tmp_path, longest), [problem("short"), problem(question)])
    with pytest.raises(ConfigError) as caught:
        check_lengths(own_model(tmp_path, longest - 1), [problem("short"), problem(question)])
    assert "line 7 of 'x.jsonl'" in str(caught.value) and f"{longest - 1} positions" in str(caught.value)


def test_a_second_attempt_is_shown_the_first_and_what_was_said_about_it(tmp_path):
    critique = ["cotrain.critique.source=self", "cotrain.critique.max_new_tokens=15"]
    need = (
        len(Prompts(chat_tokenizer("chatml")).ids("refine", "q", "x", attempt="x", critique="x"))
        - 3
        + 10
        + 20
        + 15
        + 20
    )
    check_lengths(own_model(tmp_path, need, *critique), [problem("q")])
    with pytest.raises(ConfigError, match="solution player's longest prompt"):
        check_lengths(own_model(tmp_path, need - 1, *critique), [problem("q")])


def test_a_worlds_words_are_counted_as_its_tokenizer_counts_them():
    words = ["problems.train=50", *ANSWERS]
    run = load_config(None, words)
    problems = load_problems(run.problems, "train")
    prompts = Prompts(load_tokenizer(run.base, run.problems))
    longest = max(len(prompts.ids("guided", p.question, "2")) for p in problems) - 1 + 10 + 20
    check_lengths(load_config(None, [*words, f"base.max_positions={longest}"]), problems)
    with pytest.raises(ConfigError, match=f"more than the {longest - 1} positions"):
        check_lengths(load_config(None, [*words, f"base.max_positions={longest - 1}"]), problems)
