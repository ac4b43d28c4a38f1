"""What the serving tests share."""

import pytest
from fake_gateway import Gateway


@pytest.fixture
def gateway():
    return Gateway()
