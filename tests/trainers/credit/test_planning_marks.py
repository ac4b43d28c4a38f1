"""HICRA's planning tokens: marked by the run's frozen grams, for the players that ask for them."""

import pytest

from rlad.config import ConfigError, ModelConfig, ProblemsConfig, RunConfig
from rlad.entropy import StrategicGrams
from rlad.players.policy import load_tokenizer
from trainers.credit.planning_marks import FILE, marked, planners
from trainers.credit.rows import Row


@pytest.fixture
def run():
    run = RunConfig()
    run.solution.hicra = 0.2
    return run


def test_rows_of_the_player_that_asks_are_marked(run, tmp_path):
    tokenizer = load_tokenizer(ModelConfig(), ProblemsConfig())
    StrategicGrams({("+", "#"): 0}, symbols=True).save(tmp_path / FILE)
    grams = planners(run, tmp_path, {"abstraction": tokenizer, "solution": tokenizer})
    assert list(grams) == ["solution"]
    ids = tuple(tokenizer("3 * 5 + 7", add_special_tokens=False)["input_ids"])
    rows = {role: [Row((1,), ids, 0.5, copies=3)] for role in ("abstraction", "solution")}
    done = marked(rows, grams)
    assert done["abstraction"] == rows["abstraction"]
    row = done["solution"][0]
    planning = [tokenizer.decode([i]).strip() for i, plans in zip(ids, row.planning, strict=True) if plans]
    assert planning == ["+", "7"]
    assert (row.copies, row.advantage) == (3, 0.5)


def test_without_frozen_grams_the_run_is_refused_in_a_sentence(run, tmp_path):
    with pytest.raises(ConfigError, match="frozen before training"):
        planners(run, tmp_path, {"solution": None})
    assert planners(RunConfig(), tmp_path, {"solution": None}) == {}
