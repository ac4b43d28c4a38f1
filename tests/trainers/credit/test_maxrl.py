"""MaxRL: advantages by hand, that they average to nothing, and what they cannot be taken of."""

import pytest

from rlad.config import ConfigError, load_config
from trainers.credit.maxrl import maxrl


@pytest.mark.parametrize(("right", "of"), [(1, 8), (4, 8), (7, 8), (8, 8), (0, 8), (1, 1)])
def test_by_hand(right, of):
    values = maxrl([1.0] * right + [0.0] * (of - right))
    worth = (of - right) / right if right else 0.0
    assert values == pytest.approx([worth] * right + [-1.0 if right else 0.0] * (of - right))
    assert sum(values) == pytest.approx(0)


def test_it_wants_success_rates():
    load_config(None, ["solution.advantage=maxrl"])
    for word in ("solution.reward=rlcr", "solution.overlong=4"):
        with pytest.raises(ConfigError, match="divides by a success rate"):
            load_config(None, ["solution.advantage=maxrl", word])
    with pytest.raises(ConfigError, match="known: batch_std, mean"):
        load_config(None, ["abstraction.advantage=maxrl"])
