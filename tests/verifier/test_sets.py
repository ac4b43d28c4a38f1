"""The labelled sets: a few rows always, whole sets when ``RLAD_VERIFIER_DATA`` names a folder that holds them.

``data/samples.jsonl`` holds rows from MATH (MIT), GSM8K (MIT), TinyV HardVerify-Math (MIT) and Math-Verify
(Apache-2.0).
"""

import json
import os
import random
from pathlib import Path

import pytest

from rlad.verifier import Outcome, VerifyOptions, verify

DATA = Path(os.environ.get("RLAD_VERIFIER_DATA", "/nonexistent"))
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="RLAD_VERIFIER_DATA names no folder with verifier/ and problems/"
)


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


SAMPLES = _rows(Path(__file__).parent / "data" / "samples.jsonl")


@pytest.mark.parametrize("row", SAMPLES, ids=[f"{r['source']}-{k}" for k, r in enumerate(SAMPLES)])
def test_sample(row):
    assert verify(row["gold"], row["pred"]).correct is row["expected"]


@needs_data
@pytest.mark.parametrize(
    ("name", "accuracy", "false_positives"), [("tinyv_hardverify_dev", 0.88, 1), ("gsm8k_model_solutions_dev", 1.0, 0)]
)
def test_labelled_set(name, accuracy, false_positives):
    rows = _rows(DATA / "verifier" / f"{name}.jsonl")
    judged = [(verify(r["gold"], r["pred"]).correct, r["expected"]) for r in rows]
    assert sum(a == b for a, b in judged) / len(rows) >= accuracy
    assert sum(a and not b for a, b in judged) <= false_positives


@needs_data
def test_math_golds_verify_against_themselves_and_their_solutions():
    """The solutions are references, not predictions: several boxes in them are no hedging, the last one counts."""
    rows = _rows(DATA / "problems" / "math_test_5000.jsonl")
    assert [r["answer"] for r in rows if not verify(r["answer"], r["answer"]).correct] == []
    lenient = VerifyOptions(reject_hedging=False)
    assert len([r["answer"] for r in rows if not verify(r["answer"], r["solution"], lenient).correct]) <= 2


@needs_data
def test_random_pairs_of_golds_are_rarely_equal():
    """Those that are equal differ in form only (``6`` and ``\\$6``); a person looked at them. None may be undecided."""
    golds = sorted({r["answer"] for r in _rows(DATA / "problems" / "math_test_5000.jsonl")})
    rng = random.Random(0)
    verdicts = [verify(*rng.sample(golds, 2)) for _ in range(5000)]
    assert sum(v.correct for v in verdicts) <= 5
    assert not [v for v in verdicts if v.outcome is Outcome.undecided]
