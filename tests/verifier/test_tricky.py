"""Pairs in the shapes that benchmarks' golds and models' completions really have, labelled by mathematics alone.

Written without looking at what any verifier says. A row that fails is answered by a better rule, never by its text.
"""

import json
from pathlib import Path

import pytest

from rlad.verifier.pool.worker import judge
from rlad.verifier.types import DEFAULT

ROWS = [json.loads(line) for line in (Path(__file__).parent / "data" / "tricky.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['kind']}: {row['gold']} | {row['pred']}" for row in ROWS])
def test_pair(row):
    verdict = judge(row["gold"], row["pred"], DEFAULT)
    assert verdict.correct is row["expected"], verdict


def test_labels_are_balanced():
    """A verifier that always says the same would fail nearly half of them."""
    assert 0.4 < sum(row["expected"] for row in ROWS) / len(ROWS) < 0.7
