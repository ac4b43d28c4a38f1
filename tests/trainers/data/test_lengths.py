"""Demonstrations that do not fit are named before a model is loaded: by its positions, by what players may write."""

import json
import re

import pytest
from gpt2_here import describe_gpt2

from rlad.config import ConfigError, load_config
from trainers.runtime import zero3
from trainers.warmstart import demonstrated
from trainers.warmstart import prepared as prepared_for

SMALL = ["warmstart.mixture.guided=0", "warmstart.mixture.propose=0"]
SMALL += ["abstraction.max_new_tokens=64", "solution.max_new_tokens=64"]


@pytest.fixture
def run_of(tmp_path, monkeypatch):
    """A run whose model has a description and no weights, and rows with solutions of so many words."""
    monkeypatch.setattr(zero3, "rank", lambda: 0)

    def make(words, *changes, positions=512):
        describe_gpt2(tmp_path, positions)
        rows = [{"problem": f"What is {i} + 1?", "answer": "1", "solution": "so " * n} for i, n in enumerate(words)]
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        file = f"{tmp_path / 'rows.jsonl'}"
        data = [f"base.path={tmp_path}", "problems.source=jsonl", f"problems.path={file}", f"warmstart.path={file}"]
        return load_config(None, [*data, *SMALL, *changes])

    return make


def prepared(run):
    return prepared_for("base", run.base, run, run.warmstart.mixture, *demonstrated(run))


def longest(data):
    rows = [data.row("plain", problem, None) for problem in data.pools["plain"]]
    return max(len(row.prompt) + len(row.completion) for row in rows)


def test_a_demonstration_fits_the_models_positions_exactly_or_is_refused(run_of):
    """The base's weights are an empty file: nothing of this loads them."""
    need = longest(prepared(run_of([3, 5, 100])))
    prepared(run_of([3, 5, 100], positions=need))
    with pytest.raises(ConfigError) as caught:
        prepared(run_of([3, 5, 100], positions=need - 1))
    assert str(caught.value).startswith(f"1 demonstration of the warm start is longer than the {need - 1} positions")
    assert "line 3 of" in str(caught.value) and f"task 'plain') takes {need} tokens" in str(caught.value)
    with pytest.raises(ConfigError, match="^2 demonstrations of the warm start are longer"):
        prepared(run_of([100, 5, 101], positions=need - 1))


def test_texts_that_co_training_would_cut_are_said_with_the_budget_that_holds_them(run_of, capsys):
    data = prepared(run_of([10] * 9 + [80]))
    most = max(row.length for row in (data.row("plain", one, None) for one in data.pools["plain"]))
    told = f"Warning: of 10 demonstrations of 'plain' 1 are longer than solution.max_new_tokens=64, .*; {most} would "
    assert re.match(told, capsys.readouterr().out)
    prepared(run_of([10] * 9 + [80], f"solution.max_new_tokens={most}"))
    prepared(run_of([10] * 39 + [80]))  # one in forty may be cut
    assert capsys.readouterr().out == ""


def test_a_worlds_demonstrations_are_held_against_the_same_budget(monkeypatch, capsys):
    monkeypatch.setattr(zero3, "rank", lambda: 0)
    prepared(load_config(None, ["problems.train=50"]))
    assert capsys.readouterr().out == ""
    prepared(load_config(None, ["problems.train=50", "solution.max_new_tokens=5"]))
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and all("solution.max_new_tokens=5, where co-training will cut" in line for line in said)
