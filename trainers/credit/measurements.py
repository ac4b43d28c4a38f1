"""What credit may ask of a player's learner: handed in as functions, so that credit knows no model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch

from trainers.credit.standing import Standing
from trainers.data.rows import Row


@dataclass(frozen=True)
class Measurements:
    """Under the weights of before the update, without gradients. All functions are collective."""

    device: torch.device
    hidden_states: Callable[[list[Row]], Iterable[tuple[int, torch.Tensor]]]
    """(index of the row, last layer's states (T, D) at its completion's tokens) of every row, in any order."""
    reference_gaps: Callable[[list[Row]], list[list[float]]]
    """log pi - log pi_reference of every token of every row, nats."""
    standing: Callable[[], Standing] = Standing
    """Where the player stands; not collective."""
    bare_prompt: Callable[[str], Sequence[int]] | None = None
    """Token ids of a question's prompt without an abstraction."""
