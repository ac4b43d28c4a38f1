"""Every method on the embedded pair, through the real two-rank loop, in one launch."""

import json
import math
import re

import pytest
from teachers import teacher
from two_ranks import ROOT, SMALL, run_program

from rlad.config import load_config, save_config
from trainers.methods import OFFLINE
from trainers.rewards import ABSTRACTION_REWARDS, SOLUTION_REWARDS
from trainers.shaping import SHAPINGS

METHODS = ("rlcr", "hill", "r3", "shaped", "critique-verifier", "critique-self", "critique-teacher", "offline")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two steps of every method; the metrics by method."""
    folder = tmp_path_factory.mktemp("methods")
    start = folder / "start"
    start.mkdir()
    save_config(load_config(None, SMALL), start / "config.yaml")
    with teacher("<wrong> 2 a + 1 b") as (url, asked):
        run_program("methods_program.py", str(start), str(folder / "runs"), url, timeout=400)
        assert len(asked) > 0
    return folder / "runs"


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def numbers(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, (int, float)):
        yield value


@pytest.mark.parametrize("name", METHODS)
def test_two_steps_of_every_method(runs, name):
    rows = metrics(runs / name)
    assert [row["step"] for row in rows] == [1, 2]
    assert all(math.isfinite(number) for row in rows for number in numbers(row))
    assert rows[1]["solution"]["updated"] == 1
    assert (runs / name / "export" / "solution" / "model.safetensors").is_file()
    measured = [row.get("rewards", {}) for row in rows]
    if name == "rlcr":
        assert all(0 <= m["stated"] <= 1 for m in measured)
        assert rows[0]["solution"]["reward"] < 0  # an untrained model states no confidence
    elif name == "hill":
        assert all(0 <= m["hint_pays"] <= 1 for m in measured)
    elif name == "r3":
        assert all(m["r3"] < 0 and 0 < m["filtered"] < 1 for m in measured)
        assert rows[0]["abstraction"]["reward"] < -1  # log-probs of an untrained model
    elif name.startswith("critique"):
        assert all(m["refined_groups"] == 1 and 0 <= m["refined_correct"] <= 1 for m in measured)
    elif name == "offline":
        offline = [row.get("offline", {}) for row in rows]
        assert set(offline[0]) == {"rft"} and set(offline[1]) == {"broaden"}
        assert offline[0]["rft"]["tokens"] > 0
        assert offline[1]["broaden"]["solution"]["last_loss"] > 0
        assert offline[1]["broaden"]["solution"]["rows"] == 2 * offline[1]["broaden"]["abstraction"]["rows"]
        assert rows[0]["tokens_generated_total"] == rows[0]["tokens_generated"] + offline[0]["rft"]["tokens"]
    else:
        rates = [[row[role]["lr"] for role in ("abstraction", "solution")] for row in rows]
        assert rates == [[1e-4, 2e-8], [2e-8, 1e-4]]


def test_refinements_cost_tokens_and_are_trained(runs):
    """Beside eight groups of solutions there are their critiques and second attempts."""
    for name in ("critique-self", "critique-teacher"):
        row = metrics(runs / name)[0]
        assert row["solution"]["trained_tokens"] > row["solution"]["length"] * 2


def test_warm_start_learns_critiques(runs):
    last = json.loads((runs / "critique-self" / "warmstart.jsonl").read_text().splitlines()[-1])
    assert {"critique", "refine"} <= set(last["loss_by_task"])


def test_the_loop_names_no_method():
    """Methods are chosen by name in their registries; the loop calls four places."""
    text = (ROOT / "trainers" / "cotrain.py").read_text()
    names = {*SOLUTION_REWARDS, *ABSTRACTION_REWARDS, *SHAPINGS, *OFFLINE, "critique", "refine", "partner", "brier"}
    names -= {"verdict", "none"}
    assert [name for name in names if re.search(rf"\b{name}\b", text)] == []
