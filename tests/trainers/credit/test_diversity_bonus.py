"""The diversity bonus: for being unlike the others and working."""

import pytest
from trees import tree

from rlad.config import CotrainConfig, DiversityConfig
from trainers.credit.diversity import novelty_by_form, novelty_by_wording
from trainers.credit.draws import draw_rewards


def test_novelty_by_hand():
    assert novelty_by_form(["a", "b", "b", "c"]) == pytest.approx([1, 2 / 3, 2 / 3, 1])
    assert novelty_by_form(["a"]) == novelty_by_wording(["abc"]) == [0]
    first, second = {"use", "sea", "ear", "are"}, {"use", "seb", "eba"}
    similarity = len(first & second) / len(first | second)
    assert novelty_by_wording(["use are", "use ba"]) == pytest.approx([1 - similarity] * 2, abs=1e-4)
    assert novelty_by_wording(["same words", "Same  Words"]) == [0, 0]


def test_only_what_works_is_paid_for_being_different():
    config = DiversityConfig(weight=0.5)
    t = tree([[1, 1], [0, 0], [1, 0]], repeats=[0])
    # success 1, 0, .5, 1; of three others the repeated one shares its form with one
    assert draw_rewards(t, CotrainConfig(), config) == pytest.approx([1 + 0.5 * 2 / 3, 0, 0.5 + 0.25, 1 + 0.5 * 2 / 3])
    assert draw_rewards(t, CotrainConfig()) == [1, 0, 0.5, 1]
    wording = DiversityConfig(weight=0.5, measure="wording")
    assert draw_rewards(t, CotrainConfig(), wording)[2] == pytest.approx(0.75)  # z0, z1, z2 share no trigram


def test_leaks_get_no_bonus():
    config = DiversityConfig(weight=1.0)
    assert draw_rewards(tree([[1], [1]], leaks={0}), CotrainConfig(), config) == [-0.2, 1]  # alone among what counts
