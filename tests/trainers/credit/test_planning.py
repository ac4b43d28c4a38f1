"""HICRA's planning tokens: those inside the run's frozen grams earn more and pay less."""

import pytest
import torch

from rlad.config import ModelConfig, ProblemsConfig
from rlad.entropy import StrategicGrams
from rlad.players.policy import load_tokenizer
from trainers.credit.planning import planning_counts, planning_credit
from trainers.data.rows import Row
from trainers.learner.batches import collate


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(ModelConfig(), ProblemsConfig())


def credited(tokenizer, *rows):
    grams = StrategicGrams({("+", "#"): 0}, symbols=True, tokenizer=tokenizer)
    return planning_credit(list(rows), grams, 0.2)


def test_planning_tokens_move_by_their_size_and_the_others_stay(tokenizer):
    ids = tuple(tokenizer("3 * 5 + 7", add_special_tokens=False)["input_ids"])
    spelled = [tokenizer.decode([i]).strip() for i in ids]
    for advantage, moved in ((0.5, 0.6), (-0.5, -0.4)):
        (row,) = credited(tokenizer, Row((1,), ids, advantage, copies=3))
        expected = [moved if token in ("+", "7") else advantage for token in spelled]
        assert row.token_advantages == pytest.approx(expected)
        assert (row.copies, row.advantage) == (3, advantage)


def test_advantages_per_token_are_kept_and_anchors_are_left_alone(tokenizer):
    ids = tuple(tokenizer("+ 7", add_special_tokens=False)["input_ids"])
    own, anchor = Row((1,), ids, 9.0, token_advantages=(1.0, -2.0)), Row((1,), ids, pg_weight=0.0, bare=True)
    moved, same = credited(tokenizer, own, anchor)
    assert moved.token_advantages == pytest.approx((1.2, -1.6))
    assert same == anchor


def test_share_counts_copies_and_leaves_anchors_out(tokenizer):
    grams = StrategicGrams({("+", "#"): 0}, symbols=True, tokenizer=tokenizer)
    ids = tuple(tokenizer("3 * 5 + 7", add_special_tokens=False)["input_ids"])
    rows = [Row((1,), ids, 1.0, copies=3), Row((1,), ids[:3], 1.0), Row((1,), ids, pg_weight=0.0, bare=True)]
    planned = sum(grams.mask(ids))
    assert 0 < planned < len(ids)
    assert planning_counts(rows, grams) == (3 * planned, 3 * len(ids) + 3)


def test_the_update_gets_the_advantages_as_they_are(tokenizer):
    """No later step computes one: a batch carries the row's numbers, in single precision as the term was computed."""
    ids = tuple(tokenizer("3 + 7", add_special_tokens=False)["input_ids"])
    rows = credited(tokenizer, Row((1,), ids, 0.3))
    batch = collate(rows, [0, -1], 0, torch.device("cpu"))
    assert batch.advantage[0].tolist() == list(rows[0].token_advantages)
    assert batch.advantage[1].tolist() == [0.0] * len(ids)
