"""Grouped queries on processors: their keys and values are read where they lie, instead of being repeated first."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def use_grouped_attention() -> None:
    """Has transformers' sdpa attention leave keys and values of grouped queries as they are on a CPU, with a mask too.

    transformers 5.19 repeats them wherever there is a mask, because CUDA's kernels for that know no groups; the CPU's
    does. Whoever decodes copied the whole cache for every token in every layer: the attention of 480 sequences in 4
    heads on 2 took 1.28 ms behind 25 tokens and 8.8 behind 50, and takes .75 and 1.3 (torch 2.13, one thread). Outputs
    are the same to the bit, gradients to float32's rounding.
    """
    from transformers.integrations import sdpa_attention

    asked = sdpa_attention.use_gqa_in_sdpa
    if hasattr(asked, "__wrapped__"):
        return

    @functools.wraps(asked)
    def use_gqa(attention_mask: torch.Tensor | None, key: torch.Tensor, value: torch.Tensor) -> bool:
        return key.device.type == "cpu" or asked(attention_mask, key, value)

    sdpa_attention.use_gqa_in_sdpa = use_gqa
