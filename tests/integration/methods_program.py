"""Run on two ranks: every reward, critique, shaping and schedule through the real loop, in one process group."""

import sys
from dataclasses import replace
from pathlib import Path

import torch.distributed as dist

from rlad.config import load_config, save_config
from trainers import zero3
from trainers.cotrain import cotrain
from trainers.warmstart import run_warmstart

CRITIC = ["cotrain.critique.groups=any", "cotrain.critique.max_new_tokens=6", "cotrain.critique.keep=2"]
SHOWN = ["warmstart.mixture.critique=0.5", "warmstart.mixture.refine=0.5", "base.max_positions=96"]
METHODS = {
    "rlcr": ["solution.reward=rlcr"],
    "hill": ["abstraction.reward=hill", "cotrain.bare.baseline_samples=2"],
    "r3": ["abstraction.reward=r3", "cotrain.r3.filter=true", "cotrain.r3.propagation=0.1", "cotrain.r3.keep=0.5"],
    "shaped": [
        *("solution.shaping=effective_rank", "abstraction.shaping=effective_rank", "cotrain.effective_rank.stride=2"),
        *("cotrain.diversity.weight=0.1", "cotrain.diversity.measure=wording"),
        *("cotrain.schedule.kind=rates", "cotrain.schedule.abstraction_steps=1", "cotrain.schedule.solution_steps=1"),
    ],
    "critique-verifier": [
        *("cotrain.critique.source=verifier", "cotrain.critique.show_gold=true", "cotrain.abstractions=0"),
        *(*CRITIC, *SHOWN),
    ],
    "critique-self": ["cotrain.critique.source=self", *CRITIC, *SHOWN],
    "critique-teacher": ["cotrain.critique.source=teacher", *CRITIC, *SHOWN],
    "offline": [
        *("cotrain.schedule.lag=2", "cotrain.rft.every=2", "cotrain.rft.problems=5", "cotrain.rft.solutions=2"),
        *("cotrain.rft.margin=0", "cotrain.rft.epochs=2", "cotrain.broaden.every=1", "cotrain.broaden.problems=5"),
    ],
}
WARM = {"critique-self": "a warm start that holds critiques and second attempts"}
"""The others start from an untrained model with the tokens that the method needs."""


def main(start: Path, out: Path, teacher_url: str) -> None:
    for name, overrides in METHODS.items():
        changes = ["cotrain.steps=2", "cotrain.checkpoint_every=9", f"cotrain.critique.teacher_url={teacher_url}"]
        run = load_config(start / "config.yaml", [*changes, *overrides])
        folder = out / name
        if zero3.rank() == 0:
            folder.mkdir(parents=True)
            save_config(replace(run, name=name), folder / "config.yaml")
        dist.barrier()
        if name in WARM:
            run_warmstart(run, folder)
        cotrain(run, folder)


if __name__ == "__main__":
    zero3.start(load_config(Path(sys.argv[-3]) / "config.yaml").launch)
    main(Path(sys.argv[-3]), Path(sys.argv[-2]), sys.argv[-1])
    dist.destroy_process_group()
