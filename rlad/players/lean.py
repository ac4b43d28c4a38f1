"""Importing transformers without libraries that only others of its models want."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import transformers.utils

SKIPPED = ("is_scipy_available", "is_sklearn_available")
"""SciPy matches boxes for object detection; scikit-learn fits a threshold for assisted decoding."""


@contextmanager
def language_models_only() -> Iterator[None]:
    """Hides SciPy and scikit-learn from what transformers imports meanwhile.

    It imports both for every model where they are installed: a fifth of the time that it takes to import a language
    model, in every process that has one.
    """
    asked = {name: getattr(transformers.utils, name) for name in SKIPPED}
    for name in SKIPPED:
        setattr(transformers.utils, name, lambda: False)
    try:
        yield
    finally:
        for name, function in asked.items():
            setattr(transformers.utils, name, function)
