"""Sequential revision: one attempt after another in the same context, the last one counts (2408.03314 scales it so)."""

from __future__ import annotations

from rlad.config.registry import decoding
from rlad.generation.base import Sampling
from rlad.generation.decoding.base import DecodingMethod, Trace, Writer


def extended(context: list[int], eos: frozenset[int], again: tuple[int, ...]) -> list[int]:
    """The context of the next attempt: without the end of the one before, and with what makes a player think on.

    >>> extended([1, 5, 6, 0], frozenset({0}), (9,))
    [1, 5, 6, 9]
    """
    ended = bool(context) and context[-1] in eos
    return [*(context[:-1] if ended else context), *again]


@decoding("revision", source="2408.03314")
def revision(writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling) -> list[list[Trace]]:
    """`samples` attempts in a row, each in view of those before it; the last has the vote, coverage counts them all.

    What makes the player think on counts as tokens of the attempt behind it. An attempt that would not fit into the
    model's positions is not made.
    """
    again, room = writer.marks.again, getattr(writer.sampler.model.config, "max_position_embeddings", None)
    contexts = [list(prompt) for prompt in prompts]
    found: list[list[Trace]] = [[] for _ in prompts]
    for attempt in range(samples):
        begun = [extended(one, writer.eos, again) if attempt else one for one in contexts]
        given = again if attempt else ()
        most = sampling.max_new_tokens - len(given)
        fits = [i for i, one in enumerate(begun) if most > 0 and (room is None or len(one) + most <= room)]
        rows = writer.write([begun[i] for i in fits], DecodingMethod(writer, sampling), most)
        for i, row in zip(fits, rows, strict=True):
            contexts[i] = [*begun[i], *row.ids]
            own = Trace((*given, *row.ids), len(given) + len(row.ids))
            found[i] = [*(Trace(one.token_ids, one.tokens, 0.0) for one in found[i]), own]
    return found
