"""Memory of the products that oneDNN keeps compiled, which `--dry-run` counts: `./launch.sh bench products`.

For each width and dtype a process multiplies forward and backward through the linear layers of a Qwen3 layer, at many
lengths, once where oneDNN keeps one product and once where it keeps as many as a player's. What resident size differs
by is theirs; what the first process grew by is the library's own.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlad.players.matmul import CACHES, REMEMBERED

LENGTHS = (200, 1200)
"""Of which as many are drawn as `Keys.lengths` says."""


@dataclass
class Keys:
    """What is tried."""

    widths: list[int] = field(default_factory=lambda: [96, 512, 1024])
    """Hidden sizes."""
    dtypes: list[str] = field(default_factory=lambda: ["float32", "bfloat16"])
    """Of the weights."""
    lengths: int = 40
    """Different numbers of positions, each with 12 products."""


def bench(keys: Keys) -> dict[str, Any]:
    """Per width and dtype the library's own bytes, and those of one compiled product."""
    found = {}
    for width in keys.widths:
        for dtype in keys.dtypes:
            one, many = (_grown(capacity, width, dtype, keys.lengths) for capacity in (1, REMEMBERED))
            found[f"{width} {dtype}"] = {"own": one, "product": round((many - one) / (REMEMBERED - 1))}
            print(f"{width} {dtype}: {found[f'{width} {dtype}']}", flush=True)
    return found


def _grown(capacity: int, width: int, dtype: str, lengths: int) -> int:
    """Bytes by which a process grows that multiplies with so many products kept."""
    ours = dict.fromkeys(CACHES, str(capacity)) | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    ours |= {"MALLOC_MMAP_THRESHOLD_": "131072", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [sys.executable, "-m", __name__, str(width), dtype, str(lengths)]
    return json.loads(subprocess.run(words, env=os.environ | ours, check=True, stdout=subprocess.PIPE).stdout)


def multiplied(width: int, dtype: str, lengths: int) -> int:
    """Bytes by which this process grows as it multiplies."""
    import torch

    torch.set_float32_matmul_precision("medium")  # oneDNN's
    sizes = [(width, width), (width, width // 2), (width, 3 * width), (3 * width, width)]
    layers = [torch.nn.Linear(*pair, bias=False, dtype=getattr(torch, dtype)) for pair in sizes]
    for layer in layers:
        layer.weight.grad = torch.zeros_like(layer.weight)
    before = _resident()
    for length in random.Random(0).sample(range(*LENGTHS), lengths):
        for layer in layers:
            given = torch.randn(length, layer.in_features, dtype=layer.weight.dtype, requires_grad=True)
            told = layer(given)
            told.backward(torch.ones_like(told))
    del given, told
    return _resident() - before


def _resident() -> int:
    return 1024 * int(re.search(r"^VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)[1])


if __name__ == "__main__":
    print(multiplied(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
