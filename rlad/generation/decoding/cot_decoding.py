"""CoT-decoding (2402.10200): greedy continuations of the likeliest first tokens, weighted by how sure they are."""

from __future__ import annotations

from collections.abc import Sequence

from rlad.config.registry import decoding
from rlad.generation.base import Sampling
from rlad.generation.decoding.base import BOX, DecodingMethod, GrowingSequence, Trace, Writer, by_prompt, in_turn


def answer_span(pieces: Sequence[str]) -> tuple[int, int]:
    r"""Which tokens hold what is in the last box, as (first, end); (0, 0) where there is none.

    >>> answer_span(["2", "+3", " \\boxed{", " 5", " }"]), answer_span(["so \\box", "ed{1", "2}", "."])
    ((3, 4), (1, 3))
    """
    text = "".join(pieces)
    start = text.rfind(BOX)
    if start < 0:
        return 0, 0
    begin, depth = start + len(BOX), 1
    end = begin
    while end < len(text) and depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += depth > 0
    places, at = [], 0
    for i, piece in enumerate(pieces):
        if text[max(at, begin) : min(at + len(piece), end)].strip():
            places.append(i)
        at += len(piece)
    return (places[0], places[-1] + 1) if places else (0, 0)


def delta(margins: Sequence[float], span: tuple[int, int]) -> float:
    """Mean over the answer's tokens of the top probability minus the second; 0 without an answer.

    The reasoning's tokens have no part in it.

    >>> round(delta([0.1, 0.9 - 0.05, 0.7 - 0.2, 0.2], (1, 3)), 4), delta([0.5], (0, 0))
    (0.675, 0.0)
    """
    own = margins[slice(*span)]
    return sum(own) / len(own) if own else 0.0


class _Greedy(DecodingMethod):
    """Row r of a prompt begins with the r-th likeliest token and goes on greedily."""

    def __init__(self, writer: Writer, sampling: Sampling, samples: int):
        super().__init__(writer, sampling)
        self.samples = samples

    def choose(self, logits, rows: list[GrowingSequence]) -> list[int]:
        p = logits.float().softmax(-1)
        top, ids = p.topk(min(max(2, self.samples), p.shape[-1]), dim=-1)
        for row, (first, second) in zip(rows, top[:, :2].tolist(), strict=True):
            row.notes.append(first - second)
        rank = [row.owner % self.samples % ids.shape[1] if not row.ids else 0 for row in rows]
        return [own[r] for own, r in zip(ids.tolist(), rank, strict=True)]


@decoding("cot_decoding", source="2402.10200")
def cot_decoding(writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling) -> list[list[Trace]]:
    """The `samples` likeliest first tokens, each continued greedily; answers are summed by Δ, their tokens' margin."""
    rows = writer.write(in_turn(prompts, samples), _Greedy(writer, sampling, samples), sampling.max_new_tokens)
    pieces = [[writer.marks.piece(token) for token in row.ids] for row in rows]
    return by_prompt(
        [
            Trace(tuple(row.ids), len(row.ids), delta(row.notes, answer_span(words)))
            for row, words in zip(rows, pieces, strict=True)
        ],
        samples,
    )
