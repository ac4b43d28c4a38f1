"""Atomic joint checkpoints of the pair, and resuming from the newest complete one.

checkpoints/step_00050/abstraction/   ZeRO-3 shards of one player only: what it trains, not the base of an adapter
checkpoints/step_00050/solution/
checkpoints/step_00050/state.json     step, ranks, players, adapters, and under `parts` the state of everything stateful
checkpoints/step_00050/lagged_solver.safetensors  with cotrain.schedule.lag: the snapshot that pays the abstractions
checkpoints/step_00050/rng_rank0.pt   random states, one file per rank, which is the last that the rank writes
checkpoints/step_00050/COMPLETE       written last, with every file's size: a folder without it is not a checkpoint
checkpoints/latest -> step_00050

Saving copies all of it into this machine's memory; it is written while the loop goes on (checkpoint_writer.py).

What is ours in it (JSON, safetensors, random states) is read as data. The shards are DeepSpeed's, which reads them with
pickle: a checkpoint from somebody else can run code, as a program from somebody else can.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist

from rlad.config import LoraConfig, SteeringConfig
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
from trainers.learner.checkpoint_writer import CheckpointError, Job, Writer, random_file
from trainers.learner.learner import Learner
from trainers.runtime import zero3
from trainers.runtime.loggers import Stopwatch
from trainers.runtime.snapshots import Files, host_copy, snapshots

TAG = "zero"


class Stateful(Protocol):
    """What a run must remember of itself beside the players' weights."""

    def state(self) -> Any:
        """The same on every rank, in values that JSON knows."""

    def restore(self, state: Any) -> None:
        """Takes up what `state` gave."""


class StatefulFiles(Protocol):
    """What doesn't fit into JSON. Both are called on every rank."""

    def files(self, folder: Path) -> Files:
        """What this rank writes into a checkpoint's folder: copies that nothing changes, by path."""

    def load(self, folder: Path) -> None:
        """Takes up what `files` gave."""


def player_folder(step_folder: Path, role: str) -> Path:
    """Each player's own folder: DeepSpeed overwrites silently when two model engines save one tag in one place."""
    return step_folder / role


def save_shards(model_engine, folder: Path) -> None:
    """What a model engine trains, with its optimiser, not the base of an adapter. Collective."""
    model_engine.save_checkpoint(str(folder), tag=TAG, exclude_frozen_parameters=True)


def load_shards(model_engine, folder: Path) -> None:
    """Takes up what `save_shards` wrote; a frozen base stays as it is. Collective."""
    whole = all(parameter.requires_grad for parameter in model_engine.module.parameters())
    model_engine.load_checkpoint(str(folder), tag=TAG, load_module_strict=whole)


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run: everything that a checkpoint is of, and where it stands. All calls are collective."""

    folder: Path
    learners: dict[str, Learner]
    parts: dict[str, Stateful]
    """By name, beside the learners."""
    forms: Mapping[str, LoraConfig | SteeringConfig]
    """By the name of its section, what players train beside a frozen base."""
    keep: int
    """How many of them stay, the newest ones."""
    more: StatefulFiles
    writer: Writer

    @property
    def owners(self) -> dict[str, str]:
        """Role -> the role whose player has its weights: its own, or with shared weights the first one's."""
        names = {id(learner): role for role, learner in self.learners.items()}
        return {role: names[id(learner.owner)] for role, learner in self.learners.items()}

    def save(self, step: int, clock: Stopwatch) -> None:
        """Copies everything for the checkpoint after `step`, and begins to write it; waits for the one before.

        Raises ValueError if two players would share a folder, CheckpointError where the one before failed.
        """
        target = step_folder(self.folder, step)
        folders = {role: player_folder(target, role) for role, owner in self.owners.items() if role == owner}
        if len(set(folders.values())) != len(folders):
            raise ValueError("Two players would be saved into one folder.")
        with clock.phase("checkpoint_wait"):
            self.finish()
        with clock.phase("checkpoint"):
            if zero3.rank() == 0:
                remove(target)  # what a killed run left there
                target.mkdir(parents=True)
            dist.barrier()
            self.writer.start(self._copied(target, folders, step))

    def _copied(self, target: Path, folders: dict[str, Path], step: int) -> Job:
        files: Files = {}
        for role, shards in folders.items():
            model_engine = self.learners[role].model_engine
            with snapshots(model_engine) as own:
                save_shards(model_engine, shards)
            files |= own
        files |= self.more.files(target)
        states = {"python": random.getstate(), "torch": torch.get_rng_state()}
        state = host_copy(self._state(step))

        def finish() -> None:
            sync_tree(target)
            complete(target, state)
            point_latest(self.folder, target)
            keep_newest(self.folder, self.keep)

        return Job(target, files, states, zero3.rank(), zero3.world_size(), finish)

    def finish(self) -> None:
        """Waits until the checkpoint that was begun is one on all ranks; raises CheckpointError where it is none."""
        self.writer.wait()
        dist.barrier()

    def _state(self, step: int) -> dict:
        of = {"step": step, "ranks": zero3.world_size(), "roles": sorted(self.learners), "owners": self.owners}
        of |= {section: vars(form) for section, form in self.forms.items()}
        return of | {"parts": {name: part.state() for name, part in (self.parts | self.learners).items()}}

    def load_newest(self) -> int:
        """Takes up the newest readable checkpoint; returns its step, 0 when there is none.

        The samplers do not know of it: publish the weights afterwards. Raises CheckpointError for a checkpoint of other
        ranks, players or adapters.
        """
        target = newest_readable(self.folder)
        if target is None:
            return 0
        state = json.loads((target / "state.json").read_text())
        _check(target, state, self.owners, self.forms)
        for role in dict.fromkeys(self.owners.values()):
            learner = self.learners[role]
            load_shards(learner.model_engine, player_folder(target, role))
        for name, part in (self.parts | self.learners).items():
            part.restore(state["parts"][name])
        self.more.load(target)
        rng = torch.load(random_file(target, zero3.rank()), weights_only=True)
        random.setstate(rng["python"])
        torch.set_rng_state(rng["torch"])
        return state["step"]


def shards_of(state: dict) -> dict[str, str]:
    """Role -> the role in whose folder of a checkpoint its weights are; older checkpoints have one for each.

    >>> shards_of({"roles": ["abstraction", "solution"]})
    {'abstraction': 'abstraction', 'solution': 'solution'}
    """
    return state.get("owners") or {role: role for role in state["roles"]}


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


def _check(target: Path, state: dict, owners: Mapping[str, str], forms: Mapping[str, Any]) -> None:
    """Raises CheckpointError where a checkpoint does not fit the run."""
    if "parts" not in state:
        raise CheckpointError(f"The checkpoint {target} is of an earlier version of rlad; start anew.")
    if state["ranks"] != zero3.world_size():
        raise CheckpointError(
            f"The checkpoint {target} was written by {state['ranks']} ranks and cannot be resumed with "
            f"{zero3.world_size()}; use the same number of ranks or start anew."
        )
    if state["roles"] != sorted(owners):
        raise CheckpointError(f"The checkpoint {target} holds {state['roles']}, the run trains {sorted(owners)}.")
    if shards_of(state) != owners:
        saved = str(len(set(shards_of(state).values())) < len(owners)).lower()
        raise CheckpointError(
            f"The checkpoint {target} is of cotrain.shared_weights={saved}; resume with that, or start anew."
        )
    for section, form in forms.items():  # DeepSpeed would put the numbers into whatever is there, by their order
        saved, own = state.get(section, vars(type(form)())), vars(form)  # what an older checkpoint does not say was off
        changed = ", ".join(f"{section}.{key}={value}" for key, value in saved.items() if value != own[key])
        if changed:
            raise CheckpointError(f"The checkpoint {target} is of {changed}; resume with that, or start anew.")
