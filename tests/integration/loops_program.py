"""Run on two ranks: the real loop for two steps under many configurations, in one process group."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch.distributed as dist
from stale import train_with_stale_weights

from rlad.config import load_config, save_config
from trainers import cotrain as loop
from trainers.learner.checkpoint import CheckpointError
from trainers.runtime import zero3

NEVER_SENT = "model.layers.1.self_attn.k_norm.weight"
VARIANTS = {
    "set-credit": ["cotrain.set_credit=0.5", "cotrain.adherence=true", "cotrain.solution_group=problem"],
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
    "validated": ["cotrain.validate_every=2", "verifier.workers=1"],
    "frozen": ["cotrain.schedule.kind=frozen", "cotrain.schedule.train=abstraction"],
    "mini-batches": ["cotrain.updates_per_rollout=2", "solution.aggregation=prompt-mean", "cotrain.micro_batch=5"],
    "entropy": ["abstraction.entropy_target=9.0", "abstraction.entropy_step=0.01", "solution.entropy_coef=0.01"],
    "solver-only": ["cotrain.abstractions=0", "cotrain.solutions=4", "solution.aggregation=sequence-mean"],
    "one-pass": ["cotrain.abstractions=0", "cotrain.one_pass=true", "cotrain.solutions=4"],
    "published": ["cotrain.set_credit=0", "cotrain.adherence=false"],
    "solver-only-set": [
        *("cotrain.abstractions=0", "cotrain.solutions=4", "solution.advantage=pass_at_k", "solution.pass_at_k.k=3")
    ],
    "one-pass-set": [
        *("cotrain.abstractions=0", "cotrain.one_pass=true", "cotrain.solutions=4"),
        *("solution.advantage=pass_at_k", "solution.pass_at_k.k=3"),
    ],
    "unmeasured": ["instruments.every=0", "solution.hicra=0.2"],
    "token-budget": ["cotrain.max_tokens=10", "cotrain.steps=9"],
}


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def main(start: Path, out: Path) -> None:
    """The variants on a pair of one layer that has learned nothing; the rest on the warm-started one."""
    for name, overrides in VARIANTS.items():
        common = ["cotrain.steps=2", "cotrain.checkpoint_every=9", "base.layers=1"]
        run = load_config(start / "config.yaml", [*common, *overrides])
        folder = out / name
        if zero3_rank() == 0:
            folder.mkdir(parents=True)
            save_config(replace(run, name=name), folder / "config.yaml")
        barrier()
        loop.cotrain(run, folder)
    adapters(start, out)
    stale(start, out)


def adapters(start: Path, out: Path) -> None:
    """Four steps in one go, and two of them resumed for two more; a lagged solver samples with them. The same of one
    model that plays both roles."""
    common = ["abstraction.lr=0.01", "solution.lr=0.01", "cotrain.schedule.lag=3"]
    lora, steering = ["lora.rank=4", *common], ["steering.layers=all", *common]
    shared = ["cotrain.shared_weights=true", *common]
    for kind, words in (("lora", lora), ("steering", steering), ("shared", shared)):
        resumable(start, out, kind, words)
    others = {"lora": [*lora, "lora.alpha=64"], "steering": [*steering, "steering.layers=[0]"], "shared": common}
    for kind, words in others.items():
        try:
            loop.cotrain(load_config(start / "config.yaml", ["cotrain.steps=6", *words]), out / f"{kind}-whole")
        except CheckpointError as error:
            print(f"REFUSED {error}", flush=True)


def resumable(start: Path, out: Path, kind: str, words: list[str]) -> None:
    """Four steps into KIND-whole, two and then two more into KIND-resumed."""
    for name, parts in ((f"{kind}-whole", (4,)), (f"{kind}-resumed", (2, 4))):
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
    run = load_config(start / "config.yaml", ["cotrain.steps=3", "abstraction.lr=0.01", "solution.lr=0.01"])
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
