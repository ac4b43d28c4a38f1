"""Run on two ranks: the real loop for two steps under many configurations, in one process group."""

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch.distributed as dist
from stale import train_with_stale_weights

from rlad.config import load_config, save_config
from trainers import cotrain as loop
from trainers.learner.checkpoint import CheckpointError
from trainers.runtime import zero3

NEVER_SENT = "model.layers.1.self_attn.k_norm.weight"
FEW = "cotrain.problems=4"
VARIANTS = {  # each of keys that do not touch one another: every run starts two model engines on two ranks
    "set-credit": [
        *("cotrain.set_credit=0.5", "cotrain.adherence=true", "cotrain.solution_group=problem"),
        *("cotrain.validate_every=2", "problems.validation=4", "verifier.workers=1"),
    ],
    "iid-baseline": [
        "cotrain.proposals=iid",
        "cotrain.subtract_bare=true",
        "cotrain.bare.baseline_samples=2",
        "abstraction.advantage=rloo",
        "solution.advantage=std",
    ],
    "alternating": [
        "cotrain.schedule.kind=alternating",
        "cotrain.schedule.abstraction_steps=1",
        "cotrain.schedule.solution_steps=1",
    ],
    "frozen": ["cotrain.schedule.kind=frozen", "cotrain.schedule.train=abstraction"],
    "adaptive": [
        *("cotrain.adaptive.first=1", "cotrain.solutions=3", "cotrain.solution_group=problem"),
        *("solution.advantage=staged", "cotrain.settled_share=0.1"),
    ],
    "mini-batches": [
        *("cotrain.updates_per_rollout=2", "solution.aggregation=prompt-mean", "cotrain.micro_batch=5"),
        *("instruments.every=0", "solution.hicra=0.2"),
    ],
    "entropy": [
        *("abstraction.entropy_target=9.0", "abstraction.entropy_step=0.01", "solution.entropy_coef=0.01"),
        *("cotrain.set_credit=0", "cotrain.adherence=false", "solution.reward=random", "cotrain.shared_norm=joint"),
    ],
    "solver-only": ["cotrain.abstractions=0", "cotrain.solutions=4", "solution.aggregation=sequence-mean"],
    "one-pass-set": [
        *("cotrain.abstractions=0", "cotrain.one_pass=true", "cotrain.solutions=4"),
        *("solution.advantage=pass_at_k", "solution.pass_at_k.k=3"),
    ],
    "token-budget": ["cotrain.max_tokens=10", "cotrain.steps=9"],
}


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def main(start: Path, out: Path) -> None:
    """The variants on a pair of one layer that has learned nothing; the rest on the warm-started one."""
    for name, overrides in VARIANTS.items():
        common = [FEW, "cotrain.steps=2", "cotrain.checkpoint_every=9", "base.layers=1"]
        run = load_config(start / "config.yaml", [*common, *overrides])
        folder = out / name
        if zero3_rank() == 0:
            folder.mkdir(parents=True)
            save_config(replace(run, name=name), folder / "config.yaml")
        barrier()
        loop.cotrain(run, folder)
    adapters(start, out)
    ahead(start, out)
    stale(start, out)


class Interrupted(Exception):
    """What stands in for a kill."""


def ahead(start: Path, out: Path) -> None:
    """Four steps with rollouts beside updates; and the same, interrupted while the trees of step 4 grow, then resumed.

    By the rank's own sampler, which the configuration refuses because it is slow: to the bit it is the same every time.
    """
    words = [
        FEW,
        "cotrain.steps=4",
        "cotrain.checkpoint_every=2",
        "base.layers=1",
        "abstraction.lr=0.01",
        "solution.lr=0.01",
    ]
    words += ["abstraction.mismatch.kind=truncated", "solution.old_logprobs=sampler"]
    run = load_config(start / "config.yaml", words)
    run.launch = replace(run.launch, overlap=1)
    for name in ("ahead-whole", "ahead-resumed"):
        if zero3_rank() == 0:
            (out / name).mkdir()
    barrier()
    loop.cotrain(run, out / "ahead-whole")
    update = loop.Cotrainer.update

    def until_step_3(self, rows, step):
        if step == 3:
            assert any(thread.name == "rollout of step 4" for thread in threading.enumerate())
            raise Interrupted
        return update(self, rows, step)

    with patch.object(loop.Cotrainer, "update", until_step_3):
        try:
            loop.cotrain(run, out / "ahead-resumed")
        except Interrupted:
            for thread in threading.enumerate():  # the checkpoint of step 2 too, so that it is from there in any case
                if thread.name.startswith(("rollout", "checkpoint")):
                    thread.join()
    barrier()
    loop.cotrain(run, out / "ahead-resumed")


def adapters(start: Path, out: Path) -> None:
    """Three steps in one go, and two of them resumed for one more; a lagged solver samples with them. The same of one
    model that plays both roles."""
    common = [FEW, "abstraction.lr=0.01", "solution.lr=0.01", "cotrain.schedule.lag=2"]
    lora, steering = ["lora.rank=4", *common], ["steering.layers=all", *common]
    shared = ["cotrain.shared_weights=true", "zero.reduce_once=true", "cotrain.micro_batch=5", *common]
    for kind, words in (("lora", lora), ("steering", steering), ("shared", shared)):
        resumable(start, out, kind, words)
    others = {"lora": [*lora, "lora.alpha=64"], "steering": [*steering, "steering.layers=[0]"], "shared": common}
    for kind, words in others.items():
        try:
            loop.cotrain(load_config(start / "config.yaml", ["cotrain.steps=6", *words]), out / f"{kind}-whole")
        except CheckpointError as error:
            print(f"REFUSED {error}", flush=True)


def resumable(start: Path, out: Path, kind: str, words: list[str]) -> None:
    """Three steps into KIND-whole, two and then one more into KIND-resumed."""
    for name, parts in ((f"{kind}-whole", (3,)), (f"{kind}-resumed", (2, 3))):
        folder = out / name
        if zero3_rank() == 0:
            folder.mkdir()
            (folder / "base").symlink_to(start / "base")
        barrier()
        for steps in parts:
            run = load_config(start / "config.yaml", [f"cotrain.steps={steps}", "cotrain.checkpoint_every=2", *words])
            loop.cotrain(run, folder)


def stale(start: Path, out: Path) -> None:
    """The planted faults: weights are never sent, only the version is; then all weights but one small tensor are."""
    run = load_config(start / "config.yaml", [FEW, "cotrain.steps=3", "abstraction.lr=0.01", "solution.lr=0.01"])
    folder = out / "stale"
    if zero3_rank() == 0:
        folder.mkdir()
        (folder / "base").symlink_to(start / "base")
    barrier()
    train_with_stale_weights(run, folder, lambda _, sampler, version, bucket: sampler.load_weights([], version))

    def without_one(model_engine, sampler, version, bucket):
        weights = zero3.merged_parameters(model_engine, bucket)
        sampler.load_weights((pair for pair in weights if pair[0] != NEVER_SENT), version)

    train_with_stale_weights(run, folder, without_one)


def zero3_rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def barrier() -> None:
    if dist.is_initialized():
        dist.barrier()


if __name__ == "__main__":
    zero3.start(load_config(Path(sys.argv[-2]) / "config.yaml").launch)
    main(Path(sys.argv[-2]), Path(sys.argv[-1]))
