"""A co-training step of this build beside one of another: the same configuration, base and processor, step by step.

    git worktree add FOLDER COMMIT
    ./launch.sh bench builds other=FOLDER base=RUN/base

Each is `./launch.sh train` of its own checkout with its own file of the configuration's name, so renamed keys are no
trouble, from one warm-started base. The two draw different samples, so seconds count per generated token.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.benchmarks.harness.turns import alternate, ratio
from evals.benchmarks.steps.step import WARM, trainer
from rlad.cli import PlainError

THIS = Path(__file__).parents[3]
PROGRAM = Path("trainers", "launching", "__main__.py")


@dataclass
class Keys:
    """Which builds and steps, and how often."""

    other: str = ""
    """Folder of the other build: a checkout of an older commit."""
    base: str = ""
    """Folder of the model that both start from, e.g. runs/demo/base; no text of a random one ends."""
    config: str = "configs/demo.yaml"
    """Read from each build's own folder."""
    words: list[str] = field(default_factory=list)
    """key=value words for both, e.g. [lora.rank=16]."""
    ranks: int = 1
    """Processes of each build that train together."""
    warm: int = WARM
    """Steps of each before the first that counts."""
    turns: int = 7
    """Timed steps of each."""


def bench(keys: Keys) -> dict:
    """This build's seconds per generated token over the other's: median of the turns, smallest and largest; under `cpu`
    in processor seconds, under `step` both without regard to tokens. Raises PlainError for what is not there.
    """
    other, base = Path(keys.other).resolve(), Path(keys.base).resolve()
    if not keys.other or not (other / PROGRAM).is_file():
        raise PlainError(f"There is no build in '{keys.other}'; name a checkout of the project: other=FOLDER.")
    if not keys.base or not (base / "config.json").is_file():
        raise PlainError(f"There is no model in '{keys.base}'; name a warm-started base: base=RUN/base.")
    for build in (THIS, other):
        if not (build / keys.config).is_file():
            raise PlainError(f"The build in '{build}' has no '{keys.config}'.")
    words = [f"base.path={base}", "cotrain.steps=1000", "cotrain.checkpoint_every=1000", f"launch.ranks={keys.ranks}"]
    words += keys.words
    with tempfile.TemporaryDirectory() as name:
        folders = {build: Path(name, at) for build, at in ((THIS, "this"), (other, "other"))}
        started = [trainer(folder, words, build, build / keys.config) for build, folder in folders.items()]
        with started[0], started[1]:
            alternate(started, keys.warm, keys.turns)
        tokens = [tokens_of(one.lines, keys.turns) for one in started]
    return summary([one.steps for one in started], tokens)


def tokens_of(lines: Path, turns: int) -> list[int]:
    """Generated tokens of the timed steps, the last that a stopped program has taken."""
    return [json.loads(line)["tokens_generated"] for line in lines.read_text().splitlines()[-turns:]]


def summary(steps: Sequence[Sequence[dict[str, float]]], tokens: Sequence[Sequence[int]]) -> dict:
    """Paired ratios of this build (the first) to the other, and what they are made of.

    >>> found = summary([[{"seconds": 1, "cpu": 2}], [{"seconds": 4, "cpu": 4}]], [[100], [200]])
    >>> found["ratio"], found["cpu"]["ratio"], found["step"]["ratio"], found["step"]["cpu"]["ratio"]
    (0.5, 1.0, 0.25, 0.5)
    """

    def against(clock: str, per: Sequence[Sequence[int]]) -> dict[str, float]:
        ours, others = ([step[clock] / n for step, n in zip(*one, strict=True)] for one in zip(steps, per, strict=True))
        return ratio(ours, others)

    once = [[1] * len(own) for own in tokens]
    step = against("seconds", once) | {"cpu": against("cpu", once)}
    found = against("seconds", tokens) | {"cpu": against("cpu", tokens), "step": step}
    return found | {"this": steps[0], "other": steps[1], "tokens": {"this": tokens[0], "other": tokens[1]}}
