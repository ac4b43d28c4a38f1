"""Importing transformers and vLLM without libraries that only others of their models want."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import transformers.utils

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
