"""`python -m evals.law` on made-up runs whose law is known, and on what is no run."""

import json

import numpy as np
import pytest

from evals.law.__main__ import main
from evals.law.study import phases_of, points_of, study
from evals.law.words import law_in_words
from rlad.cli import PlainError


def rows(steps=60, a=0.15, b=0.75, noise=0.0, seed=0, start=1.2, end=0.3):
    rng = np.random.default_rng(seed)
    made = []
    for step, entropy in enumerate(np.linspace(start, end, steps), start=1):
        reward = b - a * np.exp(entropy) + noise * rng.normal()
        player = {"entropy": float(entropy), "reward": 0.1, "bare_entropy": float(entropy) / 2}
        made.append({
            "step": step, "tokens_generated_total": 1000 * step, "solution": player, "abstraction": dict(player),
            "rollout": {"accuracy": float(reward), "bare_accuracy": float(reward) / 2},
        })  # fmt: skip
    return made


@pytest.fixture
def written(tmp_path):
    def write(content, name="metrics.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
        return path

    return write


def test_exact_law_is_found_and_foretells_the_rest():
    metrics = rows()
    for share in (0.15, 0.3):
        result = study(metrics, points_of(metrics, "solution"), share)
        assert result.fitted == round(share * 60)
        assert (result.law.a, result.law.b) == pytest.approx((0.15, 0.75))
        told = result.forecasts["law"].foretold
        assert told.rmse < 1e-9
        assert told.rmse_no_change > 0.05
    assert told.steps == 42


def test_noisy_law_is_within_its_intervals_and_beats_no_change():
    metrics = rows(noise=0.01, seed=1)  # tests/entropy/test_law.py counts how often intervals hold the truth
    result = study(metrics, points_of(metrics, "abstraction"), 0.3)
    intervals = result.law.intervals()
    assert intervals["a"][0] < 0.15 < intervals["a"][1]
    assert intervals["b"][0] < 0.75 < intervals["b"][1]
    foretold = result.forecasts["law"].foretold
    assert foretold.rmse < 0.03 < foretold.rmse_no_change
    held = np.array([row["rollout"]["accuracy"] for row in metrics[18:]])
    told = np.array([result.law.b - result.law.a * np.exp(row["abstraction"]["entropy"]) for row in metrics[18:]])
    assert foretold.rmse == pytest.approx(float(np.sqrt(np.mean((held - told) ** 2))))
    assert foretold.last_error == pytest.approx(float(np.mean((held - told)[-4:])))


def test_line_in_log_tokens_knows_no_entropy_and_a_forecast_knows_no_later_one():
    """Where reward follows the entropy and the entropy jumps late, only who is told of the jump foretells it."""
    metrics = rows()
    tokens = np.array([row["tokens_generated_total"] for row in metrics], dtype=float)
    for i, row in enumerate(metrics):
        entropy = 1.2 - 0.2 * np.log(tokens[i] / 1000) + (0.3 if i >= 30 else 0.0)
        for role in ("abstraction", "solution"):
            row[role]["entropy"] = entropy
        row["rollout"]["accuracy"] = 0.75 - 0.15 * np.exp(entropy)
    told = {name: one.foretold for name, one in study(metrics, points_of(metrics, "solution")).forecasts.items()}
    assert told["law"].rmse < 1e-9 < 0.03 < min(told["law_forecast"].rmse, told["trend"].rmse)
    reward, log = np.array([row["rollout"]["accuracy"] for row in metrics]), np.log(tokens)
    slope, level = np.polyfit(log[:18], reward[:18], 1)
    wanted = np.sqrt(np.mean((reward[18:] - level - slope * log[18:]) ** 2))
    assert told["trend"].rmse == pytest.approx(float(wanted))
    entropy = 1.2 - 0.2 * np.log(tokens[18:] / 1000)  # the trend of the first 18, whatever came later
    wanted = np.sqrt(np.mean((reward[18:] - 0.75 + 0.15 * np.exp(entropy)) ** 2))
    assert told["law_forecast"].rmse == pytest.approx(float(wanted))


def test_run_without_token_counts_has_the_law_alone():
    metrics = rows()
    for row in metrics:
        del row["tokens_generated_total"]
    result = study(metrics, points_of(metrics, "solution"))
    assert [name for name, one in result.forecasts.items() if one.foretold] == ["law"]
    assert "No line in log tokens: the run does not record its generated tokens." in result.as_json()["missing"]


def test_a_run_without_range_in_entropy_is_told_so():
    metrics = rows(noise=0.02, start=0.50, end=0.48)
    result = study(metrics, points_of(metrics, "solution"))
    assert not result.ceiling_known
    assert "not determined" in law_in_words(result)
    assert "do not show that entropy buys reward" in law_in_words(result)


def test_condition_reward_and_gaps():
    metrics = rows()
    metrics[3]["rollout"]["accuracy"] = None
    del metrics[5]["solution"]["entropy"]
    points = points_of(metrics, "solution")
    assert len(points.steps) == 58
    assert 4.0 not in points.steps
    assert points_of(metrics, "solution", "bare").reward_key == "rollout.bare_accuracy"
    assert points_of(metrics, "solution", reward_key="solution.reward").reward.tolist() == [0.1] * 59
    for row in metrics[::5]:
        row["validation"] = {"accuracy": 0.5}
    assert points_of(metrics, "solution").reward_key == "validation.accuracy"
    with pytest.raises(PlainError, match="Only the solution player"):
        points_of(metrics, "abstraction", "bare")
    with pytest.raises(PlainError, match="a longer run is needed"):
        points_of(metrics[:5], "solution")


def test_the_entropy_is_the_mean_over_sequences_where_it_was_recorded_as_often():
    """The one that the law was stated for; the token mean only stands in for it."""
    metrics = rows()
    for row in metrics:
        row["solution"]["entropy"] += 0.3
        row["solution"]["instruments"] = {"sequence_entropy": row["solution"]["entropy"] - 0.3}
    points = points_of(metrics, "solution")
    assert points.entropy_key == "instruments.sequence_entropy"
    result = study(metrics, points)
    assert (result.law.a, result.law.b) == pytest.approx((0.15, 0.75))
    assert "entropy solution.instruments.sequence_entropy" in law_in_words(result)
    assert points_of(metrics, "abstraction").entropy_key == "entropy"
    for row in metrics[::10]:
        del row["solution"]["instruments"]
    assert points_of(metrics, "solution").entropy_key == "entropy"  # more points
    assert points_of(metrics, "solution", "bare").entropy_key == "bare_entropy"


def test_phases_are_read_from_the_planning_instruments():
    metrics = rows(40)
    for t, row in enumerate(metrics):
        planning = {"execution_perplexity": 2 - 0.05 * t if t < 20 else 0.9, "entropy": 1.0}
        planning["semantic_entropy"] = 1.0 if t < 20 else 1 + 0.1 * (t - 20)
        row["solution"]["instruments"] = {"planning": planning}
    found = phases_of(metrics, "solution")
    assert found["semantic entropy of strategic grams"].step == 21  # steps count from 1
    assert found["entropy of planning tokens"].step is None
    assert phases_of(rows(5), "solution") == {}


def test_command_in_words_and_in_json(written, capsys):
    path = written(rows(noise=0.01))
    main([str(path)])
    words = capsys.readouterr().out
    assert words.count("Entropy law") == words.count("Sigmoid over generated tokens") == 2
    assert words.count("On the 42 later steps") == words.count("a line of reward in log tokens") == 2
    main([str(path.parent), "--role", "solution", "--json", "--fit", "0.2"])
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["fitted"], found["reward"]) == (12, "rollout.accuracy")
    assert found["law"]["ceiling_ci95"][0] < 0.6 < found["law"]["ceiling_ci95"][1]
    assert found["law"]["held_out"]["steps"] == 48


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["/nowhere/metrics.jsonl"], "There is no file"),
        (["{path}", "--fit", "1.5"], "between 0 and 1"),
        (["{path}", "--reward", "rollout.coverage"], "rollout.coverage"),
        (["{empty}"], "holds no training steps"),
        (["{path}", "--condition", "bare", "--role", "abstraction"], "Only the solution player"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(written, words, sentence):
    places = {"path": written(rows(20)), "empty": written([], "empty.jsonl")}
    with pytest.raises(PlainError, match=sentence) as caught:
        main([word.format(**places) for word in words])
    assert "\n" not in str(caught.value)
