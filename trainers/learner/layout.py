"""Which sequences share a row of a forward: the completions of one prompt side by side behind it, and several of those.

Only counts are looked at here. A position costs its weights, and as much again for every so many keys that it attends
to. What is cheapest by that count is taken: a prompt is computed once for its completions where it is long beside them,
and rows are filled up where lengths differ. Attention that takes no mask has a micro-batch's sequences end to end in
one row instead, none of them padded. What keeps sequences apart: trainers/learner/branches.py.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainers.data.rows import Row

WORTH = 0.95
"""Share of the plain rows' cost below which rows are laid out otherwise: a mask costs something, too."""
CAPACITIES = (1, 1.5, 2, 3, 4)
"""Lengths of filled rows that are tried, in multiples of the longest sequence."""
LONGEST = 8192
"""Positions that a row with several sequences has at most: its mask has the square of that."""
WIDE = 4
"""Rows are shorter where what lies in them is that many times shorter: attention to a long row would cost too much."""
Branches = list[int]
"""Rows behind one prompt that they share, by number."""
MicroBatch = list[list[Branches]]
"""Per row of the forward, the prompts in it with their completions."""


@dataclass(frozen=True)
class Sharing:
    """What sequences may share, and what that costs."""

    weights: float
    """Keys whose attention costs as much as a position's weights."""
    prompts: bool = True
    """Whether a prompt is computed once for several of its completions."""
    packing: bool = True
    """Whether sequences of unlike prompts may lie in one row."""
    varlen: bool = False
    """Whether nothing but positions that begin anew keeps sequences apart, as attention of variable lengths has it:
    each has its own prompt, and attends to no more than itself."""

    def cost(self, rows: int, length: int) -> float:
        """Of so many rows of so many positions, in keys attended to.

        >>> Sharing(weights=100).cost(2, 50)                    # 2 x 50 positions, each of 100 + 50
        15000
        """
        return rows * length * (self.weights + length)


def laid_out(rows: Sequence[Row], sharing: Sharing, size: int, budget: int, plain: float) -> list[MicroBatch] | None:
    """The rows in micro-batches of at most `size` sequences, or of `budget` positions where that is not 0.

    plain: the cost of plain rows. Returns None where nothing is enough cheaper.
    """
    size = len(rows) if budget else size
    if sharing.varlen:
        cost = sum(sharing.cost(1, positions_of(rows, [i])) for i in range(len(rows)))
        return end_to_end(rows, size, budget) if cost < WORTH * plain else None
    best, least, longest = None, WORTH * plain, min(LONGEST, budget or LONGEST)
    for parts in _parts_to_try(rows, sharing, size, longest):
        lengths = [positions_of(rows, part) for part in parts]
        if max(lengths, default=0) > LONGEST:
            continue
        for capacity in CAPACITIES if sharing.packing else (0,):
            filled = packed(lengths, [len(part) for part in parts], capacity, size, longest)
            plan = list(_micro_batches(filled, lengths, parts, size, budget))
            cost = sum(sharing.cost(len(own), width(rows, own)) for own in plan)
            if cost < least:
                best, least = plan, cost
    return best


def end_to_end(rows: Sequence[Row], size: int, budget: int) -> list[MicroBatch]:
    """The rows one behind the other, each with its own prompt, in one row a micro-batch; the longest first.

    >>> rows = [Row((1,), (2,) * length) for length in (2, 5, 3)]
    >>> end_to_end(rows, size=2, budget=0), end_to_end(rows, size=3, budget=8)
    ([[[[1], [2]]], [[[0]]]], [[[[1], [2]]], [[[0]]]])
    """
    plan: list[MicroBatch] = []
    room = 0.0
    for i in sorted(range(len(rows)), key=lambda i: -positions_of(rows, [i])):
        length = positions_of(rows, [i])
        if not plan or len(plan[-1][0]) == size or length > room:
            plan.append([[]])
            room = budget or math.inf
        plan[-1][0].append([i])
        room -= length
    return plan


def _parts_to_try(rows: Sequence[Row], sharing: Sharing, size: int, longest: int) -> Iterator[list[Branches]]:
    """The rows behind shared prompts; and alone, if only to be packed."""
    if sharing.prompts:
        yield branched(rows, sharing, size, longest)
    if sharing.packing:
        yield [[i] for i in range(len(rows))]


def positions_of(rows: Sequence[Row], branches: Branches) -> int:
    """Of a prompt with its completions: nothing is predicted from a last token, so it is not computed.

    >>> positions_of([Row((1, 2), (3, 4)), Row((1, 2), (5, 6, 7))], [0, 1])
    5
    """
    return len(rows[branches[0]].prompt) + sum(len(rows[i].completion) - 1 for i in branches)


def width(rows: Sequence[Row], micro_batch: MicroBatch) -> int:
    """Positions of the longest of a micro-batch's rows, as which all of them are padded."""
    return max(sum(positions_of(rows, part) for part in row) for row in micro_batch)


def shared_length(prompt: int, weights: float) -> float:
    """Positions of completions behind one prompt that are cheapest: sqrt(P (P + W)).

    With c positions of completions in all, S behind each prompt: c / S rows of P + S positions, each of W + P + S,
    cost c / S (P + S) (W + P + S), which is least where S^2 = P (P + W).

    >>> round(shared_length(12, 768)), round(shared_length(512, 768))       # 4 completions of 24 tokens; 33 of them
    (97, 810)
    """
    return math.sqrt(prompt * (prompt + weights))


def branched(rows: Sequence[Row], sharing: Sharing, most: int, longest: int = LONGEST) -> list[Branches]:
    """The rows by prompt, behind each of them as many as are cheapest: at most `most`, in at most `longest` positions.

    >>> rows = [Row((1,) * 8, (2,) * 5)] * 5 + [Row((3,), (2, 2))]
    >>> branched(rows, Sharing(weights=4), most=64)             # sqrt(8 x 12) = 10 positions of completions
    [[0, 2, 4], [1, 3], [5]]
    """
    groups: dict[tuple[int, ...], Branches] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row.prompt, []).append(i)
    found = (_split(rows, len(prompt), group, sharing, most, longest) for prompt, group in groups.items())
    return [part for parts in found for part in parts]


def _split(
    rows: Sequence[Row], prompt: int, group: Branches, sharing: Sharing, most: int, longest: int
) -> list[Branches]:
    """A group in parts of about the same length."""
    sizes = {i: len(rows[i].completion) - 1 for i in group}
    wanted = round(sum(sizes.values()) / shared_length(prompt, sharing.weights))
    for count in range(min(max(wanted, math.ceil(len(group) / most), 1), len(group)), len(group)):
        parts: list[Branches] = [[] for _ in range(count)]
        filled = [0] * count
        for i in sorted(group, key=lambda i: -sizes[i]):  # the longest first, each where there is least
            place = min(range(count), key=lambda k: (len(parts[k]) >= most, filled[k], len(parts[k])))
            parts[place].append(i)
            filled[place] += sizes[i]
        if prompt + max(filled) <= longest:
            return [sorted(part) for part in parts]
    return [[i] for i in group]


def packed(
    lengths: Sequence[int], counts: Sequence[int], capacity: float, size: int, longest: int = LONGEST
) -> list[list[int]]:
    """Parts, given by their lengths and by how many sequences each holds, together in rows; the longest rows first.

    Every part goes where it leaves least room. A row holds `capacity` times the longest part (0 = each part is a row),
    or a quarter of that where its parts are that much shorter, and so on; at most `size` sequences in at most `longest`
    positions, if a part by itself has no more.

    >>> packed([5, 3, 3, 8], [1] * 4, capacity=1, size=64), packed([9, 1, 2, 1], [1] * 4, capacity=1, size=64)
    ([[3], [0, 1], [2]], [[0], [2], [1, 3]])
    """
    rows: list[list[int]] = []
    held: list[int] = []
    open_rows: list[tuple[float, int]] = []  # (room, row) in this order
    limit = capacity * max(lengths, default=0)
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        found = bisect_left(open_rows, (lengths[i], -1))
        if found < len(open_rows) and held[open_rows[found][1]] + counts[i] <= size:
            room, row = open_rows.pop(found)
        else:
            while limit >= WIDE * lengths[i]:
                limit /= WIDE
            room, row = max(min(limit, longest), lengths[i]), len(rows)
            rows.append([])
            held.append(0)
        rows[row].append(i)
        held[row] += counts[i]
        insort(open_rows, (room - lengths[i], row))
    return rows


def _micro_batches(
    filled: list[list[int]], lengths: Sequence[int], parts: list[Branches], size: int, budget: int
) -> Iterator[MicroBatch]:
    """Rows of like length together, as many as may be."""
    ordered = sorted(((sum(lengths[i] for i in row), row) for row in filled), reverse=True)
    current: MicroBatch = []
    longest = sequences = 0
    for length, row in ordered:
        held = sum(len(parts[i]) for i in row)
        full = sequences + held > size or 0 < budget < (len(current) + 1) * longest
        if current and (full or 2 * length < longest):
            yield current
            current, sequences = [], 0
        longest = length if not current else longest
        current.append([parts[i] for i in row])
        sequences += held
    if current:
        yield current
