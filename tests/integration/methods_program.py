"""Run on two ranks: every reward, critique, shaping and schedule through the real loop, in one process group."""

import contextlib
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import torch.distributed as dist
from warm_base import FOLDER

from rlad.config import load_config, save_config
from rlad.problems import load_problems
from rlad.reasoning.pair import open_pair
from trainers import warmstart
from trainers.cotrain import cotrain
from trainers.curriculum import measure_success
from trainers.data.curriculum import FILE
from trainers.runtime import zero3

CRITIC = ["cotrain.critique.groups=any", "cotrain.critique.max_new_tokens=6", "cotrain.critique.keep=2"]
METHODS = {
    "rlcr": ["solution.reward=rlcr"],
    "hill": ["abstraction.reward=hill", "cotrain.bare.baseline_samples=2"],
    "r3": [
        *("abstraction.reward=r3", "abstraction.r3.propagation=0.1"),
        *(
            "abstraction.r3.filter=true",
            "abstraction.r3.keep=0.5",
            "abstraction.r3.carry_over=0",
            "abstraction.r3.rank=40",
        ),
    ],
    "shaped": [
        *("solution.shaping=effective_rank", "abstraction.shaping=effective_rank"),
        *("abstraction.effective_rank.stride=2", "abstraction.effective_rank.tokens=all"),
        *("solution.effective_rank.stride=2", "solution.effective_rank.tokens=all"),
        *("abstraction.diversity.weight=0.1", "abstraction.diversity.measure=wording"),
        "abstraction.reward=vote",
        *("cotrain.schedule.kind=rates", "cotrain.schedule.abstraction_steps=1", "cotrain.schedule.solution_steps=1"),
    ],
    "critique-verifier": [
        *("cotrain.critique.source=verifier", "cotrain.critique.show_gold=true", "cotrain.abstractions=0"),
        *CRITIC,
    ],
    "critique-self": ["cotrain.critique.source=self", *CRITIC],
    "critique-teacher": ["cotrain.critique.source=teacher", *CRITIC],
    "pope": ["cotrain.proposals=reference", "cotrain.bare.share=0.5", "cotrain.bare.paid=true"],
    "bands": [
        *("curriculum.bands=[hard,medium]", "curriculum.steps=1", "curriculum.hard_tree=[2,3]", "curriculum.samples=2"),
        *("cotrain.dynamic_sampling=1", "cotrain.drop_constant_groups=true", "curriculum.max_new_tokens=[7,40]"),
    ],
    "joint": ["cotrain.proposals=joint", "cotrain.set_credit=0.5"],
    "offline": [
        *("cotrain.schedule.lag=3", "cotrain.rft.every=3", "cotrain.rft.problems=8", "cotrain.rft.solutions=2"),
        *("cotrain.rft.margin=0", "cotrain.rft.epochs=2", "cotrain.sft_phase.every=2", "cotrain.sft_phase.problems=5"),
        *("cotrain.steps=4", "cotrain.checkpoint_every=2"),
    ],
}


def main(start: Path, out: Path, teacher_url: str) -> None:
    """All from one base, whose solver has seen critiques, second attempts and confidences."""
    for name, overrides in METHODS.items():
        changes = ["solution.reward=verdict", "cotrain.steps=2", "cotrain.checkpoint_every=9"]
        changes += [f"cotrain.critique.teacher_url={teacher_url}"]
        run = load_config(start / "config.yaml", [*changes, *overrides])
        prepare(replace(run, name=name), start, out / name)
        if run.curriculum.active:
            measured(run, start, out / name)
        cotrain(run, out / name)
    resume(run, start, out / "offline", out / "resumed")
    warm_adapters(start, out)


def prepare(run, start: Path, folder: Path) -> None:
    if zero3.rank() == 0:
        folder.mkdir(parents=True)
        (folder / "base").symlink_to(start / "base")
        save_config(run, folder / "config.yaml")
    dist.barrier()


def measured(run, start: Path, folder: Path) -> None:
    """How often the base solves each problem, as `./launch.sh curriculum` has it."""
    if zero3.rank() == 0:
        reasoner = open_pair(run, None, str(start / "base"))
        measure_success(run, reasoner, load_problems(run.problems, "train"), folder / FILE, "base")
    dist.barrier()


def resume(run, start: Path, whole: Path, folder: Path) -> None:
    """The same run again from its checkpoint of step 2, as a run that died in step 3 would go on."""
    prepare(run, start, folder)
    if zero3.rank() == 0:
        shutil.copytree(whole / "checkpoints" / "step_00002", folder / "checkpoints" / "step_00002")
        shutil.copy(whole / "metrics.jsonl", folder / "metrics.jsonl")
    dist.barrier()
    cotrain(run, folder)


ADAPTED = ["lora.rank=4", "warmstart.lora=true", "warmstart.steps=4", "warmstart.log_every=1", "warmstart.lr=0.01"]


class StoppedError(Exception):
    """What ends a warm start."""


def warm_adapters(start: Path, out: Path) -> None:
    """A warm start of an adapter, and one that was ended in its third step and goes on from its checkpoint."""
    words = [*ADAPTED, f"base.path={FOLDER}", "warmstart.checkpoint_every=2"]
    run, step = load_config(start / "config.yaml", words), warmstart.supervised_step
    folders = [out / name for name in ("warm-whole", "warm-broken")]
    if zero3.rank() == 0:
        for folder in folders:
            folder.mkdir()
    dist.barrier()
    warmstart.run_warmstart(run, folders[0])
    done = []

    def counted(*given):
        if len(done) == 2:
            raise StoppedError
        done.append(given)
        return step(*given)

    warmstart.supervised_step = counted
    with contextlib.suppress(StoppedError):
        warmstart.run_warmstart(run, folders[1])
    if zero3.rank() == 0:
        shutil.copytree(folders[1] / "warmstart", out / "warm-checkpoint")
    done[:] = [None] * 3
    warmstart.run_warmstart(run, folders[1])
    warmstart.supervised_step = step
    assert len(done) == 3 + 2  # steps 3 and 4


if __name__ == "__main__":
    zero3.start(load_config(Path(sys.argv[-3]) / "config.yaml").launch)
    main(Path(sys.argv[-3]), Path(sys.argv[-2]), sys.argv[-1])
