"""Token entropies and covariances against other ways to compute them; the checks of the methods reference by number."""

from itertools import combinations

import numpy as np
import pytest

from rlad.entropy.covariance import covariance_profile, token_covariance
from rlad.entropy.tokens import (
    entropy_profile,
    forking_count,
    forking_overlap,
    forking_set,
)


def test_profile_by_sorting_in_plain_python():
    rng = np.random.default_rng(1)
    values = rng.exponential(0.4, 103) * (rng.random(103) < 0.5)
    found = entropy_profile(values, threshold=0.5)
    ranked = sorted(values.tolist(), reverse=True)
    assert found["top20_share"] == pytest.approx(sum(ranked[:21]) / sum(ranked))
    assert found["quiet_share"] == sum(v < 0.01 for v in ranked) / 103
    assert found["forking_share"] == sum(v > 0.5 for v in ranked) / 103
    assert found["p50"] == ranked[51]
    assert found["mean"] == pytest.approx(sum(ranked) / 103)
    assert entropy_profile(np.zeros(4))["top20_share"] is None


def test_forking_tokens_check_2_10():
    assert [forking_count(n) for n in (1, 5, 10, 11, 12)] == [1, 1, 2, 3, 3]
    values = np.array([0.3, 0.9, 0.1, 0.8, 0.7, 0.2, 0.0, 0.0, 0.0, 0.0])
    best = max(combinations(range(10), 2), key=lambda pair: sum(values[i] for i in pair))
    assert forking_set(values) == set(best) == {1, 3}
    assert forking_overlap(values, values) == 1.0
    assert forking_overlap(values, values[::-1]) == 0.0


def test_covariance_is_numpys_and_check_2_7():
    logp, advantage = np.array([-0.1, -0.1, -0.1, -3.7]), np.array([1.0, 1.0, -1.0, -1.0])
    assert token_covariance(logp, advantage) == pytest.approx([0.9, 0.9, -0.9, 2.7])
    rng = np.random.default_rng(2)
    logp, advantage = rng.normal(size=5000), rng.normal(size=5000)
    found = covariance_profile(logp, advantage)
    assert found["mean"] == pytest.approx(np.cov(logp, advantage, ddof=0)[0, 1])
    by_hand = sorted(((a - logp.mean()) * (b - advantage.mean()) for a, b in zip(logp, advantage, strict=True)))
    assert found["top_share"] == pytest.approx(sum(by_hand[-10:]) / sum(v for v in by_hand if v > 0))
    assert found["p99"] == pytest.approx(by_hand[4949] + 0.01 * (by_hand[4950] - by_hand[4949]), abs=1e-9)
    assert covariance_profile(logp, np.ones(5000))["top_share"] is None
