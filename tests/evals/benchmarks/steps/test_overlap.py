"""Rollouts beside updates against steps that take turns: what is started, and what is said of it."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from evals.benchmarks.steps import overlap
from rlad.cli import PlainError
from rlad.config import load_config
from trainers.methods.schedules import grows_ahead


@pytest.fixture
def started(monkeypatch):
    """Programs that are not started: their configurations, and steps of 1, 2 and 3 s."""
    found = {}

    @contextmanager
    def trainer(folder, words):
        found[folder.name] = load_config(None, words)
        folder.mkdir()
        row = {"seconds": {"wait": 0.25}, "overlapped": {"hidden": 0.75}, "solution": {"staleness": 1.0}}
        (folder / "lines").write_text("".join(json.dumps(row) + "\n" for _ in range(9)))
        yield SimpleNamespace(lines=folder / "lines", steps=[{"seconds": float(len(found)), "cpu": 2.0}] * 2)

    monkeypatch.setattr(overlap, "trainer", trainer)
    monkeypatch.setattr(overlap, "alternate", lambda programs, warm, turns: None)
    monkeypatch.setattr(overlap.importlib.util, "find_spec", lambda name: name)
    return found


def test_the_three_differ_in_overlap_and_threads_alone(started):
    told = overlap.bench(overlap.Keys(turns=2))
    assert [run.launch.overlap for run in started.values()] == [1, 0, 0]
    assert all(grows_ahead(started["overlap"], step) for step in range(2, 12))  # no checkpoint in between
    for run in started.values():
        assert run.launch.threads_per_rank == run.engine.threads
        run.launch.overlap, run.launch.threads_per_rank, run.engine.threads = 0, 1, 1
        run.base.path = run.problems.path = run.problems.test_path = None
    assert started["overlap"] == started["one_thread"] == started["all_threads"]
    assert (told["ratio"], told["ratio_to_all_threads"]["ratio"], told["cpu"]["ratio"]) == (0.5, 0.333, 1.0)
    assert (told["wait"], told["hidden"], told["staleness"]) == (0.25, 0.75, 1.0)


def test_without_vllm_it_is_refused(monkeypatch):
    monkeypatch.setattr(overlap.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PlainError, match="There is no vLLM"):
        overlap.bench(overlap.Keys())
