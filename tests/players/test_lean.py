"""transformers and vLLM without what only others of their models want: hidden while imported, and no longer."""

import gc
import importlib
import sys
from types import ModuleType

import pytest
from transformers import utils

from rlad.players.lean import HIDDEN, SKIPPED, language_models_only


def test_libraries_are_hidden_within_and_found_again_after_it_however_it_ends(monkeypatch):
    monkeypatch.delitem(sys.modules, HIDDEN, raising=False)
    before = {name: getattr(utils, name) for name in SKIPPED}
    with language_models_only():
        assert not any(getattr(utils, name)() for name in SKIPPED)
        with pytest.raises(ImportError):
            importlib.import_module(HIDDEN)
    with pytest.raises(ImportError), language_models_only():
        raise ImportError("no such model")
    assert {name: getattr(utils, name) for name in SKIPPED} == before
    assert all(function() for function in before.values()) and HIDDEN not in sys.modules


@pytest.mark.parametrize("collected", [True, False])
def test_no_garbage_is_collected_within_and_afterwards_as_before(monkeypatch, collected):
    monkeypatch.setattr(gc, "isenabled", lambda: collected)
    switched = []
    for name in ("disable", "enable"):
        monkeypatch.setattr(gc, name, lambda name=name: switched.append(name))
    with language_models_only():
        assert switched == ["disable"]
    assert switched == ["disable", *["enable"] * collected]


def test_what_was_imported_before_stays(monkeypatch):
    found = ModuleType(HIDDEN)
    monkeypatch.setitem(sys.modules, HIDDEN, found)
    with language_models_only():
        assert sys.modules[HIDDEN] is found
    assert sys.modules[HIDDEN] is found
