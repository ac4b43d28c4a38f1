"""vLLM engines that stay for the next run of a process: to start one takes longer than what most tests do with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from rlad.generation.vllm import sampler as module


@contextmanager
def kept_engines() -> Iterator[None]:
    """A run leaves its engines to the next one, which gets them with its own weights in them, as version 0.

    They end with the last of these runs.
    """
    start, end, kept = module.start_vllm, module.VllmSampler.close, {}

    def start_once(config, model, stop_ids, device, log, name, **more):
        if name in kept:
            kept[name].load_weights(model.named_parameters(), 0)
        else:
            kept[name] = start(config, model, stop_ids, device, log, name, **more)
        return kept[name]

    try:
        with patch.object(module, "start_vllm", start_once), patch.object(module.VllmSampler, "close", lambda _: None):
            yield
    finally:
        for sampler in kept.values():
            end(sampler)
