"""What co-training two policies costs beyond its halves: a step of the pair against the sum of two single-policy steps.

The halves are what the pair does with one player each: the solver's is a run of one policy that writes as many
solutions, of the same length; the proposer's a run of one policy that writes as many and as long texts as the pair's
proposals. All three are `./launch.sh train` on one rank, with the default model, and take turns. Below 1 the pair is
cheaper than its halves.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from evals.benchmarks.step import WARM, trainer
from evals.benchmarks.turns import alternate, ratio


@dataclass
class Keys:
    """The sizes of the step, and how often."""

    problems: int = 32
    """Of a step."""
    abstractions: int = 4
    """For each of them."""
    solutions: int = 2
    """With each abstraction."""
    turns: int = 7
    """Timed steps of each."""


def bench(keys: Keys) -> dict:
    """The pair's time over the sum of its halves': median, smallest, largest, by the clock and in processor seconds."""
    each = keys.abstractions * keys.solutions
    runs = {
        "pair": [f"cotrain.abstractions={keys.abstractions}", f"cotrain.solutions={keys.solutions}", *LENGTHS],
        "solver": ["cotrain.abstractions=0", f"cotrain.solutions={each}", *LENGTHS],
        "proposer": [
            "cotrain.abstractions=0",
            f"cotrain.solutions={keys.abstractions}",
            "solution.max_new_tokens=8",
            "abstraction.max_new_tokens=8",
        ],
    }
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        programs = {}
        for run, words in runs.items():
            words = [*words, f"cotrain.problems={keys.problems}", *COMMON]
            programs[run] = stack.enter_context(trainer(Path(name, run), words))
        alternate(list(programs.values()), WARM, keys.turns)
    steps = {run: program.steps for run, program in programs.items()}
    halves = [
        {clock: a[clock] + b[clock] for clock in a} for a, b in zip(steps["solver"], steps["proposer"], strict=True)
    ]
    clock, cpu = (
        ratio([step[which] for step in steps["pair"]], [half[which] for half in halves]) for which in ("seconds", "cpu")
    )
    return clock | {"cpu": cpu, "steps": steps}


LENGTHS = ("solution.max_new_tokens=24", "abstraction.max_new_tokens=8")
COMMON = (
    "cotrain.proposals=iid",
    "cotrain.bare.share=0",
    "cotrain.drop_constant_groups=false",
    "cotrain.steps=1000",
    "cotrain.checkpoint_every=1000",
    "cotrain.micro_batch=256",
    "engine.kind=transformers",
    "launch.ranks=1",
)
