"""distill, warmstart, curriculum, train, sweep and serve as one command, killed in every stage and given again."""

import itertools
import json
import subprocess

import pytest
from two_ranks import LIMIT, command, environment

STAGES = ["distill", "warmstart", "curriculum", "train", "sweep"]
WRITTEN = {
    "distill": ("distill/",),
    "warmstart": ("base/", "warmstart.jsonl"),
    "curriculum": ("curriculum.jsonl",),
    "train": ("checkpoints/", "export/", "metrics.jsonl"),
}
"""What each stage leaves; the sweep adds its numbers to the models' cards."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What pipeline_program.py saw; about 35 seconds of a processor."""
    folder = tmp_path_factory.mktemp("pipeline")
    line = command("pipeline_program.py", str(folder))
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return json.loads((folder / "seen.json").read_text())


def written(seen, files, stage):
    return {name: files[name] for name in files if name.startswith(WRITTEN[stage]) and not name.endswith("README.md")}


@pytest.mark.process
def test_every_stage_was_killed_and_then_done_once(seen):
    assert seen["killed"] == [-9] * len(STAGES) and (seen["code"], seen["again"]) == (0, 0)
    assert seen["started"] == [stage for stage in STAGES for _ in range(2)]
    assert seen["untouched"]  # the finished pipeline, given again, starts nothing


@pytest.mark.process
def test_nothing_was_asked_sampled_or_learnt_again(seen):
    """But for what was learnt since the last checkpoint: two steps of the warm start, one of training."""
    noted = seen["noted"]
    for stage in ("distill", "curriculum", "sweep"):  # calls, problems, jobs
        assert len(set(noted[stage])) == len(noted[stage]) > 1
    assert len(set(seen["asked"])) == len(seen["asked"]) == len(noted["distill"])
    assert len(noted["curriculum"]) == 20
    assert len(noted["warmstart"]) == 4 + 2
    assert noted["train"] == ["step_00001", "step_00002", "step_00003"]


@pytest.mark.process
def test_what_was_finished_is_the_same_to_the_nanosecond(seen):
    for stage, after in itertools.pairwise(STAGES):
        finished = written(seen, seen["finished"][after], stage)
        assert finished and finished == written(seen, seen["end"], stage)


@pytest.mark.process
def test_the_pair_answers_and_a_killed_server_answers_the_same_again(seen):
    first, second = seen["answers"]
    assert first == second and all(first) and seen["served"]
