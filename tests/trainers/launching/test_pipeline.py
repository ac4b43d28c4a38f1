"""The pipeline's driver with stages that do nothing: what runs, what is refused, what is left alone."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest

from rlad.cli import PlainError
from rlad.config import ConfigError, load_config, save_config
from trainers.launching import pipeline

ALL = "stages=[distill,warmstart,curriculum,train,sweep,report]"


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Gives the command; `given.ran` are the stages' commands, `given.codes` their exit codes (0 where not named)."""
    (tmp_path / "run.yaml").write_text(f"name: run\nruns_dir: {tmp_path}\nproblems: {{test: 2}}\n")

    def start(words):
        run.ran.append(words)
        config = load_config(tmp_path / "run.yaml", [word for word in words if "=" in word])
        (tmp_path / "run").mkdir(exist_ok=True)
        if words[0].startswith("trainers"):
            save_config(config, tmp_path / "run" / "config.yaml")
        return run.codes.get(words[0], 0)

    def run(*words):
        return pipeline.main([str(tmp_path / "run.yaml"), *words])

    run.ran, run.codes = [], {}
    monkeypatch.setattr(pipeline, "start", start)
    monkeypatch.setattr(pipeline, "show_sweep", lambda folder: None)
    return run


def test_the_distilled_rows_are_what_the_warm_start_reads(given, tmp_path):
    words = [ALL, "curriculum.bands=[medium]"]
    assert given(*words) == 0
    path = f"warmstart.path={tmp_path}/run/distill/sft.jsonl"
    assert [line[:2] for line in given.ran][1::2] == [
        ["trainers.launching", "warmstart"], ["trainers.launching", "train"], ["evals.report", f"{tmp_path}/run"],
    ]  # fmt: skip
    assert all(line[-3:] == [*words, path] for line in given.ran[:4])
    assert load_config(tmp_path / "run" / "config.yaml").warmstart.path == path.partition("=")[2]
    assert (
        pipeline.settled(tmp_path / "run.yaml", [*words, "warmstart.path=mine.jsonl"])[0].warmstart.path == "mine.jsonl"
    )


def test_a_stage_that_failed_is_begun_again_and_finished_ones_are_not(given, tmp_path, capsys):
    given.codes["evals.sweep"] = -9
    assert given() == 137
    assert "error: the stage 'sweep' ended with exit code 137" in capsys.readouterr().err
    given.codes.clear()
    assert given() == 0
    assert [line[0] for line in given.ran] == ["trainers.launching"] * 2 + ["evals.sweep"] * 2 + ["evals.report"]
    marks = json.loads((tmp_path / "run" / pipeline.MARKS).read_text())
    assert list(marks) == ["warmstart", "train", "sweep", "report"]
    given.ran.clear()
    assert given("stages=[train,sweep]") == 0 and not given.ran  # leaving out what is done changes nothing


def test_other_settings_are_refused_and_a_fresh_start_takes_them(given, tmp_path):
    assert given() == 0
    with pytest.raises(PlainError, match="begun with other settings .*seed: 0 -> 1"):
        given("seed=1")
    given.ran.clear()
    assert given("seed=1", "--fresh") == 0 and len(given.ran) == 4


def test_a_dry_run_says_what_would_run(given, tmp_path, capsys):
    given("stages=[train]")
    capsys.readouterr()
    assert given("--dry-run", "stages=[train,sweep]") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"./launch.sh train {tmp_path}/run.yaml ") and told[0].endswith(" # done")
    assert told[1] == f"./launch.sh sweep {tmp_path}/run"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["stages=[train,warmstart]"], "must be in this order"),
        (["stages=[train,train]"], "each once"),
        (["stages=[trian]"], "nearest is 'train'"),
        ([ALL], "set curriculum.bands"),
    ],
)
def test_stages_that_make_no_sense_are_refused(words, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load_config(None, words)


@pytest.mark.process
def test_a_stage_ends_with_a_killed_driver(tmp_path):
    stage = "import os, pathlib, time\nfrom rlad.cli import main_guard\n"
    stage += (
        f"main_guard(lambda: pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())) and time.sleep(3600))"
    )
    (tmp_path / "endless_stage.py").write_text(stage)
    drive = "from trainers.launching.pipeline import start; start(['endless_stage'])"
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    driver = subprocess.Popen([sys.executable, "-c", drive], env=os.environ | {"PYTHONPATH": paths})
    limit = time.monotonic() + 300
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        assert driver.poll() is None and time.monotonic() < limit
        time.sleep(0.05)
    running = psutil.Process(int((tmp_path / "pid").read_text()))
    driver.kill()
    driver.wait()
    assert not psutil.wait_procs([running], timeout=120)[1]
