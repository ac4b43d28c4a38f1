"""Micro-batches by positions instead of rows (`cotrain.micro_tokens`): little padding, and like shapes on all ranks.

With a fixed number of rows the longest of them says how wide all are: lengths are nearly geometric, and half of what is
computed is padding. And a rank whose rows happen to be long keeps all others waiting.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from trainers.data.rows import Row
from trainers.learner.layout import Sharing, branched, positions_of
from trainers.runtime import zero3

PADDING = 0.05
"""Share of padding, of the tokens, up to which fewer and larger micro-batches are preferred."""
Size = tuple[int, int]
"""Tokens of a row's prompt and of its completion."""


def plan_by_tokens(sizes: Sequence[Size], budget: int) -> list[list[int]]:
    """Rows, given by their sizes, in micro-batches of at most `budget` positions, padding included.

    Prompts and completions are padded by themselves, so a micro-batch of B rows has B (longest prompt + longest
    completion) positions. As few micro-batches as leave at most 5 % of padding over all; a row longer than the budget
    is one by itself.

    >>> plan_by_tokens([(2, 8), (2, 1), (2, 1), (2, 8), (2, 8)], budget=20)
    [[1, 2], [0], [3, 4]]
    """
    if not sizes:
        return []
    tokens, overhead, rows = sum(map(sum, sizes)), budget / 4, range(len(sizes))
    # Prompts are alike, or completions are, or neither: the order that pads least is not known beforehand.
    orders = {tuple(sorted(rows, key=lambda i: key(sizes[i]))) for key in (sum, tuple, lambda size: size[::-1])}
    while True:
        plans = [_cut(sizes, order, budget, overhead) for order in sorted(orders)]
        plan = min(plans, key=lambda own: positions(sizes, own))
        if overhead < 1 or positions(sizes, plan) <= (1 + PADDING) * tokens:
            return plan
        overhead /= 2


def positions(sizes: Sequence[Size], plan: list[list[int]]) -> int:
    """How many positions the micro-batches of a plan have, padding included.

    >>> positions([(2, 3), (1, 4)], [[0, 1]]), positions([(2, 3), (1, 4)], [[0], [1]])
    (12, 10)
    """
    widths = ([max(sizes[i][side] for i in part) for side in (0, 1)] for part in plan)
    return sum(len(part) * sum(width) for part, width in zip(plan, widths, strict=True))


def _cut(sizes: Sequence[Size], order: Sequence[int], budget: int, overhead: float) -> list[list[int]]:
    """The order's cut into micro-batches with the fewest positions, where each of them costs `overhead` more."""
    least, begin = [0.0], [0]
    for end in range(1, len(order) + 1):
        found, prompt, completion = (float("inf"), end - 1), 0, 0
        for start in range(end - 1, -1, -1):
            prompt, completion = (max(a, b) for a, b in zip((prompt, completion), sizes[order[start]], strict=True))
            area = (end - start) * (prompt + completion)
            if area > budget and end - start > 1:
                break
            found = min(found, (least[start] + area + overhead, start))
        least.append(found[0])
        begin.append(found[1])
    parts, end = [], len(order)
    while end:
        parts.append(list(order[begin[end] : end]))
        end = begin[end]
    return parts[::-1]


def dealt(lengths: Sequence[int], ranks: int) -> list[int]:
    """The rank of every row: by length, there and back again, so that all ranks get as many, and as long ones.

    >>> dealt([5, 1, 4, 2, 3, 6], 2)      # 6 to rank 0; 5, 4 to rank 1; 3, 2 to rank 0; 1 to rank 1
    [1, 1, 1, 0, 0, 0]
    """
    of = [0] * len(lengths)
    for place, row in enumerate(sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))):
        turn, seat = divmod(place, ranks)
        of[row] = seat if turn % 2 == 0 else ranks - 1 - seat
    return of


def deal_by_length(
    rows: list[Row], device: torch.device, sharing: Sharing | None = None, budget: int = 0, named: list | None = None
) -> list:
    """All ranks' rows, dealt anew by length: this rank's share. Collective.

    Rows that share a prompt in `budget` positions stay together. Only lengths go to every rank; a row goes from the
    rank that has it to the one that gets it. named: what goes in the place of each row, such as the row with its task.
    """
    things = rows if named is None else named
    if zero3.world_size() == 1:
        return things
    ranks, me = zero3.world_size(), zero3.rank()
    shared = sharing is not None and sharing.prompts
    parts = branched(rows, sharing, len(rows), budget) if shared else [[i] for i in range(len(rows))]
    own = torch.tensor([positions_of(rows, part) for part in parts], dtype=torch.long, device=device)
    lengths, start = zero3.concatenated(own[:, None])
    mine = dealt(lengths[:, 0].tolist(), ranks)[start : start + len(parts)]
    leaving: list[list] = [[] for _ in range(ranks)]
    for part, rank in zip(parts, mine, strict=True):
        leaving[rank] += [things[i] for i in part]
    arriving = zero3.exchanged(leaving, device)
    return [one for rank in range(ranks) for one in (leaving[me] if rank == me else arriving[rank])]
