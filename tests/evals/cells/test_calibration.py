"""Calibration metrics: hand numbers, plain-Python re-derivations, and scikit-learn as an independent reference."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from evals.cells.calibration import brier, calibration, calibration_row, expected_calibration_error
from evals.samples.judged import PlainSamples
from evals.samples.trees import Samples
from rlad.entropy.auroc import auroc

Q, C = [0.9, 0.9, 0.1, 0.1], [1, 0, 0, 0]


def test_numbers():
    assert calibration(Q, C) == pytest.approx(
        {"accuracy": 0.25, "confidence": 0.5, "brier": 0.21, "ece": 0.25, "auroc": 0.8333}, abs=1e-4
    )


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn_and_plain_python(seed):
    rng = np.random.default_rng(seed)
    q = rng.integers(0, 11, 60) / 10
    c = (rng.random(60) < q).astype(int)
    assert brier(q, c) == pytest.approx(brier_score_loss(c, q))
    assert auroc(q, c) == pytest.approx(roc_auc_score(c, q))
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a in q[c == 1] for b in q[c == 0]]
    assert auroc(q, c) == pytest.approx(sum(wins) / len(wins))
    ece = 0.0
    for b in range(10):
        inside = [i for i in range(60) if (b / 10 <= q[i] + 1e-12 < (b + 1) / 10) or (b == 9 and q[i] == 1)]
        if inside:
            ece += len(inside) / 60 * abs(np.mean(q[inside]) - np.mean(c[inside]))
    assert expected_calibration_error(q, c) == pytest.approx(ece)


def test_edges():
    # One bin, the last: |1.95 - 1| / 2. A bin of its own for 1 would give (1 + .05) / 2.
    assert expected_calibration_error([1.0, 0.95], [0, 1]) == pytest.approx(0.475)
    assert expected_calibration_error([0.3, 0.7], [0, 1]) == pytest.approx(0.3)  # where binary fractions mislead
    assert auroc([0.4] * 6, [1, 0, 1, 0, 0, 0]) == 0.5
    assert auroc([0.4, 0.5], [1, 1]) is None
    for bad in (([0.5], [1, 0]), ([], []), ([1.5], [1])):
        with pytest.raises(ValueError):
            calibration(*bad)


def samples(confidence):
    correct = np.array([[True, False], [False, False]])
    texts = [["9" if q is None else f"9 <confidence>{q}</confidence>" for q in row] for row in confidence]
    records = [Samples(row, [1, 1], [None, None], ["incorrect"] * 2, [0, 1]) for row in texts]
    return PlainSamples("cotrained", "x", 1.0, correct, np.ones((2, 2), int), [[0, 1]] * 2, records)


def test_row_of_the_sweep_leaves_out_who_states_nothing():
    row = calibration_row(samples([[0.9, 0.9], [0.1, None]]))
    assert row["stated"] == 0.75 and row["accuracy"] == pytest.approx(1 / 3)
    assert row["brier"] == pytest.approx((0.01 + 0.81 + 0.01) / 3)
    silent = calibration_row(samples([[None, None], [None, None]]))
    assert silent == {"checkpoint": "cotrained", "label": "x", "temperature": 1.0, "stated": 0.0}
