"""What the project does on GPUs, in one go: writing, learning, sleeping, publishing, both players, three placements.

    ./launch.sh bench gpu                                  on a machine with GPUs, 12 minutes at most
    ./launch.sh bench gpu device=cpu models=[tiny]         a rehearsal of every stage on a CPU

Random Qwen3 of the shapes of 0.6B and 1.7B; text means nothing, so completions are as long as they may be. A stage is
a program of its own, with a share of the time that is left: what one does not need is the next ones', and none takes
another's. One that cannot run here, for which there is no time, or that fails says why in its place of the result, and
one that is cut says so; none is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evals.benchmarks.device.stages import RUN, Place, StageFailed, Watch
from rlad.cli import PlainError
from rlad.generation import SamplerFailed
from rlad.players.shapes import KNOWN, ModelShape

ENOUGH = 0.5
"""The least share of the minutes that a stage wants with which it is begun; rather fewer stages than all cut short."""
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
    """That it wants on one GPU: what its share of the time is measured by."""
    gpus: int = 1
    """That it needs."""

    @property
    def title(self) -> str:
        return f"{self.name} {self.model}"


def stages(models: Sequence[str]) -> list[Stage]:
    """All stages, what is most worth knowing first."""
    found = []
    for model in models:
        found += [Stage("prepare", model, 1.0), Stage("engines", model, 2.0), Stage("colocated", model, 2.5)]
    found += [Stage("server", model, 2.5) for model in models]
    return found + [Stage("nccl", model, 2.0, gpus=2) for model in models]


def plan(
    models: Sequence[str], asked: Collection[str], gpus: int, minutes: float
) -> tuple[list[Stage], dict[str, str]]:
    """(stages that are to run, in their order; by title why others are not), with so many GPUs (0: a CPU stands in).

    Where the minutes are not `ENOUGH` for all, the last stages stay out, which are least worth knowing.

    >>> planned, _ = plan(["0.6b", "1.7b"], RUN, gpus=1, minutes=12)
    >>> [stage.title for stage in planned][-2:], sum(stage.minutes for stage in planned)
    (['server 0.6b', 'server 1.7b'], 16.0)
    >>> planned, out = plan(["tiny"], ["engines"], gpus=0, minutes=1)
    >>> planned, out["engines tiny"]
    ([], 'the clock: it wants 120 s, and 1 minutes are not enough for all')
    """
    planned, out = [], {}
    for stage in stages(models):
        if stage.name not in ("prepare", *asked):
            out[stage.title] = "not asked for"
        elif stage.gpus > max(1, gpus) or (stage.name == "nccl" and not gpus):
            there = f"there {'is' if gpus == 1 else 'are'} {gpus}"
            out[stage.title] = f"it wants {stage.gpus} GPUs, and {there}: NCCL sends from a GPU to another"
        else:
            planned.append(stage)
    while planned and minutes < ENOUGH * sum(stage.minutes for stage in planned):
        late = [planned.pop()]
        while planned and planned[-1].name == "prepare":  # for nothing that runs
            late.append(planned.pop())
        for stage in late:
            wants = f"it wants {60 * stage.minutes:.0f} s"
            out[stage.title] = f"the clock: {wants}, and {minutes:g} minutes are not enough for all"
    return planned, out


def share(stage: Stage, later: Sequence[Stage], left: float) -> float:
    """Seconds of the `left` ones that are a stage's, with those that are `later` in mind: by what each of them wants.

    >>> share(Stage("engines", "0.6b", 2), [Stage("server", "0.6b", 2.5), Stage("server", "1.7b", 2.5)], left=350)
    100.0
    """
    return left * stage.minutes / (stage.minutes + sum(one.minutes for one in later))


def refusal(stage: Stage, seconds: float, found: Mapping[str, Any]) -> str | None:
    """Why a stage of the plan is not begun after all, whose share is so many seconds.

    >>> refusal(Stage("engines", "0.6b", 2), 59, {})
    'the clock: it wants 120 s, and its share of what is left is 59 s'
    >>> refusal(Stage("engines", "tiny", 2), 600, {"prepare tiny": {"failed": "no disk"}})
    'there is no model to run it with'
    """
    if stage.name != "prepare" and "parameters" not in found.get(f"prepare {stage.model}", {"parameters": 0}):
        return "there is no model to run it with"
    if seconds < 60 * ENOUGH * stage.minutes:
        wants = f"it wants {60 * stage.minutes:.0f} s"
        return f"the clock: {wants}, and its share of what is left is {max(0, seconds):.0f} s"
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


def attempt(stage: Stage, place: Place, seconds: float) -> dict:
    """What a stage found in so many seconds at most, with those it took and the most memory meanwhile; or why it
    failed."""
    begin = time.monotonic()
    with Watch(place.device) as watch:
        try:
            found = RUN[stage.name](place, seconds)
        except (StageFailed, SamplerFailed, OSError) as error:
            found = {"failed": str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}
    taken = {"share_seconds": round(seconds, 1), "stage_seconds": round(time.monotonic() - begin, 1)}
    return found | taken | {"peak_gb": watch.peak}


def bench(keys: Keys) -> dict[str, Any]:
    """The machine, and by stage what it found, or why there is nothing. Raises PlainError without a GPU."""
    unknown = [model for model in keys.models if model not in SHAPES]
    if unknown:
        raise PlainError(f"models are {', '.join(SHAPES)}, not '{unknown[0]}'.")
    deadline, here = time.monotonic() + 60 * keys.minutes, machine(keys.device)
    planned, out = plan(keys.models, keys.stages, len(here["gpus"]), keys.minutes)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for number, stage in enumerate(planned):
            seconds = share(stage, planned[number + 1 :], deadline - time.monotonic())
            place = Place(
                keys.device, Path(keys.logs), Path(name, stage.model), SHAPES[stage.model], here["gpus"], here["memory"]
            )
            reason = refusal(stage, seconds, found)
            found[stage.title] = {"not_run": reason} if reason else attempt(stage, place, seconds)
            print(f"{stage.title}: {json.dumps(found[stage.title])}", flush=True)
    found |= {title: {"not_run": reason} for title, reason in out.items()}
    inorder = {stage.title: found[stage.title] for stage in stages(keys.models)}
    return {"machine": here, "torch": version("torch"), "stages": inorder}
