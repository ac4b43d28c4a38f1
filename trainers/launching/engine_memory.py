"""The memory that vLLM's engines take beside the ranks: of a GPU that they share, or of a machine of CPUs."""

from __future__ import annotations

from rlad.config import RunConfig
from rlad.players.roles import playing
from rlad.players.shapes import model_shape, parameters
from trainers.launching.memory import (
    BYTES,
    LOAD,
    exported_bytes,
    kv_cache,
    longest_sequences,
    on_cpu,
    peak_bytes,
    samples_apart,
    staying,
)


def engine_bytes(config: RunConfig) -> float | None:
    """Bytes of the machine's memory that a vLLM engine on a CPU takes beside the ranks, always, as it never sleeps
    there: the largest player's weights, keys and values; None where a shape is not known."""
    weights = exported_bytes(config)
    return None if weights is None else weights + config.engine.kv_cache_gb * 2**30


def smallest_gpu(config: RunConfig, parts: dict[str, float], lengths: dict[str, int] | None = None) -> float | None:
    """Bytes of the smallest GPU that holds a rank and the vLLM engines beside it; None where no engine is beside it.

    An engine takes `engine.memory_share` of the GPU, in which the weights and keys and values of one longest sequence
    must fit. The two of `placement=lora` are one, which never sleeps; others sleep while their rank updates, but are
    awake already while the last player is loaded.
    """
    engine, roles = config.engine, playing(config)
    if on_cpu(config) or not samples_apart(config) or engine.placement == "server":
        return None
    sequences, needed = lengths or longest_sequences(config), 0.0
    for role in roles:
        model = config.players[role].model or config.base
        shape, width = model_shape(model, config), BYTES[model.dtype]
        weights = parameters(shape) * width / engine.tensor_parallel
        needed = max(needed, weights + kv_cache(shape, 1, sequences[role], width))
    shares = engine.memory_share * (1 if engine.placement == "lora" or config.cotrain.shared_weights else len(roles))
    beside = peak_bytes(parts) if engine.placement == "lora" else staying(parts) + parts[LOAD]
    return max(peak_bytes(parts), beside / (1 - shares), needed / engine.memory_share)
