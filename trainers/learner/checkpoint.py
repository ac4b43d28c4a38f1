"""Atomic joint checkpoints of the pair, and resuming from the newest complete one.

checkpoints/step_00050/abstraction/   ZeRO-3 shards of one player only: what it trains, not the base of an adapter
checkpoints/step_00050/solution/
checkpoints/step_00050/state.json     step, data cursor, counters, schedule phase, entropy coefficients
checkpoints/step_00050/partner.safetensors  with cotrain.schedule.lag: the snapshot that pays the abstractions
checkpoints/step_00050/rng_rank0.pt   random states, one file per rank
checkpoints/step_00050/COMPLETE       written last: a folder without it is not a checkpoint
checkpoints/latest -> step_00050
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist

from rlad.cli import PlainError
from rlad.config import LoraConfig
from trainers.learner.update import Learner
from trainers.runtime import zero3

MARK = "COMPLETE"
TAG = "zero"


class CheckpointError(PlainError):
    """A checkpoint cannot be used for this run; the message is one plain sentence."""


def complete_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(path.parent for path in folder.glob(f"step_*/{MARK}"))


def step_folder(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` is."""
    return folder / f"step_{step:05d}"


def player_folder(step_folder: Path, role: str) -> Path:
    """Each player's own folder: DeepSpeed overwrites silently when two engines save under one tag in one place."""
    return step_folder / role


def save(
    folder: Path,
    step: int,
    learners: dict[str, Learner],
    state: dict,
    keep: int,
    write_more: Callable[[Path], None] = lambda target: None,
) -> Path:
    """Writes a checkpoint of both players, and what `write_more` (called on every rank) adds to its folder.

    Collective; raises ValueError if two players would share a folder.
    """
    target = step_folder(folder, step)
    folders = {role: player_folder(target, role) for role in learners}
    if len(set(folders.values())) != len(learners):
        raise ValueError("Two players would be saved into one folder.")
    if zero3.rank() == 0:
        shutil.rmtree(target, ignore_errors=True)  # what a killed run left there
        target.mkdir(parents=True)
    dist.barrier()
    for role, learner in learners.items():
        learner.engine.save_checkpoint(str(folders[role]), tag=TAG, exclude_frozen_parameters=True)
    rng = {"python": random.getstate(), "torch": torch.get_rng_state()}
    write_more(target)
    torch.save(rng, target / f"rng_rank{zero3.rank()}.pt")
    dist.barrier()
    if zero3.rank() == 0:
        state = {**state, "step": step, "ranks": zero3.world_size(), "roles": sorted(learners)}
        (target / "state.json").write_text(json.dumps(state, indent=1))
        (target / MARK).write_text("")
        _point_latest(folder, target)
        for old in complete_checkpoints(folder)[:-keep]:
            shutil.rmtree(old)
    dist.barrier()
    return target


def _point_latest(folder: Path, target: Path) -> None:
    link = folder / f".latest-{os.getpid()}"
    link.symlink_to(target.name)
    link.replace(folder / "latest")  # atomic: `latest` always names a complete checkpoint


def load_newest(folder: Path, learners: dict[str, Learner], lora: LoraConfig) -> dict | None:
    """Restores both players from the newest complete checkpoint; returns its state, None when there is none.

    Raises CheckpointError for one of other ranks, players or adapters.
    """
    found = complete_checkpoints(folder)
    if not found:
        return None
    target = found[-1]
    state = json.loads((target / "state.json").read_text())
    if state["ranks"] != zero3.world_size():
        raise CheckpointError(
            f"The checkpoint {target} was written by {state['ranks']} ranks and cannot be resumed with "
            f"{zero3.world_size()}; use the same number of ranks or start anew."
        )
    if state["roles"] != sorted(learners):
        raise CheckpointError(f"The checkpoint {target} holds {state['roles']}, the run trains {sorted(learners)}.")
    if state["lora"] != vars(lora):  # DeepSpeed would put the numbers into whatever is there, by their order
        changed = ", ".join(f"lora.{key}={value}" for key, value in state["lora"].items() if value != vars(lora)[key])
        raise CheckpointError(f"The checkpoint {target} is of {changed}; resume with that, or start anew.")
    for role, learner in learners.items():
        whole = all(parameter.requires_grad for parameter in learner.engine.module.parameters())
        learner.engine.load_checkpoint(str(player_folder(target, role)), tag=TAG, load_module_strict=whole)
    rng = torch.load(target / f"rng_rank{zero3.rank()}.pt", weights_only=False)
    random.setstate(rng["python"])
    torch.set_rng_state(rng["torch"])
    return state
