"""Whether `--dry-run` tells the truth: its estimate of memory beside the measured peak of a real training step.

    ./launch.sh bench dry-run shapes=[NAME,...]

For every shape a random model and a file of problems are made, `--dry-run` is asked, and two steps of co-training run
on CPU ranks, each a process of its own (in the first step Adam has no moments yet). What they took is the largest
resident size of any rank (the kernel's own count, `ru_maxrss`), less what the same program on as many ranks takes with
next to no model: Python, its libraries, DeepSpeed's and gloo's buffers.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from evals.benchmarks.harness.random_run import write_questions, write_tokenizer
from rlad.cli import PlainError
from rlad.config import ModelConfig, load_config, save_config
from rlad.players.lean import save_model
from rlad.players.policy import tiny_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PEAK = re.compile(r"^peak .*?([\d.]+) GB$", re.MULTILINE)
LENGTHS = re.compile(r"^longest sequences in tokens.*?: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class _Case:
    """A model, its problems, and how it is trained."""

    hidden: int
    layers: int
    vocabulary: int
    question: int
    """Tokens of each question."""
    words: tuple[str, ...] = ()
    """Further `key=value`."""
    dtype: str = "float32"
    ranks: int = 1


SMALL = (
    "cotrain.problems=4",
    "cotrain.abstractions=0",
    "cotrain.solutions=4",
    "cotrain.steps=2",
    "cotrain.micro_batch=8",
    "cotrain.drop_constant_groups=false",
    "instruments.gram_problems=2",
    "problems.source=jsonl",
    "problems.train=0",
    "problems.validation=0",
    "problems.test=0",
    "launch.device=cpu",
    "solution.entropy_coef=0.01",
)
"""The solver alone: a random model's proposals never end, so beside it the other player would have nothing to show."""
WRITTEN = ("abstraction.max_new_tokens=8", "solution.max_new_tokens=64")
SHORT = ("abstraction.max_new_tokens=8", "solution.max_new_tokens=8")
LONG = ("abstraction.max_new_tokens=8", "solution.max_new_tokens=300")
OFFLOADED = ("zero.offload_optimizer=true", "zero.offload_params=true", "zero.shard_references=true")
"""Into the machine's memory, which is a CPU rank's own."""
SHAPES = {
    "deep": _Case(320, 8, 600, 40, WRITTEN),
    "wide": _Case(768, 2, 600, 40, WRITTEN),
    "vocabulary": _Case(96, 2, 60_000, 40, WRITTEN),
    "long prompts": _Case(192, 6, 600, 500, SHORT),
    "long answers": _Case(192, 6, 600, 20, LONG),
    "checkpointing": _Case(320, 6, 600, 300, (*WRITTEN, "base.gradient_checkpointing=true")),
    "by positions": _Case(192, 4, 20_000, 40, (*LONG, "cotrain.micro_tokens=1024")),
    "adapters": _Case(512, 6, 600, 40, (*WRITTEN, "lora.rank=8")),
    "no reference": _Case(512, 4, 600, 40, (*WRITTEN, "solution.kl_coef=0")),
    "two ranks": _Case(512, 4, 600, 40, WRITTEN, ranks=2),
    "bfloat16": _Case(384, 4, 600, 20, SHORT, "bfloat16"),
    "offloaded": _Case(320, 4, 600, 40, (*WRITTEN, *OFFLOADED)),
}
END_TOKEN = 256
"""Of the tokenizer (`write_tokenizer`)."""
NEVER = 20.0
"""Nats by which the end of a text is less likely than other tokens."""
NEXT_TO_NOTHING = _Case(16, 1, 600, 8, SHORT)


@torch.no_grad()
def silence_end(model: PreTrainedModel) -> None:
    """A random model whose texts never end: all are as long as they may be, which is what the estimate is of.

    One number of every embedding is the same, and so part of every hidden state; only the end's row of the head has
    any there, the other way round.
    """
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    embedding[:, 0], head[:, 0] = embedding.float().std() * embedding.shape[1] ** 0.5, 0.0
    stream = model.base_model(input_ids=torch.arange(16)[None]).last_hidden_state[..., 0].mean()
    head[END_TOKEN, 0] = -NEVER / stream


def prepare(shape: _Case, folder: Path) -> Path:
    """A run folder with model, tokenizer, problems and configuration; returns the configuration."""
    write_tokenizer(folder / "model")
    config = ModelConfig(
        hidden_size=shape.hidden, layers=shape.layers, heads=shape.hidden // 16, kv_heads=max(1, shape.hidden // 32),
        intermediate_size=3 * shape.hidden, max_positions=4096,
    )  # fmt: skip
    torch.manual_seed(0)
    model = tiny_model(config, shape.vocabulary, END_TOKEN, END_TOKEN)
    silence_end(model)
    save_model(model, folder / "model")
    write_questions(folder / "problems.jsonl", 64, shape.question)
    words = [*SMALL, f"base.path={folder / 'model'}", f"base.dtype={shape.dtype}", f"runs_dir={folder}", "name=run"]
    words += [f"problems.path={folder / 'problems.jsonl'}", f"launch.ranks={shape.ranks}"]
    run = load_config(None, [*words, *shape.words])
    (folder / "run" / "logs").mkdir(parents=True)
    save_config(run, folder / "run" / "config.yaml")
    return folder / "run" / "config.yaml"


def _asked(configs: Sequence[tuple[Path, int]]) -> Iterator[tuple[str, float]]:
    """Of each configuration and its ranks: what the dry run says, and GB of the rank that took most."""
    words = [str(word) for pair in configs for word in pair]
    command = [sys.executable, "-m", "evals.benchmarks.memory.dry_run_program", *words]
    # Small pieces of memory go back to the system as large ones do, so that a peak is a peak.
    ours = {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    ours |= {"MALLOC_MMAP_THRESHOLD_": "131072", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, env=os.environ | ours, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            told = json.loads(line)
            yield told["says"], max(told["sizes"]) / 1e9
    if process.returncode:
        raise RuntimeError(f"A run ended badly (exit code {process.returncode}); see above.")


@dataclass
class Keys:
    """What is tried."""

    shapes: list[str] = field(default_factory=lambda: list(SHAPES))
    """Which of the shapes."""


def bench(keys: Keys) -> dict[str, Any]:
    """Per shape the estimate, what a step took, and their ratio. Raises PlainError for a shape that is not there."""
    unknown = [shape for shape in keys.shapes if shape not in SHAPES]
    if unknown:
        raise PlainError(f"There is no shape '{unknown[0]}'; there are {', '.join(SHAPES)}.")
    cases = {shape: SHAPES[shape] for shape in keys.shapes}
    ranks = sorted({case.ranks for case in cases.values()})
    cases = {f"nothing-{count}": replace(NEXT_TO_NOTHING, ranks=count) for count in ranks} | cases
    nothing, found = {}, {}
    with tempfile.TemporaryDirectory() as name:
        configs = [(prepare(case, Path(name, shape.replace(" ", "-"))), case.ranks) for shape, case in cases.items()]
        for (shape, case), (says, takes) in zip(cases.items(), _asked(configs), strict=True):
            if shape.startswith("nothing-"):
                nothing[case.ranks] = takes
                continue
            found[shape] = _beside(says, takes - nothing[case.ranks])
            print(f"{shape}: {found[shape]}", flush=True)
    return {"process_gb": {count: round(value, 3) for count, value in nothing.items()}, "shapes": found}


def _beside(says: str, takes: float) -> dict[str, Any]:
    """The estimate beside what was taken, with what the dry run read of the data.

    >>> _beside("longest sequences in tokens, the data's: solution 1,059\\npeak (all) 2.200 GB\\n", 2.0)
    {'estimated_gb': 2.2, 'measured_gb': 2.0, 'ratio': 1.1, 'lengths': {'solution': 1059}}
    """
    estimate, lengths = float(PEAK.search(says)[1]), LENGTHS.search(says)[1]
    pairs = (pair.rsplit(" ", 1) for pair in lengths.split(", "))
    return {
        "estimated_gb": estimate,
        "measured_gb": round(takes, 3),
        "ratio": round(estimate / takes, 3),
        "lengths": {role: int(tokens.replace(",", "")) for role, tokens in pairs},
    }
