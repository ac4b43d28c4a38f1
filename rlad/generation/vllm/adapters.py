"""The players' LoRA adapters inside one vLLM engine: one base model, a named adapter for each player.

Every request carries an adapter. On CPUs vLLM 0.32 gives a request without one, decoded beside one with, the adapter of
the last slot (its kernel takes "none" for the index -1), so a player's adapter is there from the start, as nothing.
vLLM knows adapters by number and by name, and finds cached prompts by name: each version has its own of both.

The engine is told which layers have adapters. Otherwise vLLM 0.32 makes room for one on the output head too, whose
CPU kernel expects a row per request: the log-probs of a given text, which have many, were an engine's end.
"""

from __future__ import annotations

from pathlib import Path

from rlad.generation.vllm.weights import weight_names

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes for the largest rank."""


def largest_rank(rank: int) -> int:
    """What vLLM is told, so that adapters of a rank fit.

    >>> largest_rank(16), largest_rank(20)
    (16, 32)
    """
    return next(size for size in RANKS if size >= rank)


def adapted_layers(folder: Path) -> list[str]:
    """Last parts of the names of the layers that an adapter's folder has matrices for, sorted."""
    return sorted({name.partition(".lora_")[0].rpartition(".")[2] for name in weight_names(folder)})


def adapter_settings(rank: int, names: tuple[str, ...], folder: Path) -> dict:
    """Settings of a VllmCore that holds adapters. folder: what all of them begin as."""
    return {
        "enable_lora": True,
        "max_loras": len(names),
        "max_lora_rank": largest_rank(rank),
        "lora_target_modules": adapted_layers(folder),
        "adapters": {"names": list(names), "folder": str(folder)},
    }


class Adapters:
    """The adapters of one engine, by player."""

    def __init__(self, engine, names: list[str], folder: str):
        """engine: vLLM's, with room for as many adapters. folder: of the adapter that all players begin with."""
        self.engine = engine
        self.tensors = weight_names(Path(folder))
        self.versions: dict[int, int] = {}
        """Which version each of vLLM's numbers is; only those that are in place."""
        self._requests: dict = {}
        self._count = 0
        for name in names:
            self.load(name, folder, 0)

    def request(self, name: str | None):
        """vLLM's name for a player's adapter as it is now. Raises ValueError for a player that has none."""
        if name not in self._requests:
            raise ValueError(f"there is no adapter '{name}', only {sorted(self._requests)}")
        return self._requests[name]

    def version(self, request) -> int:
        """Of the adapter that a request was made with; -1 when that is no longer in place, or there was none."""
        return -1 if request is None else self.versions.get(request.lora_int_id, -1)

    def load(self, name: str, folder: str, version: int) -> None:
        """Puts a player's new adapter in place of its old one; the folder may go afterwards.

        Raises ValueError when it is not complete, or when vLLM does not hold exactly what it should then.
        """
        from vllm.lora.request import LoRARequest

        given = weight_names(Path(folder))
        if given != self.tensors:
            lost, extra = sorted(self.tensors - given)[:3], sorted(given - self.tensors)[:3]
            raise ValueError(f"the published adapter does not fit the model: missing {lost}, unknown {extra}")
        old = self._requests.pop(name, None)
        if old is not None:  # first, because vLLM would make room by dropping whatever was used least recently
            del self.versions[old.lora_int_id]
            self.engine.remove_lora(old.lora_int_id)
        self._count += 1
        request = LoRARequest(f"{name}-{self._count}", self._count, folder)
        self.engine.add_lora(request)
        self._requests[name], self.versions[self._count] = request, version
        held = self.engine.list_loras()
        if held != set(self.versions):
            raise ValueError(f"vLLM holds the adapters {sorted(held)} after a publish, not {sorted(self.versions)}")
