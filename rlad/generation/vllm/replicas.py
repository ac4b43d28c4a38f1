"""vLLM as servers: `vllm serve` processes, several per player if wanted, on this machine or on others.

Token ids go in and come out through /inference/v1/generate, which also names the weights that sampled each token. New
weights go to every replica: through a folder that they all see, or over NCCL to GPUs. The endpoints that take weights
are vLLM's development ones (VLLM_SERVER_DEV_MODE=1); whoever reaches them can replace the model, so keep the servers on
loopback or in a private network.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import torch

from rlad.config import ROLES, EngineConfig
from rlad.generation.base import Completion, SamplerFailed, Sampling, untempered
from rlad.generation.checksums import differing
from rlad.generation.vllm.core import request_seed
from rlad.generation.vllm.link import private_folder
from rlad.generation.vllm.received import EXTENSION
from rlad.generation.vllm.replica_streams import ReplicasStream, Requests
from rlad.generation.vllm.sampler import core_settings
from rlad.generation.vllm.server import VllmServer
from rlad.generation.vllm.setup import SPARE, cpu_environment, engine_gpus, gpu_environment, require_vllm
from rlad.generation.vllm.transfer import FolderTransfer
from rlad.generation.vllm.watched import OWN_FOLDER
from rlad.generation.vllm.weights import tied_head, untied, write_model
from rlad.players.adapters import plain_weights

POLL = 0.1


class Replicas:
    """Several servers of the same weights. `call` has the form of Link.call: transfers need not know the difference."""

    def __init__(self, name: str, urls: list[str], workers: int):
        """workers: GPUs per server."""
        self.name, self.urls, self.workers = name, urls, workers

    def fail(self, what: str) -> SamplerFailed:
        return SamplerFailed(f"The vLLM servers of the {self.name} ({', '.join(self.urls)}): {what}")

    def ask(self, method: str, url: str, path: str, body: dict | None, limit: float) -> dict:
        """One request to one server; SamplerFailed says what became of it."""
        try:
            answer = httpx.request(method, url + path, json=body, timeout=limit)
            answer.raise_for_status()
        except httpx.TimeoutException:
            raise self.fail(f"{url}{path} did not answer within {limit:.0f} seconds.") from None
        except httpx.HTTPStatusError as error:
            raise self.fail(f"{url}{path} refused: {error.response.text[:500]}") from None
        except httpx.HTTPError as error:
            raise self.fail(f"{url}{path} cannot be reached: {error}") from None
        return answer.json() if answer.content else {}

    def call(self, do: str, limit: float, **arguments) -> None:
        """load_folder, weight_update or commit, on all replicas at once."""
        with ThreadPoolExecutor(len(self.urls)) as pool:
            list(pool.map(lambda index: self._one(index, do, limit, **arguments), range(len(self.urls))))

    def _one(self, index: int, do: str, limit: float, **arguments) -> None:
        url = self.urls[index]
        if do == "load_folder":
            body = {"method": "reload_weights", "kwargs": {"weights_path": arguments["folder"]}}
            self.ask("POST", url, "/collective_rpc", body, limit)
            self._commit(url, arguments["version"], limit)
        elif do == "commit":
            self._commit(url, arguments["version"], limit)
        elif do == "weight_update":
            payload = dict(arguments["payload"] or {})
            if "init_info" in payload:  # each server's workers have their own ranks among the receivers
                info = payload["init_info"]
                payload["init_info"] = info | {"rank_offset": info["rank_offset"] + index * self.workers}
            self.ask("POST", url, f"/{arguments['method']}", payload, limit)
        else:
            raise ValueError(f"A server has no call '{do}'.")

    def _commit(self, url: str, version: int, limit: float) -> None:
        self.ask("POST", url, "/reset_prefix_cache", None, limit)
        self.ask("POST", url, "/update_weight_version", {"new_version": str(version)}, limit)

    def on_workers(self, method: str, limit: float) -> list:
        """What every worker of every server answers to one of our own methods (`received.Received`)."""
        answers = []
        for url in self.urls:
            try:
                answers += self.ask("POST", url, "/collective_rpc", {"method": method}, limit)["results"]
            except SamplerFailed as error:
                raise self.fail(
                    f"{url} cannot say which weights it holds; start it with --worker-extension-cls {EXTENSION}, this "
                    f"repository on its PYTHONPATH. ({error})"
                ) from None
        return answers

    def await_version(self, version: int, limit: float) -> None:
        """Waits until all replicas hold the weights that another rank is sending them."""
        deadline = time.monotonic() + limit
        for url in self.urls:
            while self.ask("GET", url, "/weight_info", None, limit)["weight_version"] != str(version):
                if time.monotonic() > deadline:
                    raise self.fail(f"{url} did not get weights of version {version} within {limit:.0f} seconds.")
                time.sleep(POLL)


class ReplicasSampler:
    """The sampler over servers. The leader among the ranks has the transfer (and the servers that it started)."""

    def __init__(self, replicas: Replicas, config: EngineConfig, stop_ids: list[int], tie, transfer=None, close=None):
        self.replicas, self.config, self.stop_ids, self.tie = replicas, config, stop_ids, tie
        self.transfer, self._close = transfer, close
        self.version, self.adapters = 0, False

    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Completion]:
        if any(not prompt for prompt in prompts):
            raise ValueError("An empty prompt cannot be continued.")
        answers = self._answers(prompts, sampling)
        return [self.completion(answer["choices"][0], sampling.temperature) for answer in answers]

    def score(self, prompts: list[list[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        """As log-probs of prompts; a server generates a token after each, which is thrown away."""
        texts = [[*prompt, *ids] for prompt, ids in zip(prompts, completions, strict=True)]
        answers = self._answers(texts, Sampling(max_new_tokens=1), prompt_logprobs=0, stop_token_ids=[])
        found = []
        for text, ids, answer in zip(texts, completions, answers, strict=True):
            self.completion(answer["choices"][0], 1.0)  # refuses other weights
            given = answer["prompt_logprobs"][len(text) - len(ids) :]
            found.append(sum(known[str(token)]["logprob"] for known, token in zip(given, ids, strict=True)))
        return found

    def _answers(self, prompts: list[list[int]], sampling: Sampling, **more) -> list[dict]:
        """What the servers answer to every prompt; `more` are further sampling parameters of vLLM's."""
        self.replicas.await_version(self.version, self.config.timeout)
        return asyncio.run(self._all(prompts, sampling, more))

    async def _all(self, prompts: list[list[int]], sampling: Sampling, more: dict) -> list[dict]:
        async with Requests(self.replicas, self.config) as requests:
            streams = sampling.streams(len(prompts))
            params = [self.params(sampling, stream) | more for stream in streams]
            return await asyncio.gather(*map(requests.answer, prompts, params))

    def stream(self, ended: Callable[[object, Completion | BaseException], None]) -> ReplicasStream:
        """Requests that are taken while others run (`rlad.generation.base.Stream`)."""
        self.replicas.await_version(self.version, self.config.timeout)
        return ReplicasStream(self, ended)

    def params(self, sampling: Sampling, stream: tuple[int, int]) -> dict:
        return {
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_new_tokens,
            "seed": request_seed(*stream),
            "stop_token_ids": [*self.stop_ids, *sampling.stop],
            "top_p": 1.0,
            "top_k": 0,
            "min_p": 0.0,
            "logprobs": 0,
            "detokenize": False,
        }

    def completion(self, choice: dict, temperature: float) -> Completion:
        versions = {span["version"] for span in choice["weight_versions"] or []}
        if versions != {str(self.version)}:
            raise self.replicas.fail(f"sampled with weights of version {sorted(versions)}, not {self.version}.")
        logprobs = tuple(token["logprob"] for token in choice["logprobs"]["content"])
        ids, whole = tuple(choice["token_ids"]), untempered(logprobs, temperature)
        return Completion(ids, logprobs, choice["finish_reason"], self.version, whole)

    def load_weights(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Sends new weights to all replicas; on other ranks than the leader, only takes part in gathering them."""
        if self.transfer is None:
            for _ in source:
                pass
        else:
            self.transfer.send(untied(source, self.tie), version)
        self.version = version

    def differing(self, expected: Mapping[str, int]) -> list[str]:
        """The leader asks every worker of every server."""
        if self.transfer is None:
            return []
        workers = self.replicas.on_workers("weight_checksums", self.config.timeout)
        return sorted({name for held in workers for name in differing(expected, held)}, key=list(expected).index)

    def sleep(self) -> None:
        """Servers have their memory to themselves."""

    def wake(self) -> None:
        """Always awake."""

    def close(self) -> None:
        if self._close is not None:
            self._close()


def start_servers(config: EngineConfig, model, device: str, logs: Path, role: str, folder: Path) -> list[VllmServer]:
    """`engine.replicas` servers of a full model on this machine, from `folder`; healthy when this returns.

    On GPUs each takes the next `engine.tensor_parallel` of those that no rank has. Raises SamplerFailed, with no server
    left, when one does not come up.
    """
    require_vllm(device)
    write_model(model, folder / "model")
    dtype = str(model.dtype).removeprefix("torch.")
    settings = core_settings(config, folder / "model", device, dtype, int(model.config.max_position_embeddings))
    words = [*server_words(settings), "--enable-scale-out"]  # without it /inference/v1/generate refuses
    servers: list[VllmServer] = []
    try:
        for number in range(config.replicas):
            if device == "cpu":
                threads = config.threads or len(os.sched_getaffinity(0))
                env = cpu_environment(os.environ, threads, settings["enforce_eager"])
            else:
                before = number + ROLES.index(role) * config.replicas
                gpus = engine_gpus(os.environ.get(SPARE, ""), config.tensor_parallel, before)
                env = gpu_environment(os.environ, "cuda", gpus)
            env |= {"VLLM_SERVER_DEV_MODE": "1", OWN_FOLDER: str(folder)}
            log = logs / f"server_{role}_{number}.log"
            servers.append(VllmServer(folder / "model", log, words, env, f"vLLM server {number} of the {role} player"))
        for server in servers:
            server.wait_until_healthy(config.start_timeout)
    except BaseException:
        for server in servers:
            server.close()
        raise
    return servers


def server_words(settings: dict) -> list[str]:
    """Engine arguments as words of the command line.

    >>> server_words({"model": "m", "max_model_len": 8, "enforce_eager": True, "weight_transfer": "nccl"})
    ['--max-model-len', '8', '--enforce-eager', '--weight-transfer-config', '{"backend": "nccl"}']
    >>> server_words({"enable_chunked_prefill": False})
    ['--no-enable-chunked-prefill']
    """
    words: list[str] = []
    for name, value in settings.items():
        if name in ("model", "disable_log_stats", "enable_sleep_mode"):
            continue
        if name == "weight_transfer":
            words += ["--weight-transfer-config", f'{{"backend": "{value}"}}']
        elif isinstance(value, bool):
            words.append(("--" if value else "--no-") + name.replace("_", "-"))
        else:
            words += ["--" + name.replace("_", "-"), str(value)]
    return words


def lead_servers(
    config: EngineConfig, policy, stop_ids: list[int], device: torch.device, logs: Path, lead: bool,
    share: Callable[[object], object],
) -> ReplicasSampler:  # fmt: skip
    """A rank's sampler over a player's servers. The leader starts them where the configuration names none.

    share: takes the leader's value to all ranks (a collective).
    """
    urls = list(getattr(config, f"{policy.role}_urls"))
    folder = private_folder() if lead else None
    servers: list[VllmServer] = []
    if lead and not urls:
        servers = start_servers(config, policy.model, device.type, logs, policy.role, folder)
    urls = share(urls or [server.url for server in servers])
    replicas = Replicas(f"{policy.role} player", urls, config.tensor_parallel)
    tie = tied_head(policy.model)
    if not lead:
        return ReplicasSampler(replicas, config, stop_ids, tie)

    def close() -> None:
        for server in servers:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)

    sampler = ReplicasSampler(replicas, config, stop_ids, tie, _transfer(config, replicas, device, folder), close)
    replicas.on_workers("watch_weights", config.timeout)
    if servers:
        replicas.call("commit", config.timeout, version=0)
    else:  # nobody knows what they hold
        sampler.load_weights(plain_weights(policy.model.named_parameters(), policy.model), 0)
    return sampler


def _transfer(config: EngineConfig, replicas: Replicas, device: torch.device, folder: Path):
    if device.type == "cpu" or config.weights_folder is not None:
        target = Path(config.weights_folder) if config.weights_folder is not None else folder
        return FolderTransfer(replicas, target, config.timeout)
    from rlad.generation.vllm.transfer_gpu import NcclTransfer

    local = all("127.0.0.1" in url or "localhost" in url for url in replicas.urls)
    return NcclTransfer(replicas, config.timeout, config.tensor_parallel * len(replicas.urls), local)
