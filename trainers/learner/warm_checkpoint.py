"""Checkpoints of a warm start, from which a killed one goes on.

RUN/warmstart/base/step_00040/   the model engine's shards (of an adapter without its base), state.json, and the file
                                 COMPLETE, written last
RUN/warmstart/base/DONE          the model is exported; its checkpoint is gone

They are of one configuration: after a change of anything that a warm start reads, it begins again. The whole folder is
removed when the warm start is finished.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch.distributed as dist

from rlad.config import RunConfig, as_tree
from trainers.learner.checkpoint import load_shards, save_shards
from trainers.learner.checkpoint_files import complete, complete_checkpoints, keep_newest, step_folder, sync_tree
from trainers.runtime import zero3

FINISHED = "DONE"


@dataclass
class WarmProgress:
    """How far the training of one model is."""

    step: int = 0
    tokens: int = 0
    """Demonstrated tokens that were learnt from, on all ranks."""
    seconds: float = 0.0


def made_with(run: RunConfig) -> dict:
    """Everything in a configuration that changes what a warm start does, and the number of ranks."""
    tree = as_tree(run)
    warm = {name: value for name, value in tree["warmstart"].items() if name not in ("log_every", "checkpoint_every")}
    sections = ["seed", "wording", "roles", "problems", "base", *(["lora"] if run.warmstart.lora else [])]
    read = {name: tree[name] for name in sections}
    told = {role: player.thinking for role, player in run.players.items() if player.thinking != "auto"}
    read |= {"thinking": told} if told else {}
    return json.loads(json.dumps({**read, "warmstart": warm, "ranks": zero3.world_size()}, default=str))


class WarmCheckpoints:
    """The checkpoints of one model's warm start. All calls are collective."""

    def __init__(self, run: RunConfig, folder: Path, label: str):
        """folder: the run's; label: the model's, such as `base`. With `warmstart.checkpoint_every=0` nothing is
        written."""
        self.every, self.folder = run.warmstart.checkpoint_every, folder / "warmstart" / label
        self.made_with = made_with(run)

    @property
    def finished(self) -> bool:
        """Whether the model was trained and exported by a warm start that did not come to its end."""
        file = self.folder / FINISHED
        return zero3.from_first(file.is_file() and json.loads(file.read_text()) == self.made_with)

    def finish(self) -> None:
        """The model is exported."""
        if self.every and zero3.rank() == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            (self.folder / FINISHED).write_text(json.dumps(self.made_with))
        dist.barrier()

    def resume(self, model_engine) -> WarmProgress:
        """Takes up the newest checkpoint of this configuration; step 0 where there is none."""
        found = zero3.from_first([str(path) for path in complete_checkpoints(self.folder)])
        if not self.every or not found:
            return WarmProgress()
        newest = Path(found[-1])
        state = json.loads((newest / "state.json").read_text())
        if state["made_with"] != self.made_with:
            return WarmProgress()
        load_shards(model_engine, newest)
        return WarmProgress(**state["progress"])

    def save(self, model_engine, progress: WarmProgress) -> None:
        """Writes a checkpoint where one is due, and removes the one before it."""
        if not self.every or progress.step % self.every:
            return
        target = step_folder(self.folder, progress.step)
        if zero3.rank() == 0:
            shutil.rmtree(target, ignore_errors=True)  # what a killed warm start left there
            target.mkdir(parents=True)
        dist.barrier()
        save_shards(model_engine, target)
        dist.barrier()
        if zero3.local_rank() == 0:
            sync_tree(target)
        dist.barrier()
        if zero3.rank() == 0:
            complete(target, {"made_with": self.made_with, "progress": vars(progress)})
            keep_newest(self.folder, 1)
        dist.barrier()
