"""The residual stream of given texts, behind one block of a model, and a vector added to it at the first token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from rlad.config import ConfigError
from rlad.generation.transformers import TransformersSampler

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROWS = 64
"""Texts that are read together."""
Text = tuple[Sequence[int], Sequence[int]]
"""(prompt, completion), token ids."""


def block_of(model: PreTrainedModel, layer: int) -> torch.nn.Module:
    """The block behind which the stream of `layer` is. Raises ConfigError for a layer that does not exist."""
    count = model.config.num_hidden_layers
    if not 0 <= layer < count:
        raise ConfigError(f"features.layer={layer} does not exist: the model has {count}, from 0 to {count - 1}.")
    decoder = model.get_decoder()
    found = [one for one in decoder.children() if isinstance(one, torch.nn.ModuleList) and len(one) == count]
    if len(found) != 1:
        raise ConfigError(f"{type(model).__name__} has no list of {count} blocks whose stream could be read.")
    return found[0][layer]


@contextmanager
def hooked(block: torch.nn.Module, changed) -> Iterator[None]:
    """Hands what the block writes, (B, T, D), to `changed`, whose result stands in its place; None leaves it."""

    def hook(module, given, written):
        stream = written[0] if isinstance(written, tuple) else written
        new = changed(stream)
        if new is None:
            return None
        return (new, *written[1:]) if isinstance(written, tuple) else new

    handle = block.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@torch.inference_mode()
def read_streams(
    model: PreTrainedModel, layer: int, texts: Sequence[Text], pad_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """(streams (N, D) in float32, owners (N,)): for every token of every completion the stream that foretells it.

    The first of a text's rows is that of its prompt's last token; owners say which text a row belongs to, in order.
    """
    order = sorted(range(len(texts)), key=lambda i: sum(map(len, texts[i])))
    found: dict[int, torch.Tensor] = {}
    kept: list[torch.Tensor] = []
    with hooked(block_of(model, layer), lambda stream: kept.append(stream)):
        for start in range(0, len(order), ROWS):
            part = order[start : start + ROWS]
            ids = [[*texts[i][0], *texts[i][1]] for i in part]
            width = max(map(len, ids))
            padded = torch.tensor([row + [pad_id] * (width - len(row)) for row in ids], device=model.device)
            mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids], device=model.device)
            model(input_ids=padded, attention_mask=mask, logits_to_keep=1)
            stream = kept.pop()
            for row, i in enumerate(part):
                begin, count = len(texts[i][0]) - 1, len(texts[i][1])
                found[i] = stream[row, begin : begin + count].float().cpu()
    owners = [i for i in range(len(texts)) for _ in range(len(texts[i][1]))]
    return torch.cat([found[i] for i in range(len(texts))]), torch.tensor(owners)


class SteeredSampler(TransformersSampler):
    """Samples with a vector added to the stream where the first token is foretold: at the prompt's last position.

    Later tokens see it through that position's keys and values alone (2601.08058). A vector of zeros changes no bit.
    """

    def __init__(self, like: TransformersSampler, layer: int):
        super().__init__(like.model, like.eos.tolist(), like.pad_id, like.max_batch)
        self.block = block_of(like.model, layer)
        self.vector = torch.zeros(like.model.config.hidden_size, device=like.model.device, dtype=like.model.dtype)

    def steer(self, vector: torch.Tensor) -> None:
        """From now on `vector` (D,) is what is added."""
        self.vector.copy_(vector)

    def prefill(self, prompts: list[list[int]]):
        with hooked(self.block, self._added):
            return super().prefill(prompts)

    def _added(self, stream: torch.Tensor) -> torch.Tensor:
        """Prompts are padded on the left, so the last position is every prompt's last token."""
        return torch.cat([stream[:, :-1], stream[:, -1:] + self.vector], dim=1)
