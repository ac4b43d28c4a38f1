"""A co-training step with rollouts beside updates (`launch.overlap=1`) against steps that take turns, in one run.

    ./launch.sh bench overlap

Three programs, `./launch.sh train` with vLLM, take turns step by step: rollouts ahead of updates, with one thread for
the ranks' work and one for the engines'; the same without overlap, where one of the two always waits; and without
overlap with two threads for each, which is the best that two cores do when rank and engine take turns. On cores that
somebody else wants too the clock says nothing.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from evals.benchmarks.harness.turns import alternate, ratio
from evals.benchmarks.steps.pair import TreeSizes, prepared
from evals.benchmarks.steps.step import WARM, trainer
from rlad.cli import PlainError
from rlad.config import ROLES

PROGRAMS = {
    "overlap": ("launch.overlap=1", "launch.threads_per_rank=1", "engine.threads=1"),
    "one_thread": ("launch.threads_per_rank=1", "engine.threads=1"),
    "all_threads": ("launch.threads_per_rank=2", "engine.threads=2"),
}
COMMON = (
    "cotrain.micro_batch=64", "cotrain.steps=1000", "engine.kind=vllm", "engine.placement=shared",
    "engine.kv_cache_gb=0.2", "launch.ranks=1", *(f"{role}.mismatch.kind=truncated" for role in ROLES),
)  # fmt: skip


@dataclass
class Keys(TreeSizes):
    """The sizes of the step, and how often."""

    turns: int = 7
    """Timed steps of each program."""


def bench(keys: Keys) -> dict:
    """The overlapped step's time over each of the others': `ratio` against one thread, `ratio_to_all_threads`; the
    same in processor seconds; and medians of what the overlapped steps waited and hid. Raises PlainError without vLLM.
    """
    if importlib.util.find_spec("vllm") is None:
        raise PlainError("There is no vLLM in this environment; run ./launch.sh setup --with vllm.")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        words = [*prepared(folder, keys), *COMMON]
        programs = {run: stack.enter_context(trainer(folder / run, [*words, *own])) for run, own in PROGRAMS.items()}
        alternate(list(programs.values()), WARM, keys.turns)
        rows = [json.loads(line) for line in programs["overlap"].lines.read_text().splitlines()]
    return summary({run: program.steps for run, program in programs.items()}, rows[WARM : WARM + keys.turns])


def summary(steps: dict[str, list[dict[str, float]]], rows: list[dict]) -> dict:
    """Paired ratios of the overlapped steps to the others', and what their own rows say.

    >>> steps = {"overlap": [{"seconds": 2, "cpu": 3}], "one_thread": [{"seconds": 4, "cpu": 3}]}
    >>> steps["all_threads"] = [{"seconds": 2.5, "cpu": 4}]
    >>> row = {"seconds": {"wait": 0.5}, "overlapped": {"hidden": 1.5}, "solution": {"staleness": 1.0}}
    >>> found = summary(steps, [row])
    >>> found["ratio"], found["ratio_to_all_threads"]["ratio"], found["cpu"]["ratio"]
    (0.5, 0.8, 1.0)
    >>> found["wait"], found["hidden"], found["staleness"]
    (0.5, 1.5, 1.0)
    """

    def against(run: str, clock: str) -> dict[str, float]:
        return ratio([step[clock] for step in steps["overlap"]], [step[clock] for step in steps[run]])

    return against("one_thread", "seconds") | {
        "ratio_to_all_threads": against("all_threads", "seconds"),
        "cpu": against("one_thread", "cpu"),
        "wait": statistics.median(row["seconds"]["wait"] for row in rows),
        "hidden": statistics.median(row["overlapped"]["hidden"] for row in rows),
        "staleness": statistics.median(row["solution"]["staleness"] for row in rows),
        "steps": steps,
    }
