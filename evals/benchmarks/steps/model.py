"""What the step benchmarks train: a model whose completions have the lengths that are asked for, prompts, a reward."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch

from rlad.config import ModelConfig, ProblemsConfig
from rlad.config.registry import reward
from rlad.players import lean
from rlad.players.policy import build_model, load_tokenizer
from rlad.players.prompts import Prompts, project_tasks

LEVEL = 30.0
"""What every position holds in the hidden dimension that nothing else writes to: it decides about the end alone."""


@dataclass(frozen=True)
class StepSizes:
    """The sizes of one step."""

    prompts: int
    group: int
    prompt_tokens: int
    longest: int
    """Most tokens of a completion."""
    mean: float | None = None
    """Of geometric lengths; None = every completion is the longest."""


SHAPES = {
    "uniform": StepSizes(16, 16, 12, 24),
    "ragged": StepSizes(16, 16, 12, 256, 62.0),
    "long_prompt": StepSizes(4, 16, 512, 24),
}


def save_model(folder: Path, shape: StepSizes) -> None:
    """A random .85 M model and its tokenizer, as a Hugging Face folder.

    One hidden dimension is a constant that no layer touches, and the head reads it for the end token alone: the odds of
    ending are the same at every position, 1 / mean or none. Everything else about the model is ordinary.
    """
    sizes = ModelConfig(max_positions=shape.prompt_tokens + shape.longest + 8)
    tokenizer = load_tokenizer(sizes, ProblemsConfig())
    model = build_model(sizes, tokenizer)
    words = model.config.vocab_size
    share = 0.0 if shape.mean is None else 1 / shape.mean
    odds = -1e4 if not share else math.log(share / (1 - share) * (words - 1))
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = LEVEL
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[0] = 0
            layer.mlp.down_proj.weight[0] = 0
        head = model.lm_head.weight
        head[:, 0] = 0
        head[tokenizer.eos_token_id] = 0
        # Behind the last norm the constant is about sqrt(D): the others are small beside it.
        head[tokenizer.eos_token_id, 0] = odds / math.sqrt(model.config.hidden_size)
    lean.save_model(model, folder)
    tokenizer.save_pretrained(folder)


def write_problems(folder: Path, shape: StepSizes, path: Path) -> list[list[int]]:
    """A step's questions as problems.jsonl, whose plain prompts have exactly the shape's tokens: those ids."""
    tokenizer = load_tokenizer(ModelConfig(path=str(folder)), ProblemsConfig())
    prompts = Prompts(tokenizer, tasks=project_tasks())
    around = len(prompts.ids("plain", "1")) - 1
    draw = torch.Generator().manual_seed(0)
    rows = []
    for _ in range(shape.prompts):
        numbers = torch.randint(1, 10, (shape.prompt_tokens - around,), generator=draw).tolist()
        rows.append(" ".join(map(str, numbers)))
    path.write_text("".join(json.dumps({"problem": row, "answer": "1"}) + "\n" for row in rows))
    found = [prompts.ids("plain", row) for row in rows]
    assert {len(ids) for ids in found} == {shape.prompt_tokens}
    return found


def pay(ids: list[int]) -> float:
    """A reward that differs between any two samples and means nothing, so that every group teaches.

    >>> pay([5, 6]) != pay([6, 5])
    True
    """
    return (sum((place + 1) * token for place, token in enumerate(ids)) % 101) / 101


@reward("paid_by_chance")
def paid_by_chance(trees, evidence):
    """`pay` for every solution and for every abstraction that opened a branch."""
    for tree in trees:
        for solution in tree.sampled:
            solution.reward = pay(list(solution.completion.token_ids))
        for draw in tree.draws:
            if draw.branch is not None:
                tree.branches[draw.branch].reward = pay(list(draw.completion.token_ids))
    return {}
