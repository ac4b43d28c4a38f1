"""Whether `--dry-run` tells the truth: its estimate of memory beside the measured peak of a real training step.

    ./launch.sh bench dry-run shapes=[NAME,...]

For every shape a random model and a file of problems are made, `--dry-run` is asked, and one step of co-training runs
on one CPU rank in a process of its own, whose largest resident size is what it took. From that goes what the same
program takes with next to no model: Python, its libraries, DeepSpeed's buffers.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlad.cli import PlainError
from rlad.config import ModelConfig, load_config, save_config
from rlad.generation.vllm.server import free_port
from rlad.players.policy import tiny_model

PEAK = re.compile(r"^peak .*?([\d.]+) GB$", re.MULTILINE)
ENDLESS = "<|end|>"


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


SMALL = ("cotrain.problems=4", "cotrain.abstractions=2", "cotrain.solutions=2", "cotrain.draws=2")
WRITTEN = ("abstraction.max_new_tokens=16", "solution.max_new_tokens=64")
SHAPES = {
    "deep": _Case(512, 8, 600, 40, WRITTEN),
    "vocabulary": _Case(192, 2, 60_000, 40, WRITTEN),
    "long prompts": _Case(320, 6, 600, 700, ("abstraction.max_new_tokens=8", "solution.max_new_tokens=8")),
    "long answers": _Case(320, 6, 600, 20, ("abstraction.max_new_tokens=8", "solution.max_new_tokens=400")),
    "checkpointing": _Case(320, 6, 600, 400, (*WRITTEN, "base.gradient_checkpointing=true")),
    "adapters": _Case(640, 8, 600, 40, (*WRITTEN, "lora.rank=8")),
    "bfloat16": _Case(640, 8, 600, 40, WRITTEN, "bfloat16"),
    "solver alone": _Case(512, 8, 600, 40, (*WRITTEN, "cotrain.abstractions=0")),
}
NEXT_TO_NOTHING = _Case(16, 1, 600, 8, WRITTEN)


def prepare(shape: _Case, folder: Path) -> Path:
    """A run folder with model, tokenizer, problems and configuration; returns the configuration."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())  # a token for every byte: questions are as long as asked for
    core = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    core.pre_tokenizer, core.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    core.add_special_tokens([ENDLESS])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token=ENDLESS, pad_token=ENDLESS)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder / "model")
    config = ModelConfig(
        hidden_size=shape.hidden, layers=shape.layers, heads=shape.hidden // 16, kv_heads=max(1, shape.hidden // 32),
        intermediate_size=3 * shape.hidden, max_positions=4096,
    )  # fmt: skip
    tiny_model(config, shape.vocabulary, 0, 0).save_pretrained(folder / "model")
    rows = ({"problem": f"{number:03d}{'x' * (shape.question - 3)}", "answer": "7"} for number in range(64))
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [*SMALL, f"base.path={folder / 'model'}", f"base.dtype={shape.dtype}", "problems.source=jsonl"]
    words += [f"problems.path={folder / 'problems.jsonl'}", "problems.train=0", "problems.validation=0"]
    words += ["problems.test=0", "launch.ranks=1", "launch.device=cpu", "cotrain.steps=1", "cotrain.micro_batch=8"]
    words += [f"runs_dir={folder}", "name=run", "solution.entropy_coef=0.01", "abstraction.entropy_coef=0.01"]
    words += ["cotrain.drop_constant_groups=false"]
    run = load_config(None, [*words, *shape.words])
    (folder / "run" / "logs").mkdir(parents=True)
    save_config(run, folder / "run" / "config.yaml")
    return folder / "run" / "config.yaml"


def estimated(config: Path) -> float:
    """GB that the dry run says a rank needs."""
    command = [sys.executable, "-m", "trainers.launching", "train", str(config), "--dry-run"]
    done = subprocess.run(command, env=_environment(config), stdout=subprocess.PIPE, text=True, check=True)
    return float(PEAK.search(done.stdout)[1])


def _environment(config: Path) -> dict[str, str]:
    ours = {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    ours |= {"DS_ACCELERATOR": "cpu", "RLAD_RANK_LOGS": str(config.parent / "logs"), "OMP_NUM_THREADS": "1"}
    return (
        dict(os.environ)
        | ours
        | {
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_MMAP_THRESHOLD_": "131072",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
    )


def _measured(config: Path) -> float:
    """GB that the step of a real rank took at its peak."""
    command = [sys.executable, "-m", "trainers.launching.rank", "trainers.cotrain", "--run", str(config.parent)]
    with (config.parent / "output.log").open("w") as log:
        process = subprocess.Popen(command, env=_environment(config), stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((config.parent / "output.log").read_text()[-3000:])
    return usage.ru_maxrss * 1024 / 1e9


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
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        nothing = _measured(prepare(NEXT_TO_NOTHING, Path(name, "nothing")))
        for shape in keys.shapes:
            config = prepare(SHAPES[shape], Path(name, shape.replace(" ", "-")))
            says, takes = estimated(config), _measured(config) - nothing
            found[shape] = {
                "estimated_gb": round(says, 3),
                "measured_gb": round(takes, 3),
                "ratio": round(says / takes, 3),
            }
            print(f"{shape}: says {says:.3f} GB, takes {takes:.3f} GB", flush=True)
    return {"process_gb": round(nothing, 3), "shapes": found}
