"""float32 products by MKL and by oneDNN, in forwards and backwards of models of several widths: `bench matmul`.

What decided where `rlad/players/matmul.py` takes which. Processor seconds of one thread; the two libraries take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from evals.benchmarks.harness.turns import ratio
from rlad.config import ModelConfig
from rlad.players.matmul import use_fast_matmul
from rlad.players.policy import tiny_model

WORDS = 512


@dataclass
class Keys:
    """What is tried."""

    widths: list[int] = field(default_factory=lambda: [128, 256, 576])
    """Hidden sizes; four layers each."""
    rows: int = 24
    """Of a micro-batch, and sequences that are decoded together."""
    tokens: int = 48
    """Of each row."""
    turns: int = 7
    """Of each library, paired."""


def bench(keys: Keys) -> dict[str, Any]:
    """Per width processor seconds of a micro-batch, and of a token of `rows` sequences that are decoded.

    `ratio` is MKL's time over oneDNN's: above 1 where oneDNN is faster. `chosen` is what a run on this machine takes.
    """
    torch.set_num_threads(1)
    found = {}
    for width in keys.widths:
        sizes = ModelConfig(
            hidden_size=width, layers=4, heads=width // 32, kv_heads=width // 32, intermediate_size=3 * width,
            max_positions=keys.tokens + 1,
        )  # fmt: skip
        model = tiny_model(sizes, WORDS, 0, 0)
        ids = torch.randint(0, WORDS, (keys.rows, keys.tokens), generator=torch.Generator().manual_seed(0))
        torch.set_float32_matmul_precision("highest")
        chosen = "oneDNN" if use_fast_matmul(width) else "MKL"
        found[str(width)] = {
            "micro_batch": _compared(lambda m=model, i=ids: _trained(m, i), keys.turns),
            "decoding": _compared(lambda m=model, i=ids: _decoded(m, i), keys.turns),
            "chosen": chosen,
        }
        print(f"width {width}: {found[str(width)]}")
    torch.set_float32_matmul_precision("highest")
    return found


def _trained(model, ids: torch.Tensor) -> None:
    model.zero_grad()
    model(ids).logits.logsumexp(-1).mean().backward()


@torch.no_grad()
def _decoded(model, ids: torch.Tensor) -> None:
    cache = model(ids[:, :1], use_cache=True).past_key_values
    for at in range(1, ids.shape[1]):
        model(ids[:, at : at + 1], past_key_values=cache, use_cache=True)


def _compared(work: Callable[[], None], turns: int) -> dict[str, float]:
    """The two libraries in turns, each warmed up."""
    spent: dict[str, list[float]] = {"highest": [], "medium": []}
    for turn in range(-1, turns):
        for precision, seconds in spent.items():
            torch.set_float32_matmul_precision(precision)
            begin = time.process_time()
            work()
            if turn >= 0:
                seconds.append(time.process_time() - begin)
    mkl, onednn = spent.values()
    return {"mkl_seconds": round(sorted(mkl)[len(mkl) // 2], 4)} | ratio(mkl, onednn)
