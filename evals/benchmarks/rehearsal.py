"""Every recipe's first steps with random weights: does the machinery take what the file asks for?

    ./launch.sh bench rehearsal                              all recipes on a CPU, half a minute each at most
    ./launch.sh bench rehearsal recipes=[1x24gb-lora]        one of them, or a file: recipes=[configs/mine.yaml]
    ./launch.sh bench rehearsal device=cuda engine=vllm      on GPUs: as wide as the model, with its vocabulary

The real launcher starts two steps of co-training. The model has the recipe's numbers of heads, their grouping, and its
tied or untied head, but two layers; on a CPU it is also a sixteenth as wide (with vLLM a quarter), and its vocabulary
is small. Problems, lengths, ranks and the device are ours, everything else is the recipe's. The model's texts end, and
some of its solutions are right: it is given a leaning to two tokens, so rewards differ and both players learn.
"""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from evals.benchmarks.device.program import random_model
from evals.benchmarks.device.stages import StageFailed, Watch, last_words, program
from evals.benchmarks.gpu import machine
from evals.benchmarks.harness.random_run import write_questions, write_tokenizer
from rlad.cli import PlainError
from rlad.config import RunConfig, load_config
from rlad.config.rules import trains
from rlad.players.lean import save_model
from rlad.players.roles import playing
from rlad.players.shapes import ModelShape, model_shape

CONFIGS = Path(__file__).parents[2] / "configs"
LAYERS = 2
NARROWER = {"transformers": 16, "vllm": 4}
"""By how much a model is narrower on a CPU; vLLM's attention wants heads of 32 numbers."""
WORDS = 320
"""Of a vocabulary on a CPU: bytes, the end, an answer, and some that are none."""
STEPS = 2
ANSWER = "\\boxed{7}"
LEANING = {256: 0.125, 257: 0.06}
"""Chances, about, that the next token is the end, or the answer to every question."""
PROBLEMS = 8
"""Of a step: of an eighth that are bare, one."""
TOKENS = {"cpu": 32, "cuda": 512}
"""Of a solution, at most; of anything else, half of them."""
POSITIONS = {"cpu": 4096, "cuda": 8192}
"""Of a micro-batch at most, where a recipe counts positions: a byte is a token here, so prompts are long."""


@dataclass
class Keys:
    """What is rehearsed, and where."""

    recipes: list[str] = field(default_factory=list)
    """Names of files in configs/recipes and configs, or paths; [] = all recipes, and configs/qwen3-*.yaml."""
    model: str = ""
    """The shape of another model for all of them, e.g. meta-llama/Llama-3.2-1B-Instruct."""
    device: str = "cpu"
    """cpu or cuda."""
    engine: str = "transformers"
    """transformers or vllm."""
    ranks: int = 0
    """Of each run; 0 = as the recipe says, but 2 at most on a CPU, and as many as there are GPUs."""
    words: list[str] = field(default_factory=list)
    """Further configuration for all of them, e.g. '["cotrain.solutions=2"]'."""
    minutes: float = 10.0
    """After which a recipe is ended."""
    logs: str = "runs/benchmark-logs"
    """Where the runs' words go."""


def recipe_files(names: Sequence[str]) -> dict[str, Path]:
    """Recipes by name. Raises PlainError for one that is not there."""
    own = {path.stem: path for path in [*CONFIGS.glob("recipes/*.yaml"), *CONFIGS.glob("*.yaml")]}
    chosen = names or [name for name, path in own.items() if path.parent != CONFIGS or name.startswith("qwen3-")]
    files = {Path(name).name.removesuffix(".yaml"): own.get(name, Path(name)) for name in sorted(chosen)}
    for name, file in files.items():
        if not file.is_file():
            raise PlainError(f"There is no recipe '{name}'; there are {', '.join(sorted(own))}, or give a file's path.")
    return files


def shrunk(shape: ModelShape, narrower: int) -> ModelShape:
    """The shape with few layers, and so many times narrower; 1 keeps width and vocabulary.

    >>> shrunk(ModelShape(2048, 28, 16, 8, 128, 6144, 151_936, True), 16)
    ModelShape(hidden=128, layers=2, heads=16, kv_heads=8, head_size=8, intermediate=384, vocabulary=320, tied=True)
    """
    found = replace(shape, layers=min(LAYERS, shape.layers))
    if narrower == 1:
        return found
    sizes = {name: max(2, getattr(shape, name) // narrower) for name in ("hidden", "head_size", "intermediate")}
    return replace(found, vocabulary=WORDS, **sizes)


@torch.no_grad()
def write_leaning(shape: ModelShape, dtype: str, family: str, device: str, folder: Path) -> None:
    """A random model whose texts end and now and then hold the answer, with its tokenizer.

    One number of every embedding is the same, and so part of every hidden state; the head's rows of the two tokens are
    longer there, by as much as their chances ask for.
    """
    model = random_model(shape, "float32", device, family)
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    embedding[:, 0] = head[:, 0] = embedding.std() * shape.hidden**0.5
    ids = torch.arange(16, device=embedding.device)[None]
    stream = model.base_model(input_ids=ids).last_hidden_state[..., 0].mean()
    for token, chance in LEANING.items():
        head[token, 0] += math.log(chance * shape.vocabulary) / stream
    save_model(model.to(getattr(torch, dtype)), folder)
    write_tokenizer(folder, [ANSWER])


def ranks_of(asked: int, recipe: RunConfig, gpus: int) -> int:
    """Ranks of a rehearsal: what is asked for, or as many of the recipe's as there is room for."""
    return asked or min(recipe.launch.ranks, gpus or 2)


def rehearsed(recipe: RunConfig, folder: Path, keys: Keys, ranks: int) -> list[str]:
    """What a rehearsal changes in a recipe, as `key=value`; its model and problems are in `folder`."""
    tokens = TOKENS[keys.device]
    words = [
        f"base.path={folder / 'model'}", f"runs_dir={folder}", "name=run", "problems.source=jsonl",
        f"problems.path={folder / 'problems.jsonl'}", "problems.subset=null", "problems.train=0",
        "problems.validation=0", "problems.test=0", "problems.fields.question=problem", "problems.fields.answer=answer",
        f"launch.ranks={ranks}", f"launch.device={keys.device}", f"engine.kind={keys.engine}", f"cotrain.steps={STEPS}",
        f"cotrain.problems={PROBLEMS * max(1, ranks // 2)}", "cotrain.parity_every=1",
    ]  # fmt: skip
    if keys.device == "cpu" and keys.engine == "transformers":
        words.append("engine.placement=auto")
    if recipe.curriculum.max_new_tokens:
        words.append("curriculum.max_new_tokens=[]")
    if recipe.cotrain.micro_tokens:
        words.append(f"cotrain.micro_tokens={POSITIONS[keys.device]}")
    for role in playing(recipe):
        words.append(f"{role}.max_new_tokens={tokens if role == 'solution' else tokens // 2}")
    return words + keys.words


def rehearse(name: str, file: Path, keys: Keys, gpus: int) -> dict[str, Any]:
    """Steps, worst parity (nats), GB and seconds of a recipe. Raises StageFailed, PlainError and ConfigError."""
    recipe = load_config(file, [f"base.path={keys.model}"] if keys.model else [])
    shape, ranks = model_shape(recipe.base, recipe), ranks_of(keys.ranks, recipe, gpus)
    if recipe.base.path is None:
        raise PlainError(f"{name}: its model is built from scratch, so there is nothing to shrink; train it as it is.")
    if shape is None:
        raise PlainError(f"{name}: the shape of its model, '{recipe.base.path}', is not known before it is downloaded.")
    shape = shrunk(shape, NARROWER[keys.engine] if keys.device == "cpu" else 1)
    log = Path(keys.logs) / f"rehearsal-{name}"
    log.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as place, Watch(keys.device) as watch:
        folder = Path(place)
        family = "llama" if "llama" in recipe.base.path.lower() else "qwen3"
        write_leaning(shape, recipe.base.dtype, family, keys.device, folder / "model")
        write_questions(folder / "problems.jsonl", 64, 32)
        words = rehearsed(recipe, folder, keys, ranks)
        with program(["-m", "trainers.launching", "train", str(file), *words], log) as process:
            try:
                process.communicate(timeout=60 * keys.minutes)
            except subprocess.TimeoutExpired as error:
                raise StageFailed(f"ended by the clock after {keys.minutes:g} minutes") from error
        if process.returncode:
            raise StageFailed(last_words(log))
        rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    return {
        "steps": len(rows),
        "learnt_tokens": {
            role: sum(row[role].get("trained_tokens", 0) for row in rows)
            for role in playing(recipe)
            if trains(recipe, role)
        },
        "parity": max(row["parity"] for row in rows),
        "peak_gb": max(watch.peak),
        "seconds": round(time.monotonic() - begin, 1),
        "ranks": ranks,
        "shape": asdict(shape),
    }


def bench(keys: Keys) -> dict[str, Any]:
    """By recipe what `rehearse` found, or why it failed. Raises PlainError for unknown recipes, and without a GPU."""
    for name, given, names in (("device", keys.device, TOKENS), ("engine", keys.engine, NARROWER)):
        if given not in names:
            raise PlainError(f"{name} is {' or '.join(names)}, not '{given}'.")
    files, gpus = recipe_files(keys.recipes), len(machine(keys.device)["gpus"])
    found = {}
    for name, file in files.items():
        try:
            found[name] = rehearse(name, file, keys, gpus)
        except StageFailed as error:
            found[name] = {"failed": str(error)}
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    return found
