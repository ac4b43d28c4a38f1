"""`python -m evals.laws` over several made-up runs: some obey the law, one says nothing."""

import json

import numpy as np
import pytest

from evals.charts.curves import learning
from evals.law.study import read_metrics
from evals.laws import main
from rlad.cli import PlainError


def run_of(folder, seed, a=0.15, flat=False):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    lines = []
    for step, entropy in enumerate(np.linspace(1.2, 0.3, 60), start=1):
        entropy = 0.5 if flat else float(entropy)
        accuracy = 0.75 - a * np.exp(entropy) + 0.01 * rng.normal()
        player = {"entropy": entropy, "reward": 0.1}
        row = {"step": step, "tokens_generated_total": 1000 * step, "abstraction": player, "solution": player}
        lines.append(json.dumps(row | {"rollout": {"accuracy": accuracy}}))
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return str(folder)


def test_runs_are_counted_by_player_and_model(tmp_path, capsys):
    runs = [run_of(tmp_path / "seed0" / f"arm{seed}", seed) for seed in range(3)]
    runs.append(run_of(tmp_path / "seed1" / "flat", 3, flat=True))
    main([*runs, "--out", str(tmp_path / "laws.json")])
    said = capsys.readouterr().out
    assert "its 95 % interval is above zero in 3, below zero in 0" in said
    written = json.loads((tmp_path / "laws.json").read_text())
    assert [one["run"] for one in written["runs"][::2]] == ["seed0/arm0", "seed0/arm1", "seed0/arm2", "seed1/flat"]
    for role in ("abstraction", "solution"):
        law = written["summary"][role]["law"]
        assert law["runs"] == law["better"] == 3 and law["ratio"] < 0.5
        assert written["summary"][role]["a"]["median"] == pytest.approx(0.15, abs=0.02)
        assert law["better_than_trend"] == law["runs_with_trend"] == 3  # e^H of a straight H is no line in log tokens
        assert written["summary"][role]["trend"]["runs"] == 4
    assert written["runs"][-1]["law"] is None  # an entropy that never moves fits no law


def test_comparison_stands_for_its_runs(tmp_path, capsys):
    """The curves in a compare.json give the numbers that the runs' own metrics give."""
    runs = [run_of(tmp_path / f"seed{seed}" / "arm", seed) for seed in range(2)]
    main([*runs, "--out", str(tmp_path / "of_runs.json")])
    seeds = {str(i): {"learning": learning(read_metrics(run))} for i, run in enumerate(runs)}
    arms = {"arm": {"seeds": seeds}, "base": {"seeds": {"0": {"learning": {}}}}}
    comparison = tmp_path / "compare.json"
    comparison.write_text(json.dumps({"arms": arms}))
    main([str(comparison), "--out", str(tmp_path / "of_curves.json")])
    first, second = (json.loads((tmp_path / f"of_{what}.json").read_text()) for what in ("runs", "curves"))
    assert [one["run"] for one in second["runs"]] == [one["run"] for one in first["runs"]]
    for one, other in zip(first["runs"], second["runs"], strict=True):
        for model in ("law", "law_forecast", "trend"):
            # the curves keep five decimals
            assert one[model]["held_out"]["rmse"] == pytest.approx(other[model]["held_out"]["rmse"], abs=2e-5)
    comparison.write_text('{"arms": {}}')
    with pytest.raises(PlainError, match="holds no learning curves"):
        main([str(comparison)])


def test_a_share_that_fits_nothing_is_refused(tmp_path):
    with pytest.raises(PlainError, match="between 0 and 1"):
        main([run_of(tmp_path / "run", 0), "--fit", "1"])
