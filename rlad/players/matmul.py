"""Which library multiplies matrices on a processor, and how much it remembers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

PROCESSOR = Path("/proc/cpuinfo")
NARROW = 256
"""Below this width a process that multiplies everything with oneDNN is slower: what attention multiplies is small, and
there calls cost more than products. With oneDNN, four layers of width 128 are a fifth slower, of 256 a tenth faster, of
576 a third. Linear layers alone are faster at every width (`fast_products`)."""
REMEMBERED = 64
"""Compiled products that oneDNN keeps, one for every shape that it has multiplied; by default 1,024, and the heap
breaks up around them. Training at 60 lengths took 1.2 GB more than with MKL; with 64 it takes .1 GB more, of which .045
are the library's own."""
PRIMITIVE = 620_000
"""Bytes of one, measured (`./launch.sh bench products`): the same in float32 and bfloat16, for every width."""
CACHES = dict.fromkeys(("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"), str(REMEMBERED))
"""oneDNN's compiled products, and torch's list of them."""

_threads = False


def use_fast_matmul(width: int, processor: Path = PROCESSOR) -> bool:
    """Hands all of this process's float32 products to oneDNN where that is faster and exactly as precise; whether it
    did. Bounds what oneDNN remembers, for `fast_products` too, so it comes before the first product.

    width: the hidden size of the model that is going to run.
    """
    import torch  # the dry run asks `prefers_onednn` and does without torch

    if torch.cuda.is_available():
        return False
    for name, capacity in CACHES.items():  # read at the first product; bfloat16 goes to oneDNN everywhere
        os.environ.setdefault(name, capacity)
    if width < NARROW or not onednn_is_better(processor):
        return False
    # The older of torch's two ways to say it: after the newer one, reading the precision is an error.
    torch.set_float32_matmul_precision("medium")
    return True


def fast_products(processor: Path = PROCESSOR) -> AbstractContextManager[None]:
    """Inside of it float32 products are oneDNN's, where that is better; what is outside keeps its library.

    For linear layers, whose products are large: 1.3 to 2.4 times as fast (width 128 and 384, 256 and 6,656 rows).
    """
    return _in_onednn() if onednn_is_better(processor) and not _threads else nullcontext()


@contextmanager
def one_library(width: int, processor: Path = PROCESSOR) -> Iterator[None]:
    """Inside of it everything is multiplied by the one library that suits models of this hidden size as a whole, so
    that several threads may multiply; `fast_products` changes nothing.

    torch's choice is the whole process's: a thread inside `fast_products` would take another's attention along, now
    and then, and the same run would be rounded in another order every time.
    """
    global _threads
    with _in_onednn() if width >= NARROW and onednn_is_better(processor) else nullcontext():
        _threads = True
        try:
            yield
        finally:
            _threads = False


@contextmanager
def _in_onednn() -> Iterator[None]:
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@cache
def onednn_is_better(processor: Path = PROCESSOR) -> bool:
    """Whether oneDNN multiplies float32 faster than MKL in this process, and exactly as precisely.

    torch multiplies float32 with MKL, which leaves half of an AMD processor's vector units idle (MKL 2024.2, torch
    2.13: 109 GFLOP/s on a core of a Zen 5; oneDNN has 244). The one way to oneDNN is the precision "medium". It allows
    bfloat16 inside a product, which oneDNN takes up only where the processor has AMX. A trial product makes sure of it.
    """
    import torch

    if torch.cuda.is_available() or not prefers_onednn(processor):
        return False
    with _in_onednn():
        fine = torch.full((64, 64), 1 + 2.0**-12)  # bfloat16 would round it to 1
        return torch.equal(fine @ torch.eye(64), fine)


def prefers_onednn(processor: Path = PROCESSOR) -> bool:
    """Whether oneDNN multiplies matrices faster here than MKL, as far as the system describes it."""
    if not processor.exists():
        return False
    said = set(processor.read_text().split())
    return {"AuthenticAMD", "avx512f"} <= said and not any(word.startswith("amx") for word in said)
