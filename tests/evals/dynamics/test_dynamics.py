"""Courses of long trainings: made-up runs whose fall, turn and law are known, the tables, and what is refused."""

import json
import math

import numpy as np
import pytest

from evals.dynamics import __main__ as command
from evals.dynamics import fall, measure, products
from rlad.cli import PlainError

STEPS = 400


def rows(accuracy, entropy, noise=0.03, seed=0, every=5):
    """Lines of metrics.jsonl: accuracy and π_sol's entropy as functions of t from 0 to 1; the latter's planning tokens
    rise after the middle, where its execution tokens have settled."""
    rng, made = np.random.default_rng(seed), []
    for step in range(1, STEPS + 1):
        t = step / STEPS
        right = {"accuracy": accuracy(t) + noise * rng.normal(), "bare_accuracy": None, "coverage": 0.5}
        player = {"entropy": entropy(t), "reward": 0.5, "clip_fraction": 0.02 * t, "grad_norm": 1 + t, "length": 24.0}
        abstraction = {"entropy": 0.9 - 0.4 * min(t, 0.3), "grad_norm": 0.5}
        if step % every == 0:
            settled = 0.3 + 0.5 * max(0.0, 0.5 - t) + 0.001 * rng.normal()
            planning = {"entropy": 0.2 + max(0.0, t - 0.5) + 0.001 * rng.normal(), "execution_entropy": settled}
            planning |= {"execution_perplexity": math.exp(settled), "share": 0.4}
            player |= {"instruments": {"planning": planning}}
        row = {"step": step, "tokens_generated_total": 1000 * step, "rollout": right}
        made.append(row | {"solution": player, "abstraction": abstraction})
    return made


def lawful(t):
    return 0.5 - 0.1 * math.exp(1 - 0.8 * t)


@pytest.fixture
def write(tmp_path):
    """A function that writes a run of a comparison."""

    def made(metrics, arm="isolated", seed=0):
        folder = tmp_path / "runs" / f"seed{seed}" / arm
        folder.mkdir(parents=True)
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics))
        return folder

    return made


def test_a_planted_cliff_is_found_where_it_is_and_as_deep():
    record = measure.measured(rows(lambda t: 0.2 + 0.2 * t - 0.3 * max(0.0, t - 0.8), lambda t: 1.0), "a", 0)
    found = record["accuracy"]
    assert found["best_step"] == pytest.approx(320, abs=25)
    assert found["drop"] == pytest.approx(0.055, abs=0.03) and found["ci95"][0] < 0.055 < found["ci95"][1]


def test_luck_is_no_cliff():
    """The best of twenty noisy stretches is above the last by luck; measured on other steps it is not, in the mean."""
    rng, drops, inside = np.random.default_rng(0), [], 0
    for _ in range(400):
        found = fall.fall(range(STEPS), rng.normal(0.3, 0.05, STEPS))
        drops.append(found.drop)
        inside += found.ci95 is None or found.ci95[0] <= 0 <= found.ci95[1]
    assert abs(np.mean(drops)) < 3 * np.std(drops) / 20
    assert inside / 400 > 0.92


def test_a_law_that_holds_foretells_the_rest_and_one_that_turns_does_not():
    holds = measure.measured(rows(lawful, lambda t: 1 - 0.8 * t, noise=0.002), "a", 0)["law"]["solution"]
    for part in ("early", "late", "whole"):
        assert holds[part]["ci95"][0] < 0.1 < holds[part]["ci95"][1] and holds[part]["r2"] > 0.9
    assert holds["rmse"] < holds["rmse_no_change"] / 3
    turned = measure.measured(
        rows(lambda t: lawful(min(t, 0.6 - t)), lambda t: 1 - 0.8 * t, noise=0.002), "a", 0
    )["law"]["solution"]  # fmt: skip
    assert turned["early"]["a"] > 0 > turned["late"]["a"] and turned["rmse"] > turned["rmse_no_change"]


def test_entropies_turn_and_phases_follow():
    record = measure.measured(rows(lawful, lambda t: 1 - 0.8 * t), "a", 0)
    assert record["turns"]["abstraction_entropy"] == pytest.approx(120, abs=15)
    assert record["turns"]["execution_entropy"] == pytest.approx(200, abs=15)
    assert record["turns"]["solution_entropy"] is None  # a straight line
    assert record["phases"]["tokens"]["step"] == pytest.approx(200, abs=15)
    assert "grams" not in record["phases"]  # nothing of the kind was recorded
    assert record["over_the_run"]["clip_fraction"]["largest"] == pytest.approx(0.0195, abs=1e-3)
    assert record["entropy"]["solution_entropy"] == pytest.approx([0.98, 0.22], abs=0.01)


def test_command_shows_writes_and_reads_again_what_it_wrote(write, tmp_path, capsys):
    for seed in (0, 1):
        write(rows(lawful, lambda t: 1 - 0.8 * t, seed=seed), "isolated-joint", seed)
        write(rows(lawful, lambda t: 1 - 0.4 * t, seed=seed), "shared", seed)
    command.main([str(tmp_path / "runs"), "--out", str(tmp_path / "out")])
    table = capsys.readouterr().out
    assert max(map(len, table.partition("Written")[0].splitlines())) <= 80
    assert (tmp_path / "out" / "dynamics.png").stat().st_size > 10_000
    text = (tmp_path / "out" / "dynamics.md").read_text()
    assert "| isolated-joint | 1 | 400 |" in text and "python -m evals.dynamics" in text
    kept = json.loads((tmp_path / "out" / "dynamics.json").read_text())
    assert [(one["arm"], one["seed"]) for one in kept["runs"]][:2] == [("isolated-joint", 0), ("isolated-joint", 1)]
    low, high = kept["over_seeds"]["shared"]["last"]["ci95"]
    assert low < kept["over_seeds"]["shared"]["last"]["mean"] < high
    command.main([str(tmp_path / "out" / "dynamics.json")])
    assert capsys.readouterr().out == table.partition("Written")[0]
    command.main([str(tmp_path / "runs"), "--json"])
    by_run = [sorted((one["arm"], one["seed"], one["accuracy"]["drop"]) for one in found)
              for found in (json.loads(capsys.readouterr().out), kept["runs"])]  # fmt: skip
    assert by_run[0] == by_run[1]


def test_a_solver_alone_is_followed_by_its_plain_accuracy():
    metrics = rows(lawful, lambda t: 1.0)
    for row in metrics:
        row["rollout"]["bare_accuracy"], row["rollout"]["accuracy"] = row["rollout"]["accuracy"], None
        del row["abstraction"]
    record = measure.measured(metrics, "a", None)
    assert record["solved"] == "plainly" and record["accuracy"]["last"] > record["accuracy"]["first"]
    assert record["law"] == {}  # the entropy stood still


def test_what_cannot_be_read_is_refused_in_one_sentence(write, tmp_path):
    short, silent = write(rows(lawful, lambda t: 1.0)[:30], "short"), write([{"step": 1}] * 90, "silent")
    (tmp_path / "other.json").write_text('{"arms": {}}')
    (tmp_path / "empty").mkdir()
    for given, sentence in {
        short: r"'seed 0 short' records the accuracy of 30 steps; its course cannot be read below 80\.",
        silent: r"'seed 0 silent' records no accuracy",
        tmp_path / "other.json": "holds no courses",
        tmp_path / "empty": "holds no training",
        tmp_path / "nowhere": "There is no folder",
        tmp_path / "nowhere.json": "holds no courses",
    }.items():
        with pytest.raises(PlainError, match=sentence):
            command.main([str(given)])
    with pytest.raises(PlainError, match="no run has finished"):
        products.write([], "name", {}, "command", tmp_path)
