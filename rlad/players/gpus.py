"""What GPUs can do at most, of the vendor's data sheets (SXM where there is one)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A GPU in bytes, operations and seconds."""

    memory: float
    flops: float
    """Of 16-bit matrix products without sparsity."""
    bandwidth: float
    """Of its memory."""
    inside: float
    """To the other GPUs of its node, one direction."""
    between: float
    """Its share of the node's network: one 400 (A100: 200) Gb/s port for each GPU."""


GPUS = {
    "A100": Gpu(80e9, 312e12, 2.04e12, 300e9, 25e9),
    "H100": Gpu(80e9, 989e12, 3.35e12, 450e9, 50e9),
    "H200": Gpu(141e9, 989e12, 4.8e12, 450e9, 50e9),
    "RTX 4090": Gpu(24e9, 165e12, 1.01e12, 32e9, 25e9),  # over PCIe
}


def known_gpu(name: str) -> Gpu | None:
    """The GPU that a driver calls so; None for one that is not in the table.

    >>> known_gpu("NVIDIA H200").bandwidth / 1e12, known_gpu("NVIDIA L4")
    (4.8, None)
    """
    return next((gpu for key, gpu in GPUS.items() if key in name), None)
