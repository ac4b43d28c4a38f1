"""Which library multiplies matrices on a processor, and how much it remembers."""

from __future__ import annotations

import os
from pathlib import Path

PROCESSOR = Path("/proc/cpuinfo")
NARROW = 256
"""Below this width calls cost more than products. With oneDNN, four layers of width 128 are a fifth slower, of 256 a
tenth faster, of 576 a third."""
CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "LRU_CACHE_CAPACITY": "64"}
"""oneDNN's compiled products, one for every shape, and torch's list of them: by default 1,024 each, of .7 MB, and the
heap breaks up around them. Training at 60 lengths took 1.2 GB more than with MKL; with 64 it takes .1 GB more."""


def use_fast_matmul(width: int, processor: Path = PROCESSOR) -> bool:
    """Hands this process's float32 products to oneDNN where that is faster and exactly as precise; whether it did.

    torch multiplies float32 with MKL, which leaves half of an AMD processor's vector units idle (MKL 2024.2, torch
    2.13: 109 GFLOP/s on a core of a Zen 5; oneDNN has 244). The one way to oneDNN is the precision "medium". It allows
    bfloat16 inside a product, which oneDNN takes up only where the processor has AMX. A trial product makes sure of it.

    width: the hidden size of the model that is going to run.
    """
    import torch  # the dry run asks `prefers_onednn` and does without torch

    if torch.cuda.is_available():
        return False
    for name, capacity in CACHES.items():  # read at the first product; bfloat16 goes to oneDNN everywhere
        os.environ.setdefault(name, capacity)
    if not prefers_onednn(width, processor):
        return False
    before = torch.get_float32_matmul_precision()
    # The older of torch's two ways to say it: after the newer one, reading the precision is an error.
    torch.set_float32_matmul_precision("medium")
    fine = torch.full((64, 64), 1 + 2.0**-12)  # bfloat16 would round it to 1
    if torch.equal(fine @ torch.eye(64), fine):
        return True
    torch.set_float32_matmul_precision(before)
    return False


def prefers_onednn(width: int, processor: Path = PROCESSOR) -> bool:
    """Whether oneDNN multiplies matrices of this width faster here than MKL, as far as the system describes it."""
    if width < NARROW or not processor.exists():
        return False
    said = set(processor.read_text().split())
    return {"AuthenticAMD", "avx512f"} <= said and not any(word.startswith("amx") for word in said)
