"""What the tests on two ranks share: the ranks."""

import pytest
from two_ranks import Ranks


@pytest.fixture(scope="session")
def ranks(tmp_path_factory):
    """Two ranks for all programs that need none to themselves."""
    shared = Ranks(tmp_path_factory.mktemp("ranks"))
    yield shared
    shared.end()
