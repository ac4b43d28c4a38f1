"""vLLM's engine as this project uses it, inside the engine process. The only file that drives vLLM's own classes.

Written for vLLM 0.32: LLMEngine with the engine core in the same process, so that one engine is one process (tensor
parallel ranks are its children). Token ids in and out, the full distribution (top-p 1, no top-k), log-probs after the
temperature, one seed per request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from rlad.generation.checksums import checksums
from rlad.generation.vllm.adapters import Adapters
from rlad.generation.vllm.weights import read_weights, weight_names
from rlad.players.lean import language_models_only


@dataclass(frozen=True)
class Finished:
    """One finished request. `key` is what `add` was given."""

    key: object
    token_ids: list[int]
    logprobs: list[float]
    reason: str
    version: int


def request_seed(seed: int, index: int) -> int:
    """The seed of the index-th request of a call: streams that do not depend on the batch they are decoded in.

    >>> request_seed(3, 0) == request_seed(3, 0), request_seed(3, 0) == request_seed(3, 1)
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed}|{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # vLLM takes signed 64 bits


class VllmCore:
    """One vLLM engine. `settings` are fields of vLLM's EngineArgs, weight_transfer (nccl or ipc), and adapters.

    With adapters (names, folder of the one that all begin with) the base stays as it is, and every request names one.
    """

    def __init__(self, settings: dict):
        with language_models_only():
            from vllm.config import WeightTransferConfig
            from vllm.engine.arg_utils import EngineArgs
            from vllm.usage.usage_lib import UsageContext
            from vllm.v1.engine.llm_engine import LLMEngine

        settings = dict(settings)
        transfer, adapters = settings.pop("weight_transfer", None), settings.pop("adapters", None)
        if transfer is not None:
            settings["weight_transfer_config"] = WeightTransferConfig(backend=transfer)
        self.names = weight_names(Path(settings["model"]))
        # The context decides vLLM's default batch sizes: those of its offline LLM class.
        self.engine = LLMEngine.from_engine_args(EngineArgs(**settings), usage_context=UsageContext.LLM_CLASS)
        self.adapters = None if adapters is None else Adapters(self.engine, **adapters)
        self._adapter_checksums: dict[str, dict[str, int]] = {}
        self.engine.collective_rpc("watch_weights")
        self._keys: dict[str, object] = {}
        self._scored: dict[str, int] = {}
        self._count = 0
        self._totals = {"requests": 0, "prompt_tokens": 0, "cached_tokens": 0, "generated_tokens": 0}
        self.set_version(0)

    def set_version(self, version: int) -> None:
        """Of the model's own weights."""
        self._version = version
        self.engine.set_weight_version(str(version))

    def version(self, adapter: str | None) -> int:
        """Of an adapter, or (None) of the model. Raises ValueError for an adapter that is not there, or left out."""
        request = self._lora(adapter)
        return self._version if request is None else self.adapters.version(request)

    def _lora(self, adapter: str | None):
        if self.adapters is not None:
            return self.adapters.request(adapter)
        if adapter is not None:
            raise ValueError(f"there is no adapter '{adapter}': the engine was started without")
        return None

    # --------------------------------------------------------------------------------------------- generation
    def add(self, key: object, prompt: list[int], sampling: dict, index: int, adapter: str | None) -> None:
        """Queues a call's request `index`. adapter: the player's, if any.

        sampling: temperature, max_new_tokens, stop_ids, and streams: of every request what `request_seed` takes.

        With `scored` (numbers of tokens, by index) what comes back as log-probs are those of the prompt's last tokens.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        params = SamplingParams(
            temperature=sampling["temperature"],
            max_tokens=sampling["max_new_tokens"],
            seed=request_seed(*sampling["streams"][index]),
            stop_token_ids=sampling["stop_ids"],
            top_p=1.0,
            top_k=0,
            min_p=0.0,
            logprobs=0,  # of the sampled token alone
            prompt_logprobs=0 if "scored" in sampling else None,
            flat_logprobs=True,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        name = str(self._count)
        self._count += 1
        self.engine.add_request(name, {"prompt_token_ids": prompt}, params, lora_request=self._lora(adapter))
        self._keys[name] = key
        if "scored" in sampling:
            self._scored[name] = sampling["scored"][index]

    def busy(self) -> bool:
        return bool(self._keys)

    def abort(self, keys: Container) -> None:
        """Ends the requests of some keys; they finish unheard of."""
        names = [name for name, key in self._keys.items() if key in keys]
        self.engine.abort_request(names)
        for name in names:
            del self._keys[name]
            self._scored.pop(name, None)

    def step(self) -> Iterator[Finished]:
        """One forward pass; yields what it finished."""
        for output in self.engine.step():
            if not output.finished:
                continue
            completion = output.outputs[0]
            self._totals["requests"] += 1
            self._totals["prompt_tokens"] += len(output.prompt_token_ids)
            self._totals["cached_tokens"] += output.num_cached_tokens or 0
            self._totals["generated_tokens"] += len(completion.token_ids)
            yield Finished(
                self._keys.pop(output.request_id),
                list(completion.token_ids),
                self._logprobs(output),
                completion.finish_reason,
                self._version_of(output),
            )

    def _logprobs(self, output) -> list[float]:
        """Of the sampled tokens, or of the prompt's last ones where those were asked for."""
        count = self._scored.pop(output.request_id, None)
        if count is None:
            return list(output.outputs[0].logprobs.logprobs)
        given = output.prompt_logprobs  # nothing is known of the first token
        start = len(output.prompt_token_ids) - count
        return [given[i][output.prompt_token_ids[i]].logprob for i in range(start, len(output.prompt_token_ids))]

    def _version_of(self, output) -> int:
        """The version that sampled a finished request; -1 when the weights changed under it."""
        model = _version(output.outputs[0].weight_versions)
        if self.adapters is None:
            return model
        return self.adapters.version(output.lora_request) if model == self._version else -1

    def stats(self) -> dict:
        """Sums since the start: requests, prompt tokens, those found in the prefix cache, generated tokens."""
        return dict(self._totals)

    # ------------------------------------------------------------------------------------------------ weights
    def load_folder(self, folder: str, version: int, adapter: str | None = None) -> None:
        """Takes all weights, or an adapter's, from safetensors files. Raises ValueError when some are missing."""
        if self._lora(adapter) is not None:
            self.adapters.load(adapter, folder, version)
            self._adapter_checksums[adapter] = checksums(read_weights(Path(folder)))
            return
        given = weight_names(Path(folder))
        if given != self.names:
            lost, extra = sorted(self.names - given)[:3], sorted(given - self.names)[:3]
            raise ValueError(f"the published weights do not fit the model: missing {lost}, unknown {extra}")
        self.engine.collective_rpc("reload_weights", kwargs={"weights_path": folder})
        self.commit(version)

    def checksums(self, adapter: str | None = None) -> list[dict[str, int]]:
        """Of the newest weights that were loaded, by published name, as each of the workers holds them.

        Of an adapter: as they were in the folder that vLLM has read, once, because it scales and fuses them.
        """
        if self._lora(adapter) is not None:
            return [self._adapter_checksums.get(adapter, {})]
        return self.engine.collective_rpc("weight_checksums")

    def weight_update(self, method: str, payload: dict | None) -> None:
        """One call of vLLM's weight-transfer protocol (GPUs), passed on to all workers."""
        self.engine.collective_rpc(method, kwargs=payload or {})

    def commit(self, version: int) -> None:
        """Names the weights that are in place now; keys and values of the old ones are forgotten."""
        if not self.engine.reset_prefix_cache():
            raise ValueError("the prefix cache could not be reset, because requests are running")
        self.set_version(version)

    # ------------------------------------------------------------------------------------------------- memory
    def sleep(self) -> None:
        """Frees the GPU memory: weights go to host memory, keys and values are dropped (level 1)."""
        self.engine.sleep(level=1)

    def wake(self, tags: list[str] | None = None) -> None:
        """Takes the memory back: ["weights"] before new ones are sent, ["kv_cache"] after, None for both."""
        self.engine.wake_up(tags)


def _version(spans) -> int:
    """The one version that sampled a completion; -1 when the weights changed under it."""
    versions = {int(span.version) for span in spans or []}
    return versions.pop() if len(versions) == 1 else -1
