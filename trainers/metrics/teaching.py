"""How much of what a step generates is learnt from by reward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from rlad.reasoning.tree import Tree
from trainers.data.rows import Row
from trainers.runtime import zero3


def teaching_tokens(rows: Iterable[Row]) -> int:
    """Tokens with a policy gradient that is not zero, those of copies too; a text distilled elsewhere counts once.

    >>> two, none = Row((1,), (2, 3), advantage=0.5, copies=2), Row((1,), (4,), advantage=0.0)
    >>> anchor = Row((1,), (5,), advantage=1.0, pg_weight=0.0)
    >>> teaching_tokens([two, none, anchor, Row((1,), (6, 7), token_advantages=(0.0, -1.0))])
    5
    """
    taught = (row for row in rows if row.pg_weight and not row.distillation)
    return sum(row.copies * sum(value != 0 for value in row.per_token) for row in taught)


def teaching_shares(
    rows: Mapping[str, Sequence[Row]], trees: Iterable[Tree], device: torch.device
) -> dict[str, float | None]:
    """By role that learns in a step, the share of the tokens that all players generated which teach it. Collective."""
    generated = float(sum(tree.tokens for tree in trees))
    return zero3.means({role: (float(teaching_tokens(own)), generated) for role, own in rows.items()}, device)
