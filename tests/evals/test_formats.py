"""Forms of texts over a training: what is read from run folders, what is refused, and a table that fits."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from evals.formats import main, print_formats
from evals.runs import RunError
from rlad.cli import PlainError


def run_of(folder, entropies, role="solution"):
    """A run whose most frequent form's share grows by what the entropy of its forms falls."""
    folder.mkdir(parents=True)
    steps = [
        {"step": i, role: {"instruments": {"formats": {"entropy": h, "dominant_share": 1 - h, "dominant": "steps"}}}}
        for i, h in enumerate(entropies)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    return str(folder)


def test_seeds_of_an_arm_stand_together_with_an_interval(tmp_path, capsys):
    runs = [run_of(tmp_path / f"seed{s}" / "arm", [0.5] * 10 + [0.5 - fall] * 10) for s, fall in ((0, 0.2), (1, 0.4))]
    main([*runs, run_of(tmp_path / "other", [0.4, 0.4], "abstraction"), "--out", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    arm = next(one for one in found["arms"] if one["arm"] == "arm")
    assert (arm["runs"], arm["entropy"], arm["dominant_share"]) == (2, [0.5, 0.2], [0.5, 0.8])
    low, high = arm["entropy_difference"]["ci95"]
    assert low == pytest.approx(-0.3 - 12.706 * 0.1, abs=1e-3) and high == pytest.approx(-0.3 + 12.706 * 0.1, abs=1e-3)
    assert [one["of"] for one in found["runs"]][:2] == ["seed0", "seed1"]
    assert "π_abs" in capsys.readouterr().out


def test_bad_input_is_one_sentence(tmp_path):
    with pytest.raises(RunError, match="There is no run folder"):
        main([str(tmp_path / "nowhere")])
    with pytest.raises(PlainError, match="fewer than two steps"):
        main([run_of(tmp_path / "short", [0.5])])
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.yaml").write_text("name: bare\n")
    with pytest.raises(PlainError, match="No form of text was measured"):
        main([str(bare)])


def test_the_table_is_whole_on_eighty_columns(capsys):
    found = json.loads((Path(__file__).parents[2] / "docs/results/formats/formats.json").read_text())
    print_formats(found["arms"], Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and not any("…" in line for line in lines)
