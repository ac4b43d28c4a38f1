"""What the project does on GPUs, in one go: writing, learning, sleeping, publishing, both players, three placements.

    ./launch.sh bench gpu                                  on a machine with GPUs, 12 minutes at most
    ./launch.sh bench gpu device=cpu models=[tiny]         a rehearsal of every stage on a CPU

Random Qwen3 of the shapes of 0.6B and 1.7B; text means nothing, so completions are as long as they may be. A stage is
a program of its own. One that cannot run here, for which no time is left, or that fails says why in its place of the
result; none is left out. Every number of a stage is beside the clock of the machine that the stage had to itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evals.benchmarks.device.stages import RUN, Place, StageFailed, Watch
from rlad.cli import PlainError
from rlad.generation import SamplerFailed
from rlad.players.shapes import KNOWN, ModelShape

SHAPES = {
    "0.6b": KNOWN["Qwen/Qwen3-0.6B"],
    "1.7b": KNOWN["Qwen/Qwen3-1.7B"],
    "tiny": ModelShape(128, 2, 4, 2, 32, 384, 600, True),
}


@dataclass
class Keys:
    """What is measured, where and for how long."""

    minutes: float = 12.0
    """After which nothing more is begun, and what runs is ended."""
    models: list[str] = field(default_factory=lambda: ["0.6b", "1.7b"])
    """0.6b, 1.7b or tiny."""
    stages: list[str] = field(default_factory=lambda: list(RUN))
    """Which of prepare (always done), engines, colocated, server, nccl."""
    device: str = "cuda"
    """cuda or cpu."""
    logs: str = "runs/benchmark-logs"
    """Where the stages write theirs."""


@dataclass(frozen=True)
class Stage:
    """One measurement."""

    name: str
    model: str
    minutes: float
    """That it takes at most on one GPU."""
    gpus: int = 1
    """That it needs."""


def stages(models: Sequence[str]) -> list[Stage]:
    """All stages, what is most worth knowing first."""
    found = []
    for model in models:
        found += [Stage("prepare", model, 1.0), Stage("engines", model, 2.0), Stage("colocated", model, 2.5)]
    for model in models:
        found += [Stage("server", model, 2.5), Stage("nccl", model, 2.0, gpus=2)]
    return found


def refusal(stage: Stage, left: float, gpus: int, found: Mapping[str, Any]) -> str | None:
    """Why a stage is not begun, with `left` seconds of the clock and so many GPUs (0: a CPU stands in for one).

    >>> refusal(Stage("nccl", "0.6b", 2, gpus=2), 600, 1, {})
    'it wants 2 GPUs, and there is 1: NCCL sends from a GPU to another'
    >>> refusal(Stage("engines", "0.6b", 2), 60, 1, {})
    'the clock: it may take 120 s, and 60 s are left'
    >>> refusal(Stage("engines", "tiny", 2), 600, 0, {"prepare tiny": {"failed": "no disk"}})
    'there is no model to run it with'
    """
    if stage.gpus > max(1, gpus) or (stage.name == "nccl" and not gpus):
        there = f"there {'is' if gpus == 1 else 'are'} {gpus}"
        return f"it wants {stage.gpus} GPUs, and {there}: NCCL sends from a GPU to another"
    if stage.name != "prepare" and "parameters" not in found.get(f"prepare {stage.model}", {"parameters": 0}):
        return "there is no model to run it with"
    if 60 * stage.minutes > left:
        return f"the clock: it may take {60 * stage.minutes:.0f} s, and {max(0, left):.0f} s are left"
    return None


def machine(device: str) -> dict[str, Any]:
    """The GPUs as their driver names them, with their memory in bytes; no GPU is touched for it."""
    if device == "cpu":
        return {"gpus": [], "cpus": len(os.sched_getaffinity(0)), "memory": 0}
    words = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip().splitlines()
    except (OSError, subprocess.CalledProcessError) as error:
        raise PlainError("There is no GPU here (nvidia-smi does not answer); rehearse with device=cpu.") from error
    return {
        "gpus": [line.rpartition(",")[0] for line in told],
        "cpus": len(os.sched_getaffinity(0)),
        "memory": int(told[0].rpartition(",")[2]) * 2**20,
    }


def attempt(stage: Stage, place: Place, left: float) -> dict:
    """What a stage found, with its seconds and the most memory meanwhile; or why it failed."""
    begin = time.monotonic()
    with Watch(place.device) as watch:
        try:
            found = RUN[stage.name](place, min(left, 60 * stage.minutes) if place.gpus else left)
        except (StageFailed, SamplerFailed, OSError) as error:
            found = {"failed": str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}
    return found | {"stage_seconds": round(time.monotonic() - begin, 1), "peak_gb": watch.peak}


def bench(keys: Keys) -> dict[str, Any]:
    """The machine, and by stage what it found, or why there is nothing. Raises PlainError without a GPU."""
    unknown = [model for model in keys.models if model not in SHAPES]
    if unknown:
        raise PlainError(f"models are {', '.join(SHAPES)}, not '{unknown[0]}'.")
    deadline, here = time.monotonic() + 60 * keys.minutes, machine(keys.device)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for stage in stages(keys.models):
            title, left = f"{stage.name} {stage.model}", deadline - time.monotonic()
            place = Place(
                keys.device, Path(keys.logs), Path(name, stage.model), SHAPES[stage.model], here["gpus"], here["memory"]
            )
            asked = stage.name in ("prepare", *keys.stages)
            reason = refusal(stage, left, len(here["gpus"]), found) if asked else "not asked for"
            found[title] = {"not_run": reason} if reason else attempt(stage, place, left)
            print(f"{title}: {json.dumps(found[title])}", flush=True)
    return {"machine": here, "torch": version("torch"), "stages": found}
