"""One GRPO step beside one of TRL's: the same model, prompts, lengths and groups, a process each, in turns.

    ./launch.sh bench step trl=FOLDER

with `pip install --no-deps --target FOLDER 'trl==1.16.*' accelerate`. A .85 M model with random weights, no KL, every
sample learnt from. Ours is `./launch.sh train` on one rank with all that a step of it does: samples, judges, credits,
updates, publishes, checks that the weights arrived, measures. TRL's is its GRPOTrainer with its own generation.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from evals.benchmarks.harness.turns import Contender, alternate, ratio
from evals.benchmarks.steps.model import SHAPES, StepSizes, save_model, write_problems
from rlad.cli import PlainError

WARM = 3
"""Steps before the first that counts."""


@dataclass
class Keys:
    """What is compared, and how often."""

    shapes: list[str] = field(default_factory=lambda: list(SHAPES))
    """uniform, 256 x (12 + 24); ragged, 256 x (12 + geometric to 256); long_prompt, 64 x (512 + 24); groups of 16."""
    turns: int = 7
    """Timed steps of each."""
    trl: str = ""
    """Folder that holds TRL 1.16; without one an installed TRL is used."""
    overrides: list[str] = field(default_factory=list)
    """key=value words for our configuration, e.g. [cotrain.micro_tokens=4096]."""


def bench(keys: Keys) -> dict:
    """Per shape TRL's time over ours: median of the turns, smallest and largest; the same in processor seconds.

    Raises PlainError where there is no TRL.
    """
    unknown = [name for name in keys.shapes if name not in SHAPES]
    if unknown:
        raise PlainError(f"There is no shape '{unknown[0]}'; there are {', '.join(SHAPES)}.")
    if not trl_is_there(keys.trl):
        raise PlainError(
            f"There is no TRL in '{keys.trl or 'this environment'}'; name a folder that holds it: trl=FOLDER."
        )
    return {name: _compare(SHAPES[name], keys) for name in keys.shapes}


def trl_is_there(folder: str) -> bool:
    """Whether TRL can be found, without loading it."""
    places = [folder] if folder else sys.path
    return any(Path(place, "trl", "__init__.py").is_file() for place in places)


def _compare(shape: StepSizes, keys: Keys) -> dict:
    """Both programs' steps of one shape."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_model(folder / "model", shape)
        prompts = write_problems(folder / "model", shape, folder / "problems.jsonl")
        (folder / "test.jsonl").write_text('{"problem": "1", "answer": "1"}\n')  # a test problem is no other's
        words = [*_our_words(folder, shape), *keys.overrides]
        with trainer(folder / "ours", words) as our, trl(folder, shape, prompts, keys.trl) as their:
            alternate([our, their], WARM, keys.turns)
        return _summary(our, their)


def _summary(our: Contender, their: Contender) -> dict:
    """Ratios of both clocks, and the seconds behind them."""
    clock, cpu = (
        ratio([step[key] for step in their.steps], [step[key] for step in our.steps]) for key in ("seconds", "cpu")
    )
    return {
        "ratio_to_trl": clock["ratio"],
        "low": clock["low"],
        "high": clock["high"],
        "cpu": cpu,
        "ours": our.steps,
        "trl": their.steps,
    }


def _our_words(folder: Path, shape: StepSizes) -> list[str]:
    """The configuration of one policy on plain prompts, as words."""
    return [
        f"base.path={folder / 'model'}",
        "problems.source=jsonl",
        f"problems.path={folder / 'problems.jsonl'}",
        f"problems.test_path={folder / 'test.jsonl'}",
        "problems.validation=0",
        "solution.reward=evals.benchmarks.steps.model:paid_by_chance",
        "solution.advantage=std",
        "solution.kl_coef=0",
        "solution.lr=1e-7",
        f"solution.max_new_tokens={shape.longest}",
        "cotrain.abstractions=0",
        f"cotrain.problems={shape.prompts}",
        f"cotrain.solutions={shape.group}",
        "cotrain.adherence=false",
        f"cotrain.micro_batch={shape.prompts * shape.group}",
        "cotrain.steps=1000",
        "cotrain.checkpoint_every=1000",
        "engine.kind=transformers",
        "launch.ranks=1",
    ]


def trainer(folder: Path, words: list[str], where: Path | None = None, config: Path | None = None) -> Contender:
    """`./launch.sh train` of a configuration with these words; its steps are the lines of metrics.jsonl.

    where: the checkout of the project that trains; None = this one. config: None = nothing but defaults.
    """
    folder.mkdir()
    if config is None:
        config = folder / "config.yaml"
        config.write_text("{}\n")
    words = [*words, "name=run", f"runs_dir={folder}"]
    command = [sys.executable, "-m", "trainers.launching", "train", str(config), *words]
    return Contender(command, folder / "run" / "metrics.jsonl", folder / "log", dict(os.environ), where)


def trl(folder: Path, shape: StepSizes, prompts: list[list[int]], where: str) -> Contender:
    """TRL's trainer in a process of its own."""
    given = {
        "folder": str(folder),
        "prompts": prompts,
        "group": shape.group,
        "longest": shape.longest,
        "trl": where,
    }
    command = [sys.executable, "-m", "evals.benchmarks.steps.trl", json.dumps(given)]
    return Contender(command, folder / "trl.steps", folder / "trl.log", dict(os.environ))
