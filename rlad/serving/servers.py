"""The vLLM servers that a gateway starts here: one for each model, or one base with an adapter for each player.

A player is asked for under the name `rlad-ROLE`, whatever else its server has.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from rlad.config import RunConfig
from rlad.config.rules.checks import CPU_HEADS
from rlad.generation.base import SamplerFailed
from rlad.generation.vllm.adapters import adapted_layers, largest_rank
from rlad.generation.vllm.server import VllmServer
from rlad.generation.vllm.setup import common_environment, cpu_environment, require_vllm
from rlad.reasoning.pair import adapted_pair
from rlad.serving.logs import log

PAIR = "pair"
"""What a server of both players is called in logs and metrics."""


def served_name(role: str) -> str:
    """What a player is called by the servers that are started here."""
    return f"rlad-{role}"


@dataclass(frozen=True)
class ServerPlan:
    """One server to start: the players that it serves, its model, its arguments beyond those that all have."""

    roles: tuple[str, ...]
    model: Path
    arguments: tuple[str, ...]
    place: tuple[int, int] = (0, 1)
    """Which of how many servers it is: they share the machine."""

    @property
    def name(self) -> str:
        """The player whose server it is.

        >>> ServerPlan(("solution",), Path("m"), ()).name, ServerPlan(("abstraction", "solution"), Path("m"), ()).name
        ('solution', 'pair')
        """
        return self.roles[0] if len(self.roles) == 1 else PAIR


def planned(
    run: RunConfig, folder: Path, folders: Mapping[str, Path], more: Mapping[str, Path] | None = None
) -> list[ServerPlan]:
    """The servers of a pair. folder: the run's. folders: role -> its player's model; more: of further players.

    Players with one model have one server. Raises ConfigError where adapters are asked for and there are none.
    """
    plans: list[ServerPlan] = []
    if run.serving.adapters:
        base, adapters = adapted_pair(run, folder)
        modules = (f"{served_name(role)}={path}" for role, path in adapters.items())
        words = ("--served-model-name", "rlad-base", "--enable-lora", "--max-loras", str(len(adapters)))
        words += ("--max-lora-rank", str(largest_rank(run.lora.rank)), "--lora-modules", *modules)
        layers = {layer for own in adapters.values() for layer in adapted_layers(own)}
        words += ("--lora-target-modules", *sorted(layers))
        plans, folders = [ServerPlan(tuple(adapters), base, words)], {}
    folders = {**folders, **(more or {})}
    for model in dict.fromkeys(folders.values()):
        roles = tuple(role for role in folders if folders[role] == model)
        plans.append(ServerPlan(roles, model, ("--served-model-name", *map(served_name, roles))))
    return [replace(plan, place=(number, len(plans))) for number, plan in enumerate(plans)]


def card_of(role: str, cards: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
    """(name, most tokens of a prompt with its completion) of a player's model, from what a server lists.

    cards: of its `/v1/models`; those of adapters are without a length, which is their base's. Raises SamplerFailed for
    a server of several models none of which is called as the player is.

    >>> card_of("solution", [{"id": "base", "max_model_len": 128}, {"id": "rlad-solution", "max_model_len": None}])
    ('rlad-solution', 128)
    >>> card_of("solution", [{"id": "my-solver", "max_model_len": 64}])
    ('my-solver', 64)
    """
    names, wanted = [str(card["id"]) for card in cards], served_name(role)
    if wanted not in names and len(names) > 1:
        raise SamplerFailed(f"The {role} player's server has the models {', '.join(names)}; call its own {wanted}.")
    longest = max(int(card.get("max_model_len") or 0) for card in cards)
    return wanted if wanted in names else names[0], longest


def log_folder(folder: Path) -> Path:
    """RUN/logs; a temporary folder where the run can only be read (a volume mounted into a container, say)."""
    logs = folder / "logs"
    with suppress(OSError):
        logs.mkdir(exist_ok=True)
    if logs.is_dir() and os.access(logs, os.W_OK):
        return logs
    elsewhere = Path(tempfile.mkdtemp(prefix="rlad-serve-"))
    log("engines log elsewhere", logging.WARNING, folder=str(elsewhere))
    return elsewhere


def require_cpu_heads(model: Path) -> None:
    """Raises SamplerFailed for a model that vLLM would load on a CPU and then die of at its first request."""
    described = json.loads((model / "config.json").read_text())
    head = described.get("head_dim") or described["hidden_size"] // described["num_attention_heads"]
    if head not in CPU_HEADS:
        raise SamplerFailed(
            f"The model in '{model}' has attention heads of {head}; vLLM's attention on CPUs wants "
            f"{', '.join(map(str, CPU_HEADS))}: serve it with --engine transformers."
        )


def started(run: RunConfig, plan: ServerPlan, said: Path) -> VllmServer:
    """Starts a `vllm serve` on its share of this machine; what it prints goes into the file `said`.

    Raises SamplerFailed where vLLM cannot run.
    """
    gpus = 0 if run.launch.device == "cpu" else torch.cuda.device_count()
    require_vllm("cuda" if gpus else "cpu")
    if not gpus:
        require_cpu_heads(plan.model)
    asked = shlex.split(run.serving.vllm_arguments)
    if gpus:
        environment = common_environment(os.environ)
    else:
        environment = cpu_environment(os.environ, run.launch.threads_per_rank, "--enforce-eager" in asked)
    arguments = [
        *plan.arguments,
        *("--dtype", run.base.dtype, "--generation-config", "vllm", "--logprobs-mode", "raw_logprobs"),
        "--disable-uvicorn-access-log",  # a line per health check: the gateway logs requests
    ]
    if not gpus:  # else each would want nearly all of the machine's memory; `serving.vllm_arguments` may say more
        arguments += ["--kv-cache-memory-bytes", str(2**30)]
        # vLLM 0.32 takes a random generator back when a prompt is read in pieces, and a CPU's cannot go back: one
        # request with a seed in a burst ended the engine.
        arguments += ["--no-enable-chunked-prefill"]
    else:
        more, visible = share_of_gpus(*plan.place, gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
        arguments += more
        environment |= {"CUDA_VISIBLE_DEVICES": visible} if visible else {}
    name = f"vLLM server of the {plan.name}" + ("" if plan.name == PAIR else " player")
    return VllmServer(plan.model, said, [*arguments, *asked], environment, name=name)


def share_of_gpus(place: int, servers: int, gpus: int, visible: str | None) -> tuple[list[str], str | None]:
    """(arguments, CUDA_VISIBLE_DEVICES where it changes) of one of the servers of a machine of `gpus` GPUs.

    Servers share the GPUs: where there are fewer of these by memory, else by equal parts, with a copy of the model on
    each GPU.

    >>> share_of_gpus(1, 2, 1, None), share_of_gpus(1, 2, 4, "4,5,6,7")
    ((['--gpu-memory-utilization', '0.45'], None), (['--data-parallel-size', '2'], '6,7'))
    >>> share_of_gpus(0, 1, 4, None), share_of_gpus(2, 3, 4, None)
    ((['--data-parallel-size', '4'], None), (['--data-parallel-size', '2'], '2,3'))
    >>> share_of_gpus(0, 3, 1, None), share_of_gpus(2, 3, 2, None)
    ((['--gpu-memory-utilization', '0.3'], None), (['--gpu-memory-utilization', '0.45'], '0'))
    """
    names = visible.split(",") if visible else list(map(str, range(gpus)))
    if gpus < servers:
        together = -(-servers // gpus)  # on the fullest one
        share = ["--gpu-memory-utilization", f"{0.9 / together:g}"]
        return share, None if gpus == 1 else names[place % gpus]
    if servers == 1:
        return ([] if gpus == 1 else ["--data-parallel-size", str(gpus)]), None
    parts = [(gpus + number) // servers for number in range(servers)]
    own = names[sum(parts[:place]) :][: parts[place]]
    return ["--data-parallel-size", str(len(own))], ",".join(own)
