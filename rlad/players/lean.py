"""Using transformers and vLLM without libraries that only others of their models want."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import transformers.utils

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

SKIPPED = ("is_scipy_available", "is_sklearn_available")
"""SciPy matches boxes for object detection; scikit-learn fits a threshold for assisted decoding."""
HIDDEN = "scipy.signal"
"""vLLM resamples sounds with it, where it is installed."""


@contextmanager
def language_models_only() -> Iterator[None]:
    """Hides SciPy and scikit-learn from what transformers and vLLM import meanwhile, and collects no garbage.

    They import them for every model where they are installed: a fifth of the time that it takes to import a language
    model in transformers, a tenth of that of vLLM, in every process that has one. Imports leave no garbage, and to look
    for it among ever more modules takes a sixth of their time.
    """
    collected = gc.isenabled()
    gc.disable()
    asked = {name: getattr(transformers.utils, name) for name in SKIPPED}
    for name in SKIPPED:
        setattr(transformers.utils, name, lambda: False)
    found = sys.modules.get(HIDDEN)
    if found is None:
        sys.modules[HIDDEN] = None  # to import it is an ImportError then
    try:
        yield
    finally:
        if found is None:
            sys.modules.pop(HIDDEN, None)
        for name, function in asked.items():
            setattr(transformers.utils, name, function)
        if collected:
            gc.enable()


def save_model(model: PreTrainedModel, folder: Path, state: dict[str, torch.Tensor] | None = None) -> None:
    """Writes a model, with the weights of `state` where that is given, as a Hugging Face folder of safetensors.

    Nobody has wrapped it. transformers asks accelerate, which imports DeepSpeed to know a wrapper of its, where that is
    installed: seconds in a process that has no other use for it, and a warning on a machine without a GPU.
    """
    from transformers import modeling_utils

    asked = modeling_utils.unwrap_model
    modeling_utils.unwrap_model = lambda own, recursive=False: own
    try:
        model.save_pretrained(folder, state_dict=state, safe_serialization=True)
    finally:
        modeling_utils.unwrap_model = asked
