"""transformers and vLLM without what only others of their models want: hidden while imported, and no longer."""

import gc
import importlib
import subprocess
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


@pytest.mark.process
def test_a_model_is_written_without_deepspeed(tmp_path):
    """transformers would import it on the way: seconds, and a warning about accelerators. Nor does the command that
    exports a checkpoint, which DeepSpeed reads, import it before it has said for which device."""
    code = (
        "import sys; from pathlib import Path; from transformers import modeling_utils;"
        "from rlad.players.lean import save_model; from rlad.players.policy import tiny_model;"
        "from rlad.config import ModelConfig; import trainers.export; asked = modeling_utils.unwrap_model;"
        "config = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1);"
        f"save_model(tiny_model(config, 9, 0, 0), Path({str(tmp_path)!r}));"
        "print('deepspeed' in sys.modules, modeling_utils.unwrap_model is asked)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"] and "accelerator" not in done.stdout + done.stderr
    assert (tmp_path / "model.safetensors").is_file()
