"""How a step grows: which sizes are started, once each, and that they differ in what grows alone."""

import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from evals.benchmarks.steps import growth
from rlad.config import load_config


def test_every_size_is_started_once_and_only_what_grows_differs(monkeypatch):
    started = []

    @contextmanager
    def trainer(folder, words):
        run = load_config(None, words)
        started.append(run)
        work = run.cotrain.abstractions * run.cotrain.solutions * run.solution.max_new_tokens
        folder.mkdir()
        (folder / "lines").write_text("".join(json.dumps({"tokens_generated": work}) + "\n" for _ in range(3)))
        yield SimpleNamespace(lines=folder / "lines", steps=[{"seconds": work**0.5, "cpu": 2.0 * work}] * 2)

    monkeypatch.setattr(growth, "trainer", trainer)
    monkeypatch.setattr(growth, "alternate", lambda programs, warm, turns: None)
    told = growth.bench(growth.Keys(problems=2, turns=2, warm=1))
    sizes = [(r.cotrain.abstractions * r.cotrain.solutions, r.solution.max_new_tokens, r.launch.ranks) for r in started]
    assert sizes == [(4, 48, 1), (16, 48, 1), (64, 48, 1), (16, 192, 1), (16, 48, 2)]
    for run in started:
        run.cotrain.abstractions = run.cotrain.solutions = run.launch.ranks = 1
        run.abstraction.max_new_tokens = run.solution.max_new_tokens = 1
        run.base.path = run.problems.path = run.problems.test_path = None
    assert all(run == started[0] for run in started)
    assert told["n_m"]["power"] == told["length"]["power"] == {"seconds": 0.5, "cpu": 1.0}
    assert told["ranks"]["ratio"] == {"seconds": 1.0, "cpu": 1.0} and set(told["n_m"]) == {"4", "16", "64", "power"}


def test_the_page_says_what_was_measured():
    docs = Path(__file__).parents[4] / "docs"
    page, found = (docs / "performance.md").read_text(), json.loads((docs / "results" / "growth.json").read_text())
    for axis in ("n_m", "length"):
        assert f"| **{found[axis]['power']['cpu']}** |" in page and found[axis]["power"]["cpu"] <= 1
    assert f"{found['ranks']['ratio']['cpu']} times as many a token" in page
    small, large = found["n_m"]["4"], found["n_m"]["64"]
    assert found["n_m"]["power"]["cpu"] == growth._power(small, large, "cpu")
