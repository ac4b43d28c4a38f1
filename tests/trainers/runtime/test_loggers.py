"""Where metrics go: Weights & Biases for real, in its offline mode."""

import json
import time

import pytest

from evals.charts.series import seconds_per_phase
from rlad.config import ConfigError, load_config
from rlad.config.phases import PHASES
from rlad.config.rules import checks
from trainers.runtime.loggers import JsonLines, Stopwatch, WandB


@pytest.mark.process
def test_wandb_offline_run_is_written_and_named_after_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = tmp_path / "mine"
    folder.mkdir()
    tracker = WandB(folder, "rlad", {"seed": 3}, True)
    tracker.write({"solution": {"reward": 0.5, "kl": None}, "step": 1}, 1)
    tracker.close()
    (written,) = folder.glob("wandb/offline-run-*-mine/run-mine.wandb")
    deadline = time.monotonic() + 30  # its own process writes the file
    while b"solution/reward" not in written.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert b"solution/kl" not in written.read_bytes()


@pytest.mark.parametrize(("project", "writes"), [(None, True), ("rlad", False)])
def test_wandb_is_silent_when_off_and_on_other_ranks(tmp_path, project, writes):
    tracker = WandB(tmp_path, project, {}, writes)
    tracker.write({"step": 1}, 1)
    tracker.close()
    assert list(tmp_path.iterdir()) == []


def test_wandb_that_is_not_installed_is_refused_before_anything_starts(monkeypatch):
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="setup --with track"):
        load_config(None, ["track.wandb=rlad"])


def test_lines_beyond_the_resumed_step_and_broken_ones_are_forgotten(tmp_path):
    lines = JsonLines(tmp_path / "metrics.jsonl", True)
    for step in (1, 2, 3):
        lines.write({"step": step, "x": 1 / 3})
    with lines.path.open("a") as file:
        file.write('{"step": 4, "x"')
    lines.truncate_after(2)
    assert [json.loads(line) for line in lines.path.read_text().splitlines()] == [
        {"step": 1, "x": 0.333333},
        {"step": 2, "x": 0.333333},
    ]


def test_the_stopwatch_knows_the_phases_that_reports_read_and_no_others():
    clock = Stopwatch()
    with (
        pytest.raises(ValueError, match=r"Unknown phase 'refill'; known: offline, draw, propose"),
        clock.phase("refill"),
    ):
        pass
    for name in PHASES:
        with clock.phase(name):
            pass
    with clock.phase("judge"):
        time.sleep(0.01)
    seconds = clock.lap()
    assert list(seconds) == [*PHASES, "total"] and seconds["judge"] >= 0.01
    assert seconds_per_phase([{"seconds": seconds}]).keys() == set(PHASES)
    assert set(clock.lap()) == {"total"}


def test_what_is_not_finite_is_null_and_every_line_is_json(tmp_path):
    JsonLines(tmp_path / "rows.jsonl", True).write({"step": 1, "norm": float("inf"), "deep": {"loss": float("nan")}})
    text = (tmp_path / "rows.jsonl").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {"step": 1, "norm": None, "deep": {"loss": None}}
