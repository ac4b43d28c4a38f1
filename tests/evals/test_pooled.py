"""Several seeds' sweeps together."""

import doctest
import json

import pytest

from evals import pooled
from rlad.cli import PlainError


def sweep(difference, gain):
    """A sweep.json with a selected answer and one comparison of coverage."""
    around = [difference - 0.02, difference + 0.02]
    compared = [{"name": "coverage", "difference": gain, "ci95": [gain - 0.01, gain + 0.01]}]
    return {"selection": {"difference": difference, "ci95": around}, "comparisons": compared}


def test_the_worked_example():
    assert doctest.testmod(pooled).failed == 0


def test_every_comparison_that_all_runs_have_is_pooled(tmp_path, capsys):
    for seed, values in enumerate([(0.02, 0.05), (0.03, 0.05), (0.04, 0.05)]):
        folder = tmp_path / f"seed{seed}"
        folder.mkdir()
        (folder / "sweep.json").write_text(json.dumps(sweep(*values)))
    pooled.main([str(folder) for folder in sorted(tmp_path.iterdir())])
    text = capsys.readouterr().out
    rows = json.loads(text.splitlines()[-1])
    assert [row["name"] for row in rows] == [pooled.SELECTED, "coverage"]
    assert rows[0]["runs"] == [0.02, 0.03, 0.04] and rows[1]["over_seeds"] == [0.05, 0.05]
    assert "+2.0, +3.0, +4.0; over seeds +3.0 (+0.5 to +5.5); over problems +3.0 (+1.8 to +4.2)" in text


def test_a_choosing_player_is_pooled_beside_the_votes_that_were_chosen(tmp_path, capsys):
    vote = {"mode": "plain", "chosen": True, "difference": 0.01, "ci95": [0.0, 0.02]}
    row = {"select": "selector", "checkpoint": "cotrained", "chosen": True, "matched": True, "tokens_per_problem": 9.0}
    row["votes"] = [vote, vote | {"chosen": False, "difference": 0.5}, vote | {"mode": "abstractions"}]
    (tmp_path / "one.json").write_text(json.dumps({"choosers": [row]}))
    pooled.main([str(tmp_path / "one.json")])
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["runs"], "plain sampling's chosen vote" in row["name"]) for row in rows] == [
        ([0.01], True), ([0.01], False),
    ]  # fmt: skip
    assert "the selector's choice minus breadth's chosen vote" in rows[1]["name"]


def test_one_run_has_no_interval_over_seeds_and_a_folder_without_a_sweep_is_told(tmp_path, capsys):
    (tmp_path / "one.json").write_text(json.dumps(sweep(0.02, 0.05)))
    pooled.main([str(tmp_path / "one.json")])
    assert "over seeds" not in capsys.readouterr().out
    with pytest.raises(PlainError, match="no sweep in"):
        pooled.main([str(tmp_path)])
