"""What vLLM's workers say of the weights that reached them: an extension of its worker class, in the engine process.

Every transfer ends in the `load_weights` of the worker's model. What is handed to it is checksummed there, tensor by
tensor and before vLLM cuts, fuses or packs it; afterwards the parameters that are still readable are read back too.
Written for vLLM 0.32, whose CPU build keeps only packed copies of linear layers, which cannot be read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch

from rlad.generation.checksums import checksum

EXTENSION = "rlad.generation.vllm.received.Received"
"""The value of vLLM's `worker_extension_cls`."""


class Received:
    """Methods that vLLM adds to its workers; called by name, on all of them, by `collective_rpc`."""

    def watch_weights(self) -> None:
        """From now on every load of weights is seen. Calling it twice changes nothing."""
        if not hasattr(self, "_received"):
            self._received: dict[str, int] = {}
            self._received_shapes: dict[str, torch.Size] = {}
            model = self.model_runner.get_model()
            load = model.load_weights
            model.load_weights = lambda weights: load(self._seen(weights))

    def _seen(self, weights: Iterable[tuple[str, torch.Tensor]]) -> Iterator[tuple[str, torch.Tensor]]:
        for name, tensor in weights:
            self._received[name], self._received_shapes[name] = checksum(tensor), tensor.shape
            yield name, tensor

    def weight_checksums(self) -> dict[str, int]:
        """By published name the checksum of what is in place, where that can be read, else of what was received."""
        model = self.model_runner.get_model()
        packed = getattr(model, "packed_modules_mapping", {})
        return self._received | read_back(dict(model.named_parameters()), self._received_shapes, packed)


def read_back(
    parameters: Mapping[str, torch.Tensor], shapes: Mapping[str, torch.Size], packed: Mapping[str, list[str]]
) -> dict[str, int]:
    """Checksums of the published tensors that lie readable in vLLM's parameters, by published name.

    shapes: of the published tensors. packed: vLLM's fused module -> the modules whose rows it holds, in their order.
    A parameter may have more rows than were published (a padded vocabulary). Parts of a tensor (tensor parallelism) and
    layers that only exist packed are left out.

    >>> shapes = {"a.q.weight": (1, 2), "a.k.weight": (1, 2), "norm.weight": (2,), "gone.weight": (3, 3)}
    >>> held = {"a.qk.weight": torch.ones(2, 2), "norm.weight": torch.ones(2), "gone.weight": torch.empty(0)}
    >>> sorted(read_back(held, shapes, {"qk": ["q", "k"]}))
    ['a.k.weight', 'a.q.weight', 'norm.weight']
    """
    found = {}
    for name, shape in shapes.items():
        held = parameters.get(name)
        if held is not None and held.shape[1:] == shape[1:] and len(held) >= shape[0]:
            found[name] = checksum(held[: shape[0]])
    for fused, parts in packed.items():
        for name, held in parameters.items():
            module, _, kind = name.rpartition(".")
            if module.rpartition(".")[2] != fused or len(parts) < 2:
                continue
            own = [f"{module.removesuffix(fused)}{part}.{kind}" for part in parts]
            if all(part in shapes for part in own) and len(held) == sum(shapes[part][0] for part in own):
                rows = held.split([shapes[part][0] for part in own])
                found |= {part: checksum(tensor) for part, tensor in zip(own, rows, strict=True)}
    return found
