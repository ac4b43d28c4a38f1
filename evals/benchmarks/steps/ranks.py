"""Whether the loop holds on many ranks: bytes that every collective of a step costs a rank, at 2, 4, 8 and 16 of them.

    ./launch.sh bench ranks ranks=[2,4,8,16]

A tiny model, gloo, all ranks on one core; every rank has the same number of problems, so the work of a step grows with
the ranks, and what a rank gives and gets should not. What grows with the ranks is gathered by somebody; what does so
by more than a few kilobytes, or on rank 0 alone, ends a run of hundreds. Start and export do not count.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.benchmarks.harness.forked import run_program
from rlad.config import load_config, save_config

WORDS = (
    "problems.train=400", "problems.validation=32", "problems.test=8", "launch.device=cpu", "launch.timeout=300",
    "base.hidden_size=32", "base.layers=2", "base.heads=2", "base.kv_heads=1", "base.intermediate_size=64",
    "abstraction.max_new_tokens=8", "solution.max_new_tokens=12", "engine.kind=transformers",
    "cotrain.abstractions=2", "cotrain.solutions=2", "cotrain.draws=3", "cotrain.bare.share=0.25",
    "cotrain.bare.solutions=2", "cotrain.drop_constant_groups=false", "cotrain.micro_tokens=256",
    "cotrain.updates_per_rollout=2", "cotrain.checkpoint_every=1000", "cotrain.validate_every=1",
    "solution.loss=clip_cov", "solution.aggregation=prompt-mean", "abstraction.forking.share=0.5",
    "instruments.every=1", "instruments.rank_every=1", "instruments.gram_problems=8", "verifier.workers=0",
    "abstraction.entropy_coef=0.01", "solution.entropy_coef=0.01", "cotrain.check_proposals=0",
)  # fmt: skip
"""A run in which everything happens that asks other ranks for something."""
EACH = 2
"""Problems of a rank in a step."""


@dataclass
class Keys:
    """What is tried."""

    ranks: list[int] = field(default_factory=lambda: [2, 4, 8, 16])
    """Numbers of ranks, from the fewest; two at least."""
    overrides: list[str] = field(default_factory=list)
    """Further key=value of the run."""


def growth(sizes: Mapping[int, float]) -> float:
    """The power of the number of ranks with which a size grows, over the upper half of the numbers; 0 for nothing.

    >>> growth({2: 100, 4: 100, 8: 100}), growth({2: 1, 4: 2, 8: 4}), growth({2: 4, 4: 16, 8: 64, 16: 256})
    (0.0, 1.0, 2.0)
    """
    few, many = sorted(sizes)[(len(sizes) - 1) // 2], max(sizes)
    if few == many or not sizes[few] or not sizes[many]:
        return 0.0
    return round(math.log(sizes[many] / sizes[few]) / math.log(many / few), 2)


def _counts(folder: Path, ranks: int, words: list[str]) -> list[dict[str, list[int]]]:
    """The counts of every rank of a run of one step."""
    sizes = [f"cotrain.problems={EACH * ranks}", "cotrain.steps=1", f"launch.ranks={ranks}"]
    config = load_config(None, [*WORDS, *sizes, f"runs_dir={folder.parent}", f"name={folder.name}", *words])
    folder.mkdir()
    save_config(config, folder / "config.yaml")
    run_program("evals.benchmarks.steps.ranks_program", folder, ranks)
    return [json.loads((folder / f"counts_{rank}.json").read_text()) for rank in range(ranks)]


def summary(runs: Mapping[int, list[dict[str, list[int]]]]) -> dict[str, dict[str, Any]]:
    """By collective and place, of every rank's [calls, bytes given, bytes got] in a step: what the busiest rank gives
    and gets by number of ranks, how that grows, and what rank 0 has for each byte of the others' mean.

    >>> summary({2: [{"gather a": [1, 5, 10]}, {"gather a": [1, 5, 0]}]})
    {'gather a': {'calls': {2: 1}, 'bytes': {2: 15}, 'growth': 0.0, 'rank_0': 3.0}}
    """
    found = {}
    for name in sorted({name for run in runs.values() for counts in run for name in counts}):
        busiest, calls, zero = {}, {}, 0.0
        for ranks, run in runs.items():
            entries = [counts.get(name, [0, 0, 0]) for counts in run]
            moved = [given + got for _, given, got in entries]
            busiest[ranks], calls[ranks] = max(moved), max(entry[0] for entry in entries)
            others = sum(moved[1:]) / (ranks - 1)
            zero = moved[0] / others if others else float(moved[0] > 0)
        found[name] = {"calls": calls, "bytes": busiest, "growth": growth(busiest), "rank_0": round(zero, 2)}
    return found


def bench(keys: Keys) -> dict[str, Any]:
    """`summary` of a step on each number of ranks, and the sums over all collectives."""
    runs = {}
    with tempfile.TemporaryDirectory() as name:
        for ranks in keys.ranks:
            runs[ranks] = _counts(Path(name, str(ranks)), ranks, keys.overrides)
            print(f"{ranks} ranks: counted", flush=True)
    found = summary(runs)
    for name, one in sorted(found.items(), key=lambda pair: -max(pair[1]["bytes"].values())):
        sizes = "  ".join(f"{value:>10,}" for value in one["bytes"].values())
        calls = "/".join(map(str, one["calls"].values()))
        print(f"{name:<66} {calls:>9} calls {sizes}  grows by {one['growth']:g}, rank 0 {one['rank_0']:g}")
    total = {ranks: sum(one["bytes"][ranks] for one in found.values()) for ranks in keys.ranks}
    return {"collectives": found, "bytes": total, "growth": growth(total)}
