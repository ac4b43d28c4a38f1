"""Whether a model reads rows in which prompts are shared and sequences lie side by side: it is asked, not looked up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from rlad.config import CotrainConfig, WarmstartConfig
from rlad.config.rules import packs_by_positions, reads_no_mask
from rlad.players.logprobs import token_scores
from trainers.data.rows import Row
from trainers.learner.batches import Batch, collate, collate_shared
from trainers.learner.layout import Sharing

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROUNDING = {torch.float32: 0.01, torch.float64: 0.01}
"""What two ways of computing a log-prob may differ by, as a share of what a missing mask changes."""
COARSE = 0.25
"""The same for numbers of 16 bits."""
SIZES = ("num_hidden_layers", "num_attention_heads", "hidden_size")
"""What a model's description must say, so that positions can be priced."""


def sharing_of(model: PreTrainedModel, config: CotrainConfig | WarmstartConfig) -> tuple[Sharing | None, str | None]:
    """What a model's rows may share where it learns and scores, or None and why they cannot, where that was asked for.

    model: not yet partitioned, and without dropout, so in evaluation where it has some. Every rank finds the same.
    """
    if not (config.share_prompts or config.packing):
        return None, None
    described = model.config.to_dict() | {"attn_implementation": model.config._attn_implementation}
    varlen = packs_by_positions(described)
    if varlen:
        reason = misread_end_to_end(model) if config.packing else reads_no_mask(described)
    else:
        reason = reads_no_mask(described) or misread(model)
    if not reason and not all(hasattr(model.config.get_text_config(), name) for name in SIZES):
        reason = f"{type(model).__name__} does not describe its size by {', '.join(SIZES)}"
    if reason:
        return None, reason
    return Sharing(weights_in_keys(model), config.share_prompts and not varlen, config.packing, varlen), None


def weights_in_keys(model: PreTrainedModel) -> float:
    """Keys whose attention costs as much as a position's weights: 2 operations for each parameter of a layer, 4 x heads
    x head size for a key."""
    config = model.config.get_text_config()
    ends = {id(p): p.numel() for part in (model.get_input_embeddings(), model.get_output_embeddings())
            for p in part.parameters()}  # fmt: skip
    inside = sum(parameter.numel() for parameter in model.parameters()) - sum(ends.values())
    queries = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return inside / config.num_hidden_layers / (2 * queries * config.num_attention_heads)


def misread(model: PreTrainedModel) -> str | None:
    """Why two completions side by side have not the log-probs that they have alone; None where they have."""
    rows = _probe(model, lambda prompt, one, other: [Row(prompt, one), Row(prompt, other)])
    beside = collate_shared(rows, [[[0, 1]]], 0, model.device)
    mixed = replace(beside, attention_mask=torch.zeros_like(beside.attention_mask))
    lie = "lie side by side, whatever the mask says"
    return _differs(model, rows, beside, mixed, "no mask of rows by columns", lie)


def misread_end_to_end(model: PreTrainedModel) -> str | None:
    """The same of two texts one behind the other, which positions alone keep apart."""
    rows = _probe(model, lambda prompt, one, other: [Row(prompt, one), Row(other, one)])
    behind = collate_shared(rows, [[[0], [1]]], 0, model.device, varlen=True)
    through = torch.arange(behind.position_ids.shape[1], device=model.device)[None]
    mixed = replace(behind, position_ids=through)
    lie = "lie end to end, wherever positions begin anew"
    return _differs(model, rows, behind, mixed, "no rows without a mask", lie)


def _probe(model: PreTrainedModel, rows: Callable[..., list[Row]]) -> list[Row]:
    """Rows of three texts of three tokens."""
    ids = torch.randint(model.get_input_embeddings().num_embeddings, (9,), generator=torch.Generator().manual_seed(0))
    return rows(*(tuple(part.tolist()) for part in ids.split(3)))


@torch.no_grad()
def _differs(
    model: PreTrainedModel, rows: list[Row], together: Batch, mixed: Batch, takes: str, lie: str
) -> str | None:
    """Why two rows `together` have not the log-probs that they have apart, as far as `mixed`, with nothing between
    them, changes them; None where they have."""
    name = type(model).__name__
    try:
        found = token_scores(model, together, 1.0, entropy=False).logp
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        return f"{name} takes {takes} ({error})"
    apart = collate(rows, [0, 1], 0, model.device)
    alone, blurred = (token_scores(model, batch, 1.0, entropy=False).logp for batch in (apart, mixed))
    allowed = ROUNDING.get(model.dtype, COARSE) * (blurred - alone).abs().max().item()
    if (found - alone).abs().max().item() <= max(allowed, 1e-5):
        return None
    return f"{name} mixes sequences that {lie}"
