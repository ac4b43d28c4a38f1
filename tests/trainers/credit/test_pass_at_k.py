"""Pass@k credit: what a sample adds to its set, against all sets counted out and against the gradient itself."""

import itertools
import random

import pytest

from rlad.config import ConfigError, load_config
from trainers.credit.pass_at_k import PassAtKKeys, pass_at_k_advantages


@pytest.mark.parametrize("k", [2, 3, 5, 6])
def test_mean_over_all_sets_counted_out(k):
    rng = random.Random(k)
    rewards = [rng.choice([-1.0, 0.0, 0.25, 1.0]) for _ in range(6)]
    for i, value in enumerate(pass_at_k_advantages(rewards, PassAtKKeys(k=k))):
        rest = rewards[:i] + rewards[i + 1 :]
        gains = [max(rewards[i] - max(others), 0.0) for others in itertools.combinations(rest, k - 1)]
        assert value == pytest.approx(sum(gains) / len(gains))


def test_it_estimates_the_gradient_of_pass_at_k():
    """One Bernoulli parameter p, groups of 5, k = 3: E[sum A_i d log p(y_i)] / 5 is (1 - (1 - p)^3)' / 3."""
    p, size, k, total = 0.3, 5, 3, 0.0
    for outcome in itertools.product((1, 0), repeat=size):
        chance = p ** sum(outcome) * (1 - p) ** (size - sum(outcome))
        scores = [1 / p if right else -1 / (1 - p) for right in outcome]
        advantages = pass_at_k_advantages(outcome, PassAtKKeys(k=k))
        total += chance * sum(a * s for a, s in zip(advantages, scores, strict=True)) / size
    assert total == pytest.approx(3 * (1 - p) ** 2 / k)


def test_groups_that_shrank_pay_what_is_left():
    assert pass_at_k_advantages([1.0], PassAtKKeys(k=4)) == [0.0]
    assert pass_at_k_advantages([1.0, 0.0], PassAtKKeys(k=4)) == [1.0, 0.0]
    assert pass_at_k_advantages([1.0] * 5, PassAtKKeys(k=2)) == [0.0] * 5


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (["solution.advantage=pass_at_k", "solution.pass_at_k.k=5", "cotrain.solutions=4"], "4 samples"),
        (
            [
                *("solution.advantage=pass_at_k", "solution.pass_at_k.k=17", "cotrain.solution_group=problem"),
                *("cotrain.abstractions=4", "cotrain.solutions=4"),
            ],
            "16 samples",
        ),
        (["abstraction.advantage=pass_at_k", "abstraction.pass_at_k.k=9", "cotrain.draws=8"], "8 samples"),
    ],
)
def test_a_set_larger_than_its_group_is_refused(words, size):
    with pytest.raises(ConfigError, match=rf"pass_at_k\.k=\d+ is larger than a group's {size}"):
        load_config(None, words)
    load_config(None, [word.replace("k=5", "k=4").replace("k=17", "k=16").replace("k=9", "k=8") for word in words])
