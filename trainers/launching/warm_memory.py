"""The memory that a rank of a warm start needs, by the terms of memory.py."""

from __future__ import annotations

import math

from rlad.config import RunConfig
from rlad.players.roles import playing
from rlad.players.shapes import adapter_parameters, model_shape, parameters
from trainers.launching.memory import (
    BYTES,
    Player,
    adam_step,
    compiled_products,
    longest_sequences,
    offloaded,
    on_cpu,
    under_masks,
)


def warm_peak(config: RunConfig, ranks: int, lengths: dict[str, int] | None = None) -> float | None:
    """Bytes per rank at the peak of a warm start; None where the base's shape is not known.

    Demonstrations are taken to be as long as the longest sequences of the players (`lengths`, as in `memory`).
    """
    shape, warm = model_shape(config.base, config), config.warmstart
    if shape is None:
        return None
    count, whole = parameters(shape), parameters(shape, config.zero.persistence_threshold)
    learnt, frozen = (adapter_parameters(shape, config.lora), count) if warm.lora else (count, 0)
    longest = max((lengths or longest_sequences(config)).values())
    width = BYTES[config.base.dtype]
    base = Player("base", shape, width, count, learnt, frozen, whole, longest)
    share = math.ceil(warm.batch / ranks)
    rows = share if warm.micro_tokens else min(warm.micro_batch, share)
    positions = rows * longest
    if warm.micro_tokens:
        positions = max(longest, min(warm.micro_tokens, positions))
        rows = math.ceil(positions / longest)
    written = max(config.players[role].max_new_tokens for role in playing(config))
    masked = longest if under_masks(warm, config.base) else 0
    state = base.state(config, ranks)
    stays = state + min(learnt, config.zero.bucket_size) * width + compiled_products(config, width)
    stays += whole * width if ranks > 1 and config.zero.persistence_threshold else 0
    # The whole model is gathered into the machine's memory, which on a CPU is the rank's own.
    exported = count * width if on_cpu(config) else 0
    checkpointing = config.base.gradient_checkpointing
    turns = (
        count * width - state,  # loaded whole, before it is partitioned
        base.learning(config, ranks, checkpointing, (rows, written), positions, masked),
        adam_step(learnt, ranks, offloaded(config)[0]),
        exported + base.publish(config, ranks),
    )
    return stays + max(turns)
