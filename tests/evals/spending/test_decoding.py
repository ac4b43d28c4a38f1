"""Decoding methods in a sweep: judged, counted as generated, and set beside plain sampling at equal tokens."""

import doctest
import io
import math

import pytest
import simulated_jobs
from rich.console import Console

from evals.cells.selecting import PLAIN, Side, book_of
from evals.cells.temperatures import Choice, warnings
from evals.samples import workers
from evals.samples.judged import PlainSamples
from evals.samples.trees import Answered, Condition, ModelPair, Sampled, Samples, as_record, samples_of
from evals.spending import decoding
from evals.sweep import sweep_run
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
    known = {("warmstart", PLAIN): [Side(plain, None)]}
    book = book_of(run, "test", known)
    rows = decoding.decoding_rows(sampled, book, book, known, 50)
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


def plain_side(temperature, answers, chances):
    """Plain samples of equal problems that give these answers (0 is right) with these likelihoods."""
    verdicts = ["incorrect" if answer else "correct" for answer in answers]
    logs = [math.log(chance) for chance in chances]
    texts = [f"text {i}" for i in range(len(answers))]
    one = Samples(texts, [10] * len(answers), logs, verdicts, answers, logs)
    condition = Condition("cotrained", "co-trained", "plain", temperature)
    return Side(PlainSamples.of(condition, [one] * 4), None)


def test_the_rival_is_plain_sampling_at_the_rule_and_temperature_of_the_validation_problems(tmp_path):
    """Two answers of three samples are wrong and the likelihood is right: at T .7 only `marginal` finds it. On the test
    problems that is so at T 1, where the method's rival is right in vain: the validation problems chose T .7."""
    run = load_config(None, [f"runs_dir={tmp_path}", "sweep.select=[majority,marginal]", "sweep.fit=false"])
    liked, misled = ([0, 1, 1], [0.5, 0.1, 0.1]), ([0, 1, 1], [0.1, 0.5, 0.5])
    place = ("cotrained", PLAIN)
    valid = {place: [plain_side(0.7, *liked), plain_side(1.0, *misled)]}
    known = {place: [plain_side(0.7, *misled), plain_side(1.0, *liked)]}
    book = book_of(run, "validation", valid)
    test = book_of(run, "test", known, book)
    sampled = Sampled({"test": load_problems(run.problems, "test")[:4]})
    half = Samples(["x", "y"], [15, 15], [None] * 2, ["correct", "incorrect"], [0, 1], [None] * 2, weight=[1.0, 1.0])
    sampled.conditions[Condition("cotrained", "co-trained", "decoding:plain", 0.7)] = [half] * 4
    (row,) = decoding.decoding_rows(sampled, book, test, known, 50)
    assert (row["plain_rule"], row["plain_temperature"], row["plain"], row["difference"]) == ("marginal", 0.7, 0, 0.5)
    beside = row["on_test"]
    assert (beside["plain_rule"], beside["plain_temperature"], beside["plain"]) == ("marginal", 1.0, 1)
    assert beside["difference"] == -0.5 and row["chosen_on"] == "validation"
    out = Console(file=io.StringIO(), width=80)
    print_decoding({"decoding": [row]}, out)
    text = out.file.getvalue()
    assert "marginal" in text and "+50.0" in text and "-50.0" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_a_method_solves_at_the_temperature_that_selects_best_on_the_validation_problems(tmp_path, monkeypatch):
    """Of .3, .7 and 1 the middle one is right most often there; the test problems see no other."""
    simulated_jobs.simulate(monkeypatch)
    asked = []

    def job(run, problems, seed, pair, temperature, name):
        asked.append((temperature, len(problems)))
        right = [temperature == 0.7 or (i == 0 and temperature == 1.0) for i in range(len(problems))]
        verdicts = ["correct" if one else "incorrect" for one in right]
        return [Answered(Samples(["x"], [9], [None], [one], [None], [None], weight=[1.0]), ["0"]) for one in verdicts]

    monkeypatch.setattr(decoding, "decoding_job", job)
    folder = simulated_jobs.run_folder(tmp_path / "run", "sweep.decoding=[plain]", "engine.kind=transformers",
                                       "sweep.decoding_temperatures=[0.3,0.7,1.0]")  # fmt: skip
    found = sweep_run(str(folder))
    (row,) = found["decoding"]
    assert row["temperature"] == 0.7 and row["accuracy"] == 1
    tried = {one["mode"]: one for one in found["temperatures"]}["decoding:plain"]
    assert tried["grid"] == [0.3, 0.7, 1.0] and tried["best"] == 0.7 and tried["chosen_on"] == "validation"
    assert sum(count for at, count in asked if at == 0.7) == 5 + 11 and sum(n for at, n in asked if at == 0.3) == 5
    assert found["decoding"] == sweep_run(str(folder), rescore=True)["decoding"]
    lone = Choice("cotrained", "co-trained", "decoding:plain", "accuracy", "validation", {0.3: 0.1, 0.7: 0.2})
    said = "co-trained, decoding by plain: accuracy is best at T 0.7, an end of sweep.decoding_temperatures (0.3, 0.7)"
    assert said in warnings([lone])[0]


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
