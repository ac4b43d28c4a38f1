"""The `vllm` sampler: an inference engine in a vLLM process of its own, with weights sent to it after every update.

One engine is one process (rlad/generation/vllm/desk.py); a rank starts it and talks to it over a Unix socket. Several
ranks may share one. docs/vllm.md says which placement is for what.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rlad.config import EngineConfig, LoraConfig
from rlad.generation.base import Completion, SamplerFailed, Sampling
from rlad.generation.checksums import differing
from rlad.generation.vllm.adapters import adapter_settings
from rlad.generation.vllm.link import EngineProcess, Link, private_folder
from rlad.generation.vllm.received import EXTENSION
from rlad.generation.vllm.setup import cpu_environment, gpu_environment, require_vllm
from rlad.generation.vllm.streams import EngineStream, completion_of
from rlad.generation.vllm.transfer import FolderTransfer, make_transfer
from rlad.generation.vllm.weights import tied_head, untied, write_model
from rlad.players.adapters import adapter_entries, write_adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class VllmSampler:
    """One player's sampler in an engine process.

    A rank that shares another's engine has no transfer: it hears of new weights, and its next call waits for them.
    """

    def __init__(
        self, link: Link, config: EngineConfig, stop_ids: list[int], longest: int, tie, transfer=None, adapter=None
    ):
        """longest: most tokens of a prompt with its completion. tie: from `tied_head`. transfer: sends weights.

        adapter: the player's name in an engine that holds an adapter for each.
        """
        self.link, self.config, self.stop_ids, self.longest, self.tie = link, config, stop_ids, longest, tie
        self.transfer, self.adapter, self.adapters = transfer, adapter, adapter is not None
        self.version = 0
        self.asleep = False

    @property
    def address(self) -> str:
        """Where other ranks of this machine reach the engine."""
        return self.link.address

    def beside(self, adapter: str) -> VllmSampler:
        """Another player's sampler in the same engine process, with an adapter of its own; they end together."""
        transfer = None if self.transfer is None else replace(self.transfer, adapter=adapter)
        return VllmSampler(self.link, self.config, self.stop_ids, self.longest, self.tie, transfer, adapter)

    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Completion]:
        return [completion_of(row, sampling.temperature) for row in self._rows(prompts, sampling)]

    def score(self, prompts: list[list[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        """As log-probs of prompts; the engine generates a token after each, which is thrown away."""
        texts = [[*prompt, *ids] for prompt, ids in zip(prompts, completions, strict=True)]
        rows = self._rows(texts, Sampling(max_new_tokens=1), scored=[len(ids) for ids in completions])
        return [sum(logprobs) for _, logprobs, *_ in rows]

    def _rows(self, prompts: list[list[int]], sampling: Sampling, **more) -> list[tuple]:
        """(token ids, log-probs, finish reason, version) of every prompt, from weights of this sampler's version."""
        call = self.call(prompts, sampling, **more)
        self.wake()
        rows = self.link.call("generate", self.config.timeout, **call)
        self.check(rows)
        return rows

    def call(self, prompts: list[list[int]], sampling: Sampling, **more) -> dict:
        """What the engine is asked for some prompts. Raises ValueError for those that it cannot continue."""
        if any(not prompt for prompt in prompts):
            raise ValueError("An empty prompt cannot be continued.")
        longest = max(map(len, prompts), default=0)
        if longest >= self.longest:
            raise ValueError(f"A prompt of {longest} tokens leaves no room: the model takes {self.longest} in all.")
        wanted = {
            "temperature": sampling.temperature,
            "max_new_tokens": sampling.max_new_tokens,
            "streams": sampling.streams(len(prompts)),
            "stop_ids": [*self.stop_ids, *sampling.stop],
            **more,
        }
        return {"prompts": prompts, "sampling": wanted, "version": self.version, "adapter": self.adapter}

    def check(self, rows: list[tuple]) -> None:
        """Refuses rows that other weights than this sampler's version have sampled: SamplerFailed."""
        wrong = [version for *_, version in rows if version != self.version]
        if wrong:
            whose = f" of the {self.adapter} adapter" if self.adapter else ""
            raise self.link.fail(
                f"sampled {len(wrong)} of {len(rows)} completions with weights of version {wrong[0]}, "
                f"not {self.version}{whose}; they were refused."
            )

    def stream(self, ended: Callable[[object, Completion | BaseException], None]) -> EngineStream:
        """Requests that are taken while others run (`rlad.generation.base.Stream`)."""
        self.wake()
        return EngineStream(self, ended)

    def load_weights(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Sends new weights, or, on a rank that shares an engine, only takes part in gathering them.

        Raises SamplerFailed when they were not in place within engine.timeout seconds.
        """
        if self.transfer is None:
            for _ in source:
                pass
        else:
            # Weights first, keys and values last: the other order peaks in memory, and new weights into a sleeping
            # engine end it (vllm #15254, #57853).
            self.wake(["weights"])
            self.transfer.send(untied(source, self.tie), version)
            self.wake(["kv_cache"])
            self.asleep = False
        self.version = version

    def differing(self, expected: Mapping[str, int]) -> list[str]:
        """Asks the engine process; the names of an adapter's tensors are those in its file."""
        if self.transfer is None:
            return []
        if self.adapters:
            expected = dict(adapter_entries(expected.items()))
        workers = self.link.call("checksums", self.config.timeout, adapter=self.adapter)
        return sorted({name for held in workers for name in differing(expected, held)}, key=list(expected).index)

    def stats(self) -> dict:
        """Sums since the start: requests, prompt_tokens, cached_tokens (prefix cache), generated_tokens."""
        return self.link.call("stats", self.config.timeout)

    def sleep(self) -> None:
        """Gives the GPU's memory to the trainer; on a CPU there is nothing to give. Only its owner lets it sleep."""
        if self.transfer is not None and self.transfer.sleeps and not self.asleep:
            self.link.call("sleep", self.config.timeout)
            self.asleep = True

    def wake(self, tags: list[str] | None = None) -> None:
        """Takes the memory back: of weights, of kv_cache, or (None) of both."""
        if self.asleep:
            self.link.call("wake", self.config.timeout, tags=tags)
            self.asleep = tags is not None

    def close(self) -> None:
        self.link.close()


def start_vllm(
    config: EngineConfig, model: PreTrainedModel, stop_ids: list[int], device: str, log: Path, name: str = "model",
    lora: LoraConfig | None = None, adapters: tuple[str, ...] = (), gpus: str = "",
) -> VllmSampler:  # fmt: skip
    """Starts an engine process for a full (never a partitioned) model; returns at once, the first call waits for it.

    device: cpu, or cuda with the index of the GPU (cuda:1). log: what the engine prints. name: of the player, for
    messages. gpus: names of those that it gets instead of `device`, joined by commas.

    With adapters (names of players; `model` has one) it holds the base and an adapter of that form for each, and what
    returns is the first one's sampler. Raises SamplerFailed when vLLM cannot run here.
    """
    kind = device.partition(":")[0]
    require_vllm(kind)
    folder = private_folder()
    try:
        write_model(model, folder / "model")
        longest = int(model.config.max_position_embeddings)
        core = core_settings(config, folder / "model", kind, str(model.dtype).removeprefix("torch."), longest)
        if adapters:
            write_adapter(model.named_parameters(), folder / "adapter", lora)
            core |= adapter_settings(lora.rank, adapters, folder / "adapter")
            core.pop("weight_transfer", None)  # the base stays as it is
        threads = config.threads or len(os.sched_getaffinity(0))
        if kind == "cpu":
            env = cpu_environment(os.environ, threads, core["enforce_eager"])
        else:
            env = gpu_environment(os.environ, device, gpus)
        process = EngineProcess(core, folder, log, env)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    link = Link(name, process.address, config.start_timeout, process)
    own = adapters[0] if adapters else None
    if own is None:
        transfer = make_transfer(config, kind, link, folder)
    else:
        transfer = FolderTransfer(link, folder, config.timeout, own, lora)
    return VllmSampler(link, config, stop_ids, longest, tied_head(model), transfer, own)


def join_vllm(
    config: EngineConfig, model: PreTrainedModel, stop_ids: list[int], address: str, name: str = "model", adapter=None
) -> VllmSampler:
    """Another rank's engine on this machine, as this rank's sampler (of one adapter, where it holds several)."""
    link, longest = Link(name, address, config.start_timeout), int(model.config.max_position_embeddings)
    return VllmSampler(link, config, stop_ids, longest, tied_head(model), None, adapter)


def core_settings(config: EngineConfig, folder: Path, device: str, dtype: str, longest: int) -> dict:
    """vLLM's engine arguments (VllmCore) for a model folder on a cpu or cuda."""
    settings = {
        "model": str(folder),
        "skip_tokenizer_init": True,
        "dtype": dtype,
        "max_model_len": longest,
        "max_num_seqs": config.max_batch,
        "enforce_eager": config.eager if config.eager is not None else device == "cpu",
        "enable_prefix_caching": True,
        "logprobs_mode": "processed_logprobs",
        "generation_config": "vllm",
        "tensor_parallel_size": config.tensor_parallel,
        "disable_log_stats": True,
        "worker_extension_cls": EXTENSION,
        "seed": 0,
    }
    if device == "cpu":
        settings["kv_cache_memory_bytes"] = int(config.kv_cache_gb * 2**30)
        # A part of a prompt with a seed ends vLLM's CPU build (0.32): it wants an offset of torch's generator.
        settings["enable_chunked_prefill"] = False
        settings["block_size"] = 32  # the default of 128 tokens is longer than most prompts that groups share
    else:
        settings["gpu_memory_utilization"] = config.memory_share
        settings["enable_sleep_mode"] = True
        settings["weight_transfer"] = config.transfer_on_gpu()
    return settings


__all__ = ["SamplerFailed", "VllmSampler", "core_settings", "join_vllm", "start_vllm"]
