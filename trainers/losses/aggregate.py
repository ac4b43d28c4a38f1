"""How per-token losses become one number, the same however a batch is split over ranks and micro-batches.

Every mode is a weighted sum: loss = sum over rows of weight(row) * sum over the row's tokens. The weights are computed
once from counts over the *whole* optimiser step, so a mean of local means never arises (methods compared in OpenRLHF).
"""

from __future__ import annotations

from collections.abc import Sequence

from rlad.config.players import AGGREGATIONS as MODES


def row_weights(
    lengths: Sequence[float],
    prompt_tokens: Sequence[float],
    mode: str,
    total_tokens: float,
    total_rows: int,
    total_prompts: int,
    max_length: int,
) -> list[float]:
    """Weight of every token of each local row.

    Args:
        lengths: active tokens of each local row; a row without any weighs nothing.
        prompt_tokens: active tokens of all rows that share each row's prompt (prompt-mean only).
        total_tokens, total_rows, total_prompts: counts over all ranks and micro-batches of the step.
        max_length: the constant L_max of `constant` (Dr. GRPO, 2503.20783).

    Two rows of 2 and 8 tokens with loss 1 on the first row and 0 on the second:

    >>> [round(2 * row_weights([2, 8], [2, 8], mode, 10, 2, 2, 10)[0], 3) for mode in MODES]
    [0.2, 0.5, 0.5, 0.1]
    """
    if mode == "token-mean":
        return [1 / total_tokens if total_tokens else 0.0] * len(lengths)
    if mode == "sequence-mean":
        return [1 / (total_rows * length) if length else 0.0 for length in lengths]
    if mode == "prompt-mean":
        return [1 / (total_prompts * tokens) if tokens else 0.0 for tokens in prompt_tokens]
    if mode == "constant":
        return [1 / (total_rows * max_length)] * len(lengths)
    raise ValueError(f"Unknown aggregation '{mode}'; known: {', '.join(MODES)}.")
