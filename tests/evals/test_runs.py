"""Runs with holes are read as far as they go."""

import gc
import json

import pytest

from evals import runs


def test_torn_last_line_is_forgiven_a_torn_middle_one_is_not(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1}\n{"step": 2}\n{"ste')
    assert [row["step"] for row in runs.read_jsonl(file)] == [1, 2]
    file.write_text('{"step": 1}\n{"ste\n{"step": 3}\n')
    with pytest.raises(runs.RunError, match="Line 2"):
        runs.read_jsonl(file)


def test_repeated_steps_after_a_resume_count_once(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(json.dumps({"step": s, "v": v}) + "\n" for s, v in [(1, 0), (2, 0), (3, 0), (2, 1)]))
    assert [(row["step"], row["v"]) for row in runs.read_jsonl(file)] == [(1, 0), (2, 1), (3, 0)]
    file.write_text('{"step": 20, "label": "base"}\n{"step": 20, "label": "solution"}\n')
    assert len(runs.read_jsonl(file)) == 2


def test_folders_that_are_no_runs_are_refused(tmp_path):
    with pytest.raises(runs.RunError, match="no run folder"):
        runs.read_run(tmp_path / "nowhere")
    with pytest.raises(runs.RunError, match="holds no run"):
        runs.read_run(tmp_path)
    (tmp_path / "sweep.json").write_text("[1")
    with pytest.raises(runs.RunError, match="not valid JSON"):
        runs.read_run(tmp_path)


def test_the_collector_works_again_after_a_page_and_after_what_failed():
    def fail():
        raise ValueError(gc.isenabled())

    with pytest.raises(ValueError, match="False"):
        runs.uncollected()(fail)()
    assert gc.isenabled()
    gc.disable()
    try:
        with runs.uncollected(), runs.uncollected():
            pass
        assert not gc.isenabled()  # whoever switched it off keeps it so
    finally:
        gc.enable()
