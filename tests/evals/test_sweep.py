"""The sweep on a real, untrained pair: what it writes, what it counts, what it refuses."""

import json
import multiprocessing
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from simulated_jobs import InThisProcess

from evals import sweep
from evals.cells.rows import iid_flags
from evals.samples import workers
from evals.samples.judged import BreadthProblem
from evals.samples.trees import NAME, Condition, ModelPair, Sampled, Samples
from evals.spending.auto import UNPRICED
from evals.tables.sweep import print_sweep
from rlad.cli import PlainError
from rlad.config import ConfigError, load_config, save_config
from rlad.players.policy import make_policy
from rlad.problems import load_problems
from rlad.reasoning.budget_policy import SPENDING
from rlad.reasoning.pair import newest_pair
from rlad.verifier import Outcome

SMALL = [
    "problems.train=50",
    "problems.validation=4",
    "problems.test=6",
    "base.hidden_size=16",
    "base.layers=1",
    "base.heads=2",
    "base.kv_heads=1",
    "base.intermediate_size=32",
    "abstraction.max_new_tokens=5",
    "solution.max_new_tokens=8",
    "sweep.problems=6",
    "sweep.shard=3",
    "sweep.grid=[[2,1],[1,2]]",
    "sweep.plain_samples=3",
    "sweep.plain_temperatures=[1.0]",
    "sweep.iid_abstractions=2",
    "sweep.iid_solutions=1",
    "sweep.bootstrap=50",
    "sweep.select=[majority]",
    "launch.ranks=2",
    "warmstart.mixture.propose_set=0.1",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    run = load_config(None, [f"runs_dir={runs}", "name=pair", *SMALL])
    (runs / "pair").mkdir()
    save_config(run, runs / "pair" / "config.yaml")
    for part in ("base", "export/abstraction", "export/solution"):
        make_policy("base", run.base, run, runs / "pair" / part).export()
    return runs / "pair"


RULES = "sweep.select=[majority,weighted_majority,max-confidence]"


@pytest.fixture(scope="module")
def swept(folder):
    """The folder after its one sweep, under three rules, by processes that need not import everything anew."""
    fork = multiprocessing.get_context("fork")
    with patch.object(multiprocessing, "get_context", lambda _: fork), pytest.raises(SystemExit) as ended:
        sweep.main_guard(lambda: sweep.main([str(folder), RULES, "sweep.joint=true", "sweep.budget_policy=true"]))
    assert not ended.value.code
    return folder


@pytest.fixture
def alone(swept, tmp_path):
    """What the sweep has kept, in a folder without models."""
    for name in ("config.yaml", "sweep.json", NAME):
        shutil.copy(swept / name, tmp_path / name)
    return tmp_path


def test_the_whole_sweep_writes_what_the_format_says(swept, capsys):
    found = json.loads((swept / "sweep.json").read_text())
    assert {"meta", "cells", "triple", "comparisons", "curves"} <= set(found)
    for cell in found["cells"]:
        assert {
            "checkpoint",
            "n",
            "m",
            "select",
            "tokens_per_problem",
            "accuracy",
            "ci95",
            "pass_at_k",
            "pass_ci95",
        } <= set(cell)
        assert cell["checkpoint"] in ("warmstart", "cotrained")
    for checkpoint in ("warmstart", "cotrained"):
        assert {"without", "with_mean", "with_best"} <= set(found["triple"][checkpoint])
        assert {(c["n"], c["m"]) for c in found["cells"] if c["checkpoint"] == checkpoint and c["n"]} == {
            (2, 1),
            (1, 2),
        }
    assert len(found["comparisons"]) == 5  # plain sampling's temperature by validation problems and by these
    assert found["selection"]["chosen_on"] == "validation" and found["selection"]["problems"] == 6
    assert {row["select"] for row in found["rules"]} == {"majority", "weighted_majority", "max-confidence"}
    assert {row["score"] for row in found["scores"]} >= {"likelihood", "solution"}
    widest = max(c["tokens_per_problem"] for c in found["cells"] if c["checkpoint"] == "cotrained" and c["n"])
    for row in found["comparisons"][:2]:  # equal generated tokens on both sides
        assert row["a"]["tokens_per_problem"] == widest == pytest.approx(row["b"]["tokens_per_problem"], abs=0.02)
    assert (swept / "plots" / "sweep.png").stat().st_size > 10_000
    assert {(row["checkpoint"], row["n"], row["m"]) for row in found["joint"]} == {
        (checkpoint, n, m) for checkpoint in ("warmstart", "cotrained") for n, m in ((2, 1), (1, 2))
    }
    for row in found["joint"]:
        for name in ("coverage", "majority"):
            gap = row[name]["joint"] - row[name]["independent"]
            assert gap == pytest.approx(row[name]["difference"], abs=2e-4)
        assert row["selected"]["chosen_on"] == "validation"
        assert [vote["mode"] for vote in row["selected"]["votes"]] == ["abstractions", "plain"]
    # Untrained players propose nothing that ends on four validation problems, so there is nothing to price by.
    assert found["budget"] is None and UNPRICED in found["warnings"] and not (swept / SPENDING).exists()
    print_sweep(found)
    assert "covered" in capsys.readouterr().out


def test_a_solver_that_states_its_confidence_is_measured_by_it(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "ProcessPoolExecutor", InThisProcess)
    run = load_config(None, [f"runs_dir={tmp_path}", "name=sure", "solution.reward=rlcr", *SMALL, "launch.ranks=1"])
    make_policy("base", run.base, run, tmp_path / "sure" / "base").export()
    sampled = sweep.sample(run, tmp_path / "sure")
    rows = sweep.measure(run, sampled)["calibration"]
    assert [(row["checkpoint"], row["temperature"]) for row in rows] == [("warmstart", 1.0)]
    assert 0 <= rows[0]["stated"] <= 1


def test_breadth_counts_the_tokens_that_the_reasoner_spent(folder):
    run = load_config(folder / "config.yaml")
    pair = ModelPair("cotrained", "x", str(folder / "export/abstraction"), str(folder / "export/solution"), "plain")
    problems = load_problems(run.problems, "test")[:3]
    grown = workers.distinct_job(run, problems, 1, pair, 0.3)
    assert grown == workers.distinct_job(run, problems, 1, pair, 0.3)  # seeded
    for problem in map(BreadthProblem.of, grown):
        assert all(1 <= tokens <= 5 for tokens in problem.proposal_tokens)
        assert [len(row) for row in problem.correct] == [2, 1][: len(problem.correct)]
        assert problem.first_draw == sorted(set(problem.first_draw))
        assert len(problem.proposal_tokens) <= round(run.sweep.draw_factor * 2)


def test_iid_abstractions_have_a_full_grid_even_where_a_draw_is_no_abstraction(folder):
    run = load_config(folder / "config.yaml")
    pair = ModelPair("warmstart", "base", str(folder / "base"), str(folder / "base"), "plain")
    grown = workers.iid_job(run, load_problems(run.problems, "test")[:4], 1, pair, 0.3)
    flags = iid_flags(Condition("warmstart", "base", "iid", 0.3, depth=(1, 1)), grown)
    assert flags.shape == (4, 2, 1) and flags.dtype == bool


def test_an_empty_run_folder_is_refused(folder, tmp_path):
    run = load_config(folder / "config.yaml")
    with pytest.raises(ConfigError, match="holds no trained model"):
        sweep.pairs_of(run, tmp_path)
    save_config(run, tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="no run folder"):
        sweep.open_run(str(tmp_path / "c.yaml"), ["name=missing"])


def test_a_further_player_is_said_to_have_no_part(folder, tmp_path, capsys, monkeypatch):
    """One that chooses among answers has its part."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "integration")
    (tmp_path / "empty").mkdir()
    said = "Note: this takes the abstraction and solution players of the run; the referee has no part in it.\n"
    for role, told in (("outside.roles:Referee", said), ("selector", "")):
        words = [f"roles=[abstraction, solution, '{role}']", f"runs_dir={tmp_path}", "name=empty"]
        with pytest.raises(ConfigError, match="holds no trained model"):
            sweep.sweep_run(str(folder / "config.yaml"), *words)
        assert capsys.readouterr().err == told


def test_a_pretrained_model_is_measured_before_any_training_and_beside_what_became_of_it(folder, tmp_path):
    """Co-training's base is the checkpoint `warmstart`; the model before a warm start is one of its own."""
    model = str(folder / "base")
    save_config(
        load_config(None, [f"runs_dir={tmp_path}", "name=new", f"base.path={model}", *SMALL]), tmp_path / "c.yaml"
    )
    run, made = sweep.open_run(str(tmp_path / "c.yaml"), ["sweep.problems=3"])
    assert made == tmp_path / "new" and made.is_dir() and run.sweep.problems == 3
    before = ModelPair("warmstart", "base", model, model, "plain")
    assert sweep.pairs_of(run, made) == [before]
    assert newest_pair(run, made) == {"abstraction": model, "solution": model}
    shutil.copytree(folder / "base", made / "base")
    warmed = str(made / "base")
    pairs = [(pair.checkpoint, pair.solution) for pair in sweep.pairs_of(run, made)]
    assert pairs == [
        ("pretrained", model),
        ("warmstart", warmed),
    ]
    assert newest_pair(run, made) == {"abstraction": warmed, "solution": warmed}
    shutil.copytree(folder / "export", made / "export")
    assert [p.checkpoint for p in sweep.pairs_of(run, made)] == ["pretrained", "warmstart", "cotrained"]
    assert newest_pair(run, made) == {role: str(made / "export" / role) for role in ("abstraction", "solution")}
    shutil.rmtree(made / "export" / "abstraction")
    with pytest.raises(ConfigError, match="no abstraction player"):
        newest_pair(run, made)


# ------------------------------------------------------------------------------------------------ trees and scores
def found_in(folder):
    result = json.loads((folder / "sweep.json").read_text())
    result["meta"].pop("seconds")
    return result


def test_lists_of_a_journal_of_before_get_the_scores_that_they_would_have_now(folder):
    run = load_config(folder / "config.yaml", ["abstraction.max_new_tokens=60"])  # of untrained players' few ever end
    pair = ModelPair("cotrained", "x", str(folder / "export/abstraction"), str(folder / "export/solution"), "plain")
    given = (run, load_problems(run.problems, "test"), 1, pair, 1.0)
    now = workers.joint_job(*given)
    assert any(one.branches for one in now) and all(one.scored for one in now)
    before = [replace(one, draws=replace(one.draws, model_logprob=[None] * len(one.draws.text))) for one in now]
    assert workers.scored_job(*given, before) == now


def test_the_kept_trees_give_the_sweeps_numbers_again_and_any_rules(swept, alone):
    """The trees alone say the same as the sweep that drew them, to the last digit; and a rule's numbers are its own."""
    whole = found_in(swept)
    sweep.main([str(alone), "--rescore", RULES, "sweep.budget_policy=true"])
    again = found_in(alone)
    assert whole["meta"].pop("command").startswith(f"./launch.sh sweep {swept}")
    assert shlex.split(again["meta"].pop("command"))[2:] == [str(alone), RULES, "sweep.budget_policy=true", "--rescore"]
    assert again == whole
    for guided in (True, False):
        rules = {cell["select"] for cell in again["cells"] if bool(cell["n"]) == guided}
        assert rules == {"majority", "weighted_majority", "max-confidence"}
    sweep.main([str(alone), "--rescore", "sweep.grid=[[1,2]]"])
    narrow = found_in(alone)["cells"][0]
    assert narrow == next(c for c in whole["cells"] if (c["n"], c["m"], c["select"]) == (1, 2, "majority"))


def test_the_kept_trees_hold_every_text_of_every_condition(alone):
    every = [json.loads(line) for line in (alone / NAME).read_text().splitlines()]
    lines = [line for line in every if line["split"] == "test"]
    assert len(every) == len(lines) + 4  # rules are chosen on the validation problems
    run = load_config(alone / "config.yaml")
    assert [line["problem"] for line in lines] == [p.id for p in load_problems(run.problems, "test")]
    assert lines[0]["question"] and lines[0]["answer"]
    modes = [(tree["checkpoint"], tree["mode"], tree["temperature"]) for tree in lines[0]["trees"]]
    ways = (("distinct", 0.3), ("joint", 0.3), ("plain", 1.0), ("iid", 0.3))
    assert sorted(modes) == sorted((name, *way) for name in ("warmstart", "cotrained") for way in ways)
    for tree in lines[0]["trees"]:
        samples = [tree] if tree["mode"] == "plain" else [branch["solutions"] for branch in tree["branches"]]
        if tree["mode"] != "plain":
            assert len(tree["draws"]["text"]) == len(tree["draws"]["tokens"]) == len(tree["draws"]["branch"])
            assert all(isinstance(branch["leak"], bool) and branch["abstraction"] for branch in tree["branches"])
        if tree["mode"] == "joint":  # scored one by one where they are solved with
            draws = zip(tree["draws"]["branch"], tree["draws"]["model_logprob"], strict=True)
            assert all((branch is None) == (value is None) for branch, value in draws)
        for one in samples:
            assert len({len(one[column]) for column in ("text", "tokens", "logprob", "verdict", "key")}) == 1
            assert all(1 <= tokens <= 8 for tokens in one["tokens"]) and all(value < 0 for value in one["logprob"])
            assert set(one["verdict"]) <= {outcome.value for outcome in Outcome}
    Sampled.read(alone / NAME).write(alone / "again.jsonl")
    assert (alone / "again.jsonl").read_bytes() == (alone / NAME).read_bytes()


def test_what_kept_trees_cannot_answer_is_refused(alone):
    for word in ("sweep.solve_temperature=0.5", "problems.test=3"):
        with pytest.raises(ConfigError, match="cannot change what was sampled"):
            sweep.main([str(alone), "--rescore", word])
    for grid in ("[[3,1]]", "[[2,2]]"):
        with pytest.raises(PlainError, match="were not grown for"):
            sweep.main([str(alone), "--rescore", f"sweep.grid={grid}"])
    (alone / NAME).unlink()
    with pytest.raises(PlainError, match="it keeps its trees there"):
        sweep.main([str(alone), "--rescore"])


def test_a_rule_is_never_run_without_the_scores_it_reads(alone):
    with pytest.raises(ConfigError, match="reads the confidence that solutions state"):
        sweep.main([str(alone), "sweep.select=[stated_majority]"])
    sampled = Sampled.read(alone / NAME)
    for records in sampled.conditions.values():
        for record in records:
            for samples in [record] if isinstance(record, Samples) else [b.solutions for b in record.branches]:
                samples.logprob = samples.model_logprob = [None] * len(samples.logprob)  # a sampler that gives none
                samples.key = [0] * len(samples.key)
    sampled.write(alone / NAME)
    sweep.main([str(alone), "--rescore"])
    with pytest.raises(PlainError, match="reads the likelihood"):
        sweep.main([str(alone), "--rescore", "sweep.select=[weighted_majority]"])


# --------------------------------------------------------------------------------------------------- temperatures
def test_guided_temperatures_are_chosen_on_the_validation_problems(folder, monkeypatch):
    monkeypatch.setattr(workers, "ProcessPoolExecutor", InThisProcess)
    words = ["sweep.guided_temperatures=[0.3,1.0]", "sweep.plain_temperatures=[0.5,1.0]", "sweep.grid=[[2,1]]"]
    sweep.main([str(folder), *words])
    found = found_in(folder)
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    assert [line["split"] for line in lines] == ["test"] * 6 + ["validation"] * 4
    sampled = Sampled.read(folder / NAME)
    for checkpoint in ("warmstart", "cotrained"):
        assert len(sampled.of("distinct", "validation")[checkpoint]) == 2
        assert len(sampled.of("distinct", "test")[checkpoint]) == len(sampled.of("iid", "test")[checkpoint]) == 1
    rows = {(r["checkpoint"], r["mode"], r["measure"], r["chosen_on"]): r for r in found["temperatures"]}
    assert len(rows) == 2 * (4 + 2)  # both sides on the validation problems; plain on the test problems beside it
    for checkpoint in ("warmstart", "cotrained"):
        best = rows[checkpoint, "abstractions", "coverage", "validation"]["best"]
        assert {c["temperature"] for c in found["cells"] if c["n"] and c["checkpoint"] == checkpoint} == {best}
    names = [row["name"] for row in found["comparisons"]]
    assert len(names) == 5 and sum("chosen on the test problems" in name for name in names) == 2
    plain = rows["cotrained", "plain", "coverage", "validation"]["best"]
    assert found["comparisons"][0]["b"]["temperature"] == plain
    sweep.main([str(folder), "--rescore", "sweep.grid=[[2,1]]"])  # the choice is in the trees, too
    assert found_in(folder)["comparisons"] == found["comparisons"]
