"""The sweep on a real, untrained pair: what it writes, what it counts, what it refuses."""

import json

import numpy as np
import pytest

from evals import sampling, sweep
from evals.sampling import Pair
from rlad.config import ConfigError, load_config, save_config
from rlad.players.policy import make_policy
from rlad.problems import load_problems

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
    "launch.ranks=2",
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


def test_the_whole_sweep_writes_what_the_format_says(folder, capsys):
    with pytest.raises(SystemExit) as ended:
        sweep.main_guard(lambda: sweep.main([str(folder)]))
    assert not ended.value.code
    found = json.loads((folder / "sweep.json").read_text())
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
    assert len(found["comparisons"]) == 3
    widest = max(c["tokens_per_problem"] for c in found["cells"] if c["checkpoint"] == "cotrained" and c["n"])
    for row in found["comparisons"][:2]:  # equal generated tokens on both sides
        assert row["a"]["tokens_per_problem"] == widest == pytest.approx(row["b"]["tokens_per_problem"], abs=0.02)
    assert (folder / "plots" / "sweep.png").stat().st_size > 10_000
    assert "covered" in capsys.readouterr().out


def test_a_solver_that_states_its_confidence_is_measured_by_it(tmp_path):
    run = load_config(None, [f"runs_dir={tmp_path}", "name=sure", "solution.reward=rlcr", *SMALL])
    make_policy("base", run.base, run, tmp_path / "sure" / "base").export()
    rows = sweep.sweep(run, tmp_path / "sure")["calibration"]
    assert [(row["checkpoint"], row["temperature"]) for row in rows] == [("warmstart", 1.0)]
    assert 0 <= rows[0]["stated"] <= 1


def test_breadth_counts_the_tokens_that_the_reasoner_spent(folder):
    run = load_config(folder / "config.yaml")
    pair = Pair("cotrained", "x", str(folder / "export/abstraction"), str(folder / "export/solution"), "plain")
    problems = load_problems(run.problems, "test")[:3]
    spent = sampling.breadth_job(run, problems, 1, pair)
    assert spent == sampling.breadth_job(run, problems, 1, pair)  # seeded
    for problem in spent:
        assert all(1 <= tokens <= 5 for tokens in problem.proposal_tokens)
        assert [len(row) for row in problem.correct] == [2, 1][: len(problem.correct)]
        assert problem.first_draw == sorted(set(problem.first_draw))
        assert len(problem.proposal_tokens) <= round(run.sweep.draw_factor * 2)


def test_iid_abstractions_have_a_full_grid_even_where_a_draw_is_no_abstraction(folder):
    run = load_config(folder / "config.yaml")
    pair = Pair("warmstart", "base", str(folder / "base"), str(folder / "base"), "plain")
    flags = np.array(sampling.iid_job(run, load_problems(run.problems, "test")[:4], 1, pair))
    assert flags.shape == (4, 2, 1) and flags.dtype == bool


def test_an_empty_run_folder_is_refused(folder, tmp_path):
    run = load_config(folder / "config.yaml")
    with pytest.raises(ConfigError, match="holds no trained model"):
        sweep.pairs_of(run, tmp_path)
    save_config(run, tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="no run folder"):
        sweep.open_run(str(tmp_path / "c.yaml"), ["name=missing"])
