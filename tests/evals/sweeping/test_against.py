"""One sweep against another: paired on the same problems, corrected for the number of cells, refused on others."""

import doctest
import json

import pytest
import simulated_jobs
from simulated_jobs import run_folder

from evals import sweep
from evals.samples.trees import NAME
from evals.sweeping import against
from rlad.cli import PlainError
from rlad.config import ConfigError


def test_worked_examples_in_docstrings():
    assert doctest.testmod(against).failed == 0


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Two sweeps of the same problems; every solution with an abstraction of the second run is right."""
    simulated_jobs.simulate(monkeypatch)
    folders = [run_folder(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        sweep.main([str(folder)])
    lines = [json.loads(line) for line in (folders[1] / NAME).read_text().splitlines()]
    for tree in [tree for line in lines for tree in line["trees"] if tree["mode"] == "distinct"]:
        for branch in tree["branches"]:
            own = branch["solutions"]
            own |= {"verdict": ["correct"] * len(own["key"]), "key": [0] * len(own["key"])}
    (folders[1] / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folders


def test_the_better_run_is_said_to_be_better_where_it_is(pair, capsys):
    one, two = pair
    sweep.main([str(one), "--against", str(two)])
    assert f"Selected answer: {two} is better than {one} in 2 of 4 cells" in " ".join(capsys.readouterr().out.split())
    rows = json.loads((one / "against.json").read_text())["rows"]
    assert [row["p_holm"] <= 0.05 for row in rows if row["measure"] == "accuracy"] == [True, True, False, False]
    assert all(row["other"] == 1 for row in rows if row["n"])  # and plain sampling is the same on both sides
    assert all(row["difference"] == 0 for row in rows if not row["n"])
    sweep.main([str(two), "--against", str(one)])
    back = json.loads((two / "against.json").read_text())["rows"]
    assert [row["difference"] for row in back] == [-row["difference"] for row in rows]


def test_other_problems_and_what_was_not_sampled_are_refused(pair):
    one, two = pair
    first, rest = (two / NAME).read_text().split("\n", 1)
    (two / NAME).write_text(json.dumps(json.loads(first) | {"question": "another"}) + "\n" + rest)
    with pytest.raises(PlainError, match=r"different problems \(11 and 11, 10 in common"):
        sweep.main([str(one), "--against", str(two)])
    with pytest.raises(ConfigError, match="cannot change what was sampled"):
        sweep.main([str(one), "--against", str(two), "sweep.plain_samples=9"])
    (two / NAME).unlink()
    with pytest.raises(PlainError, match="it keeps its trees there"):
        sweep.main([str(one), "--against", str(two)])
