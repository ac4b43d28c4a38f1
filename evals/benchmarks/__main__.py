"""`python -m evals.benchmarks [NAME [key=value ...]]`, `./launch.sh bench`: lists benchmarks, or runs one.

A run ends with one JSON object, the last thing on stdout; whatever is said on the way goes to stderr.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import json
import signal
import sys
from dataclasses import dataclass

from evals.runs import RunError
from rlad.cli import PlainError, main_guard
from rlad.config import ConfigError
from rlad.config.load import UnknownKey, overridden, read_section


@dataclass(frozen=True)
class Entry:
    """One benchmark: its file in a room beside this one, its usual minutes on two cores, and what it measures."""

    module: str
    minutes: float
    what: str


BENCHMARKS = {
    "builds": Entry("steps.builds", 4, "a co-training step of this build beside another's: other=FOLDER base=FOLDER"),
    "dry-run": Entry("memory.dry_run", 8, "the memory that --dry-run says beside what a step takes"),
    "fuzz": Entry("verifier.fuzz", 8, "random and mutated answers against the verifier: faults found"),
    "gateway": Entry("gateway.cost", 5, "what the gateway costs a request: run=RUN"),
    "gateway-soak": Entry("gateway.soak", 11, "memory and descriptors of the gateway among bad clients: run=RUN"),
    "gpu": Entry("gpu", 12, "what the project does on this machine's GPUs; device=cpu models=[tiny] rehearses it"),
    "growth": Entry("steps.growth", 5, "how a step grows with n x m, the length of texts, and the ranks"),
    "hostile": Entry("verifier.hostile", 6, "time and memory of the verifier on hostile answers"),
    "interval-coverage": Entry("analysis.interval_coverage", 1, "how often a sweep's 95 % intervals hold the truth"),
    "instruments": Entry("steps.instruments", 0.1, "a step with and without instruments: run=RUN, trained with both"),
    "loss-memory": Entry(
        "memory.loss_memory", 2, "extra memory of a micro-batch's forward and backward: ours, full logits, TRL"
    ),
    "matmul": Entry("steps.matmul", 1, "float32 products by MKL and by oneDNN, per width of a model"),
    "overlap": Entry("steps.overlap", 10, "a step with rollouts beside updates against steps that take turns (vLLM)"),
    "pair": Entry("steps.pair", 2, "a step of the pair against the sum of its two single-policy halves"),
    "phase-alarms": Entry("analysis.phase_alarms", 2, "false and missed alarms of the two-phase detector"),
    "products": Entry(
        "memory.products", 1, "memory of the products that oneDNN keeps compiled, which --dry-run counts"
    ),
    "ranks": Entry("steps.ranks", 3, "bytes that every collective of a step costs a rank, on 2 to 16 of them"),
    "rehearsal": Entry("rehearsal", 3, "two steps of every recipe with random weights; on GPUs as wide as its model"),
    "report": Entry("analysis.report", 1, "time and size of the report page of a run of 10,000 steps"),
    "rollout-adapters": Entry("rollouts.adapters", 6, "a pair as two engines and as two adapters in one (vLLM)"),
    "rollout-phases": Entry("rollouts.phases", 3, "a rollout whose phases overlap against one phase by phase (vLLM)"),
    "rollouts": Entry("rollouts.speed", 6, "generated tokens per second beside bare vLLM"),
    "step": Entry("steps.step", 8, "a GRPO step beside TRL's, three shapes: trl=FOLDER"),
    "sweep-cells": Entry(
        "analysis.sweep_cells", 1, "a sweep of 200 cells beside one of four; run=RUN samples a real pair"
    ),
    "verifier": Entry("verifier.comparison", 20, "the verifier beside math-verify: data=FOLDER"),
}


def _table() -> str:
    """What `bench` prints without a name."""
    lines = [f"  {name:<17} {f'{entry.minutes:g} min':>8}  {entry.what}" for name, entry in BENCHMARKS.items()]
    return "\n".join(["./launch.sh bench NAME [key=value ...]", "", *lines])


def run_benchmark(name: str, words: list[str]) -> dict:
    """The result of a benchmark with some of its keys changed. Raises PlainError for unknown names and keys."""
    if name not in BENCHMARKS:
        near = difflib.get_close_matches(name, BENCHMARKS, n=1, cutoff=0.0)[0]
        raise PlainError(f"There is no benchmark '{name}'; the nearest is '{near}', and ./launch.sh bench lists them.")
    module = importlib.import_module(f"evals.benchmarks.{BENCHMARKS[name].module}")
    try:
        keys = read_section(module.Keys, overridden({}, words))
    except UnknownKey as error:
        known = ", ".join(module.Keys.__dataclass_fields__)
        raise PlainError(f"'{error.name}' is no key of the benchmark {name}; it has {known}.") from error
    with contextlib.redirect_stdout(sys.stderr):
        return module.bench(keys)


def main(words: list[str] | None = None) -> int:
    name, *rest = (sys.argv[1:] if words is None else words) or [None]
    if name is None:
        print(_table())
    else:
        print(json.dumps(run_benchmark(name, rest)))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a benchmark that is ended ends what it started
    main_guard(main, plain=(RunError, ConfigError))
