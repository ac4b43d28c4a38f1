"""Rehearsals of recipes: what they change, the models they make, and one recipe for real."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from evals.benchmarks.__main__ import run_benchmark
from evals.benchmarks.harness.random_run import write_questions
from evals.benchmarks.rehearsal import (
    ANSWER,
    LEANING,
    Keys,
    ranks_of,
    recipe_files,
    rehearsed,
    shrunk,
    write_leaning,
)
from rlad.cli import PlainError
from rlad.config import load_config
from rlad.players.shapes import KNOWN, ModelShape

CHANGED = {
    "name", "runs_dir", "base.path", "problems.source", "problems.path", "problems.subset", "problems.train",
    "problems.validation", "problems.test", "problems.fields.question", "problems.fields.answer", "launch.ranks",
    "launch.device", "engine.kind", "engine.placement", "cotrain.steps", "cotrain.problems", "cotrain.micro_tokens",
    "cotrain.parity_every", "players.abstraction.max_new_tokens", "players.solution.max_new_tokens",
}  # fmt: skip


def flat(found, before=""):
    for name, value in found.items():
        yield from flat(value, f"{before}{name}.") if isinstance(value, dict) else [(before + name, value)]


@pytest.mark.parametrize("name", recipe_files([]))
def test_a_rehearsal_changes_the_model_its_data_and_sizes_and_nothing_else(name, tmp_path):
    file = recipe_files([name])[name]
    recipe, keys = load_config(file), Keys()
    write_leaning(ModelShape(16, 1, 2, 1, 8, 16, 320, True), "float32", "qwen3", "cpu", tmp_path / "model")
    write_questions(tmp_path / "problems.jsonl", 8, 32)
    tried = load_config(file, rehearsed(recipe, tmp_path, keys, ranks_of(keys.ranks, recipe, 0)))
    before = dict(flat(asdict(recipe)))
    assert {key for key, value in flat(asdict(tried)) if value != before[key]} <= CHANGED
    assert tried.launch.ranks == min(2, recipe.launch.ranks)


def test_lengths_by_stage_are_left_out_beside_short_solutions():
    words = ["curriculum.bands=[easy,medium]", "curriculum.max_new_tokens=[32,64]", "solution.max_new_tokens=64"]
    recipe = load_config(None, [*words, "curriculum.steps=5"])
    assert "curriculum.max_new_tokens=[]" in rehearsed(recipe, Path("x"), Keys(), 1)


def test_all_recipes_are_found_and_one_that_is_not_there_is_refused():
    assert {"1x24gb", "1x24gb-lora", "4-nodes", "8x80gb", "qwen3-1.7b", "qwen3-0.6b-1gpu"} <= set(recipe_files([]))
    assert "demo" not in recipe_files([]) and "demo" in recipe_files(["demo"])
    with pytest.raises(PlainError, match="There is no recipe '1x24g'"):
        run_benchmark("rehearsal", ["recipes=[1x24g]"])
    with pytest.raises(PlainError, match="engine is transformers or vllm, not 'trl'"):
        run_benchmark("rehearsal", ["engine=trl"])
    with pytest.raises(PlainError, match="demo: its model is built from scratch"):
        run_benchmark("rehearsal", ["recipes=[demo]"])


@pytest.mark.parametrize(
    ("name", "family"), [("Qwen/Qwen3-8B", "qwen3"), ("meta-llama/Llama-3.2-1B-Instruct", "llama")]
)
def test_a_rehearsal_s_model_has_the_heads_of_the_real_one_and_its_texts_end(name, family, tmp_path):
    torch.manual_seed(0)
    real, shape = KNOWN[name], shrunk(KNOWN[name], 16)
    assert (shape.heads, shape.kv_heads, shape.tied) == (real.heads, real.kv_heads, real.tied)
    write_leaning(shape, "float32", family, "cpu", tmp_path)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert (model.config.model_type, model.config.tie_word_embeddings) == (family, real.tied)
    assert tokenizer.eos_token_id == 256 and tokenizer.decode([257]) == ANSWER
    with torch.no_grad():
        chances = model(torch.randint(256, (4, 32))).logits.softmax(-1).mean((0, 1))
    for token, chance in LEANING.items():
        assert chance / 2 < chances[token] < 2 * chance


@pytest.mark.ranks
@pytest.mark.slow
def test_a_recipe_with_adapters_takes_two_steps_in_which_both_players_learn(tmp_path):
    found = run_benchmark("rehearsal", ["recipes=[1x24gb-lora]", f"logs={tmp_path}", "words=[cotrain.solutions=2]"])
    (one,) = found.values()
    assert one["steps"] == 2 and one["ranks"] == 1
    assert one["parity"] < 1e-3 and min(one["learnt_tokens"].values()) > 0 and one["peak_gb"] > 0
