"""A planted fault in publishing, which must be noticed."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from rlad.config import RunConfig
from trainers.cotrain import cotrain
from trainers.learner.publishing import StaleWeights
from trainers.runtime import zero3


def train_with_stale_weights(run: RunConfig, folder: Path, publish: Callable) -> None:
    """Co-trains with `publish` in the place of zero3's; prints what stopped the run, fails when nothing did."""
    with patch.object(zero3, "send_weights", publish):
        try:
            cotrain(run, folder)
        except StaleWeights as error:
            print(f"STALE {error}", flush=True)
        else:
            raise AssertionError("stale weights were not noticed")
