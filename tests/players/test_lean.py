"""transformers without what only others of its models want: hidden while it is imported, and no longer."""

import pytest
from transformers import utils

from rlad.players.lean import SKIPPED, language_models_only


def test_libraries_are_hidden_within_and_found_again_after_it_however_it_ends():
    before = {name: getattr(utils, name) for name in SKIPPED}
    with language_models_only():
        assert not any(getattr(utils, name)() for name in SKIPPED)
    with pytest.raises(ImportError), language_models_only():
        raise ImportError("no such model")
    assert {name: getattr(utils, name) for name in SKIPPED} == before
    assert all(function() for function in before.values())
