"""Whether the proposer's texts end within their budget: what is said before step 1, of proposals drawn for that.

A proposal that is cut opens no branch. Where most are cut, steps that take hours would show it as `invalid_rate`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rlad.cli import PlainError
from rlad.config import RunConfig
from trainers.data.lengths import HELD, holding

FURTHER = 4
"""Times the budget within which it is looked where a proposal ends."""


def budget(run: RunConfig) -> tuple[int, int]:
    """(tokens of one text of the proposer, abstractions that it lists; 1 where it writes them one by one).

    >>> from rlad.config import load_config
    >>> budget(load_config(None)), budget(load_config(None, ["cotrain.proposals=joint", "base.path=x/y"]))
    ((16, 1), (128, 8))
    """
    number = run.cotrain.abstractions if run.cotrain.proposals == "joint" else 1
    return number * run.abstraction.max_new_tokens, number


def length_sentence(lengths: Sequence[int | None], run: RunConfig, tried: int) -> str:
    """What the lengths of drawn proposals say of abstraction.max_new_tokens: a warning where it holds too few of them.

    lengths: tokens of each, its end included; None where it did not end within `tried`. Raises PlainError where every
    one is cut; of lists never, as only their last items are.
    """
    room, number = budget(run)
    count, each = len(lengths), run.abstraction.max_new_tokens
    cut = sum(length is None or length > room for length in lengths)
    enough = holding(lengths)
    what = f"lists of {number} proposals" if number > 1 else "proposals"
    said = f"{what} drawn before step 1 are cut at abstraction.max_new_tokens={each}"
    if count - cut >= HELD * count:
        return f"Lengths: {cut} of {count} {said}; {math.ceil(enough / number)} would hold 95 % of them."
    if enough is None:
        way_out = (
            f"not even {tried // number} would hold 95 % of them, so teach the proposer to end first (a warm start), "
            "or keep it from thinking"
        )
    else:
        way_out = f"{math.ceil(enough / number)} would hold 95 % of them"
    if cut == count and number == 1:
        raise PlainError(
            f"All {count} {said}, so no solution would be guided: {way_out} "
            "(cotrain.check_proposals=0 trains all the same)."
        )
    return f"Warning: {cut} of {count} {said}: {way_out}."
