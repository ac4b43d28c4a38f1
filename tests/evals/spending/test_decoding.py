"""Decoding methods in a sweep: judged, counted as generated, and set beside plain sampling at equal tokens."""

import doctest
import io

import pytest
from rich.console import Console

from evals.cells.selecting import PLAIN, Side
from evals.samples import workers
from evals.samples.judged import PlainSamples
from evals.samples.trees import Answered, Condition, ModelPair, Sampled, as_record, samples_of
from evals.spending import decoding
from evals.tables.decoding import print_decoding
from rlad.config import ConfigError, load_config
from rlad.config.registry import decoding as methods
from rlad.players.policy import make_policy
from rlad.problems import load_problems

WORDS = [
    "base.hidden_size=16",
    "base.layers=1",
    "base.heads=2",
    "base.kv_heads=1",
    "base.intermediate_size=32",
    "solution.max_new_tokens=8",
    "sweep.decoding_samples=2",
    "engine.kind=transformers",
]


def test_worked_examples_in_docstrings():
    assert doctest.testmod(decoding).failed == 0


def test_every_method_is_judged_counted_and_set_beside_plain_sampling(tmp_path):
    run = load_config(None, [f"runs_dir={tmp_path}", "problems.test=3", f"sweep.decoding=[{','.join(methods.names())}]",
                             "sweep.budget_forcing.cap=[2, 5]", *WORDS])  # fmt: skip
    make_policy("base", run.base, run, tmp_path / "base").export()
    pair = ModelPair("warmstart", "base", None, str(tmp_path / "base"), "plain")
    problems = load_problems(run.problems, "test")[:3]
    sampled = Sampled({"test": problems})
    settings = list(decoding.settings_of(run.sweep))
    assert len(settings) == len(methods.names()) + 1
    for name in settings:
        found = decoding.decoding_job(run, problems, 1, pair, 0.7, name)
        assert found == decoding.decoding_job(run, problems, 1, pair, 0.7, name)  # seeded
        kept = [as_record(one) for one in found]
        records = [Answered(samples_of(one["samples"], 0.7), one["answers"]).grouped() for one in kept]
        assert all(len(one.text) == len(one.tokens) == len(one.weight) == len(one.key) for one in records)
        sampled.conditions[Condition("warmstart", "base", f"decoding:{name}", 0.7)] = records
    bare = [one.grouped() for one in workers.plain_job(run, problems, 1, pair, 1.0, 4, 0)]
    plain = PlainSamples.of(Condition("warmstart", "base", "plain", 1.0), bare)
    rows = decoding.decoding_rows(sampled, {("warmstart", PLAIN): [Side(plain, None)]}, 50)
    assert len(rows) == len(settings) and [row["method"] for row in rows if "axis" not in row] == [
        name for name in methods.names() if name != "budget_forcing"
    ]
    few, many = [row for row in rows if row["method"] == "budget_forcing"]
    assert [(row["axis"], row["value"]) for row in (few, many)] == [("cap", 2), ("cap", 5)]
    few, many = [kept for one, kept in sampled.conditions.items() if "cap=" in one.mode]
    assert [one.text for one in few] != [one.text for one in many]  # each cap is its own samples
    assert all(0 < row["tokens_per_problem"] <= 2 * 8 for row in rows)
    assert decoding.spent(sampled) == pytest.approx(max(row["tokens_per_problem"] for row in rows), abs=1e-4)
    out = Console(file=io.StringIO(), width=80)
    print_decoding({"decoding": rows}, out)
    text = out.file.getvalue()
    assert all(name in text for name in [*methods.names(), "budget_forcing, cap 5"])
    assert max(len(line) for line in text.splitlines()) <= 80


def test_other_samplers_and_unknown_methods_are_refused():
    with pytest.raises(ConfigError, match="works on the transformers sampler, not on engine.kind=vllm"):
        load_config(None, ["sweep.decoding=[forking]", "engine.kind=vllm"])
    with pytest.raises(ConfigError, match="the nearest is 'forking'"):
        load_config(None, ["sweep.decoding=[forkign]"])


@pytest.mark.parametrize("cap", ["[]", "[4, 4]", "[0, 4]", "[4, 8]", "8", "null"])
def test_caps_that_leave_no_room_or_say_the_same_are_refused(cap):
    words = ["sweep.decoding=[budget_forcing]", *WORDS]  # solutions of 8 tokens
    with pytest.raises(ConfigError) as refused:
        load_config(None, [*words, f"sweep.budget_forcing.cap={cap}"])
    assert "sweep.budget_forcing.cap=" in str(refused.value) and "from 1 to 7" in str(refused.value)
    load_config(None, [f"sweep.budget_forcing.cap={cap}", *WORDS])  # nobody asks for the method
    kept = load_config(None, [*words, "sweep.budget_forcing.cap=[7, 1]"]).sweep.of("budget_forcing")
    assert kept.cap == [7, 1]


def test_other_values_of_a_cap_are_refused_by_name():
    for cap, why in (("[4, -1]", "-1 is out of range"), ("[4, x]", "'x' is not a whole"), ("4,5", "'4,5' is not")):
        with pytest.raises(ConfigError, match=f"sweep.budget_forcing.cap.*{why}"):
            load_config(None, ["sweep.decoding=[budget_forcing]", f"sweep.budget_forcing.cap={cap}"])
