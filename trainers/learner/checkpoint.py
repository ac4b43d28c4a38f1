"""Atomic joint checkpoints of the pair, and resuming from the newest complete one.

checkpoints/step_00050/abstraction/   ZeRO-3 shards of one player only: what it trains, not the base of an adapter
checkpoints/step_00050/solution/
checkpoints/step_00050/state.json     step, data cursor, counters, schedule phase, entropy coefficients
checkpoints/step_00050/partner.safetensors  with cotrain.schedule.lag: the snapshot that pays the abstractions
checkpoints/step_00050/rng_rank0.pt   random states, one file per rank
checkpoints/step_00050/COMPLETE       written last, with every file's size: a folder without it is not a checkpoint
checkpoints/latest -> step_00050

What is ours in it (JSON, safetensors, random states) is read as data. The shards are DeepSpeed's, which reads them with
pickle: a checkpoint from somebody else can run code, as a program from somebody else can.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist

from rlad.cli import PlainError
from rlad.config import LoraConfig
from trainers.learner.checkpoint_files import (
    MARK,
    UNREADABLE,
    complete,
    complete_checkpoints,
    keep_newest,
    point_latest,
    remove,
    step_folder,
    sync_tree,
    unreadable,
)
from trainers.learner.update import Learner
from trainers.runtime import zero3

TAG = "zero"


class CheckpointError(PlainError):
    """A checkpoint cannot be used for this run; the message is one plain sentence."""


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
        remove(target)  # what a killed run left there
        target.mkdir(parents=True)
    dist.barrier()
    for role, learner in learners.items():
        learner.engine.save_checkpoint(str(folders[role]), tag=TAG, exclude_frozen_parameters=True)
    rng = {"python": random.getstate(), "torch": torch.get_rng_state()}
    write_more(target)
    torch.save(rng, target / f"rng_rank{zero3.rank()}.pt")
    dist.barrier()
    if zero3.local_rank() == 0:
        sync_tree(target)  # on every node: each writes through a memory of its own
    dist.barrier()
    if zero3.rank() == 0:
        complete(target, {**state, "step": step, "ranks": zero3.world_size(), "roles": sorted(learners)})
        point_latest(folder, target)
        keep_newest(folder, keep)
    dist.barrier()
    return target


def newest_readable(folder: Path) -> Path | None:
    """The newest complete checkpoint that every rank can read, None when there is none at all.

    Damaged ones lose their mark, and a sentence says so. Raises CheckpointError when all are damaged: the run would
    begin anew and overwrite its own record. Collective.
    """
    found = complete_checkpoints(folder)
    for target in reversed(found):
        reasons: list[str | None] = [None] * zero3.world_size()
        dist.all_gather_object(reasons, unreadable(target, zero3.rank()))
        if not any(reasons):
            if zero3.rank() == 0:
                point_latest(folder, target)
            return target
        if zero3.rank() == 0:
            why = next(filter(None, reasons))
            print(f"The checkpoint {target} cannot be read and is passed over: {why}.", flush=True)
            (target / MARK).rename(target / UNREADABLE)
    if found:
        raise CheckpointError(f"No checkpoint in {folder} can be read; move that folder away to start anew.")
    return None


def load_newest(folder: Path, learners: dict[str, Learner], lora: LoraConfig) -> dict | None:
    """Restores both players from the newest readable checkpoint; returns its state, None when there is none.

    Raises CheckpointError for one of other ranks, players or adapters.
    """
    target = newest_readable(folder)
    if target is None:
        return None
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
    rng = torch.load(target / f"rng_rank{zero3.rank()}.pt", weights_only=True)
    random.setstate(rng["python"])
    torch.set_rng_state(rng["torch"])
    return state
