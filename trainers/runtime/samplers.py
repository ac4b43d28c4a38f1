"""Each player's sampler, where the configuration places it: in the rank, in a vLLM process, or in vLLM servers."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import torch

from rlad.config import EngineConfig, RunConfig
from rlad.generation import Sampler, kind_on, make_sampler, stop_ids
from rlad.generation.turns import TurnSampler, in_turns
from rlad.generation.vllm.setup import SPARE, engine_gpus
from rlad.players.policy import Policy
from rlad.players.roles import playing
from rlad.problems import tool_of
from trainers.runtime import zero3


def placement(config: EngineConfig, device: torch.device) -> str:
    """transformers, or where vLLM's engines are.

    >>> placement(EngineConfig(kind="vllm"), torch.device("cpu")), placement(EngineConfig(), torch.device("cpu"))
    ('shared', 'transformers')
    """
    if kind_on(config, device.type) == "transformers":
        return "transformers"
    if config.placement != "auto":
        return config.placement
    return "shared" if device.type == "cpu" else "colocated"


def shared_gpus(config: EngineConfig, where: str, before: int) -> str:
    """The GPUs of a node's next shared engine, none of them a rank's; adapters may do with the first rank's own ("").

    Raises SamplerFailed when there are too few.
    """
    spare = os.environ.get(SPARE, "")
    if where == "lora" and not spare and config.tensor_parallel == 1:
        return ""
    return engine_gpus(spare, config.tensor_parallel, before)


def place_sampler(
    run: RunConfig, policy: Policy, folder: Path, device: torch.device, other: Sampler | None = None
) -> Sampler:
    """This rank's sampler for a player, to be made before ZeRO-3 partitions the model. Collective.

    other: the other player's sampler, where there is one already; with placement=lora both are in one engine.
    """
    inner = other.inner if isinstance(other, TurnSampler) else other
    return in_turns(_placed(run, policy, folder, device, inner), tool_of(run.problems), policy.tokenizer)


def _placed(run: RunConfig, policy: Policy, folder: Path, device: torch.device, other: Sampler | None) -> Sampler:
    where = placement(run.engine, device)
    if where == "transformers":
        return make_sampler(run.engine, copy.deepcopy(policy.model).to(device), policy.tokenizer)
    from rlad.generation.vllm.sampler import join_vllm, start_vllm

    stops, name = stop_ids(policy.model, policy.tokenizer), f"{policy.role} player"
    log = folder / "logs" / f"engine_{policy.role}_{zero3.rank()}.log"
    if where == "server":
        from rlad.generation.vllm.replicas import lead_servers

        lead = zero3.rank() == 0
        return lead_servers(run.engine, policy, stops, device, folder / "logs", lead, zero3.from_first)
    if where == "colocated":
        return start_vllm(run.engine, policy.model, stops, str(device), log, name)
    form = {}
    if where == "lora":
        if other is not None:
            return other.beside(policy.role)
        players = (policy.role,) if run.cotrain.shared_weights else tuple(playing(run))
        form, name = {"lora": run.lora, "adapters": players}, "players"
        log = log.with_stem(f"engine_players_{zero3.rank()}")
    leads = zero3.local_rank() == 0
    if leads:
        gpus = shared_gpus(run.engine, where, int(other is not None)) if device.type == "cuda" else ""
        sampler = start_vllm(run.engine, policy.model, stops, str(device), log, name, gpus=gpus, **form)
    else:
        sampler = None
    address = zero3.from_node_leader(sampler.address if leads else None)
    return sampler or join_vllm(run.engine, policy.model, stops, address, name, policy.role if form else None)
