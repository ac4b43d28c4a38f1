"""Weights to vLLM engines on GPUs, by vLLM's own weight-transfer protocol. Written for vLLM 0.32.

One publish is start_weight_update, an update_weights per bucket, finish_weight_update. A bucket is gathered before it
is sent, so no call of another process group happens inside a ZeRO-3 gather. Nothing can interrupt a NCCL send that
waits for a partner: it runs in a daemon thread, and the publish is given up when it or the engine is late.
"""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator

import torch

from rlad.generation.vllm.link import Link
from rlad.generation.vllm.server import free_port

BUCKET_BYTES = 512 * 2**20


def layer_of(name: str) -> str:
    """A tensor's decoder layer, or its own name outside of any.

    >>> layer_of("model.layers.3.mlp.up_proj.weight"), layer_of("lm_head.weight")
    ('model.layers.3', 'lm_head.weight')
    """
    parts = name.split(".")
    number = next((i for i, part in enumerate(parts) if part.isdigit()), len(parts) - 1)
    return ".".join(parts[: number + 1])


def buckets(
    source: Iterable[tuple[str, torch.Tensor]], device: torch.device | str, limit: int = BUCKET_BYTES
) -> Iterator[list[tuple[str, torch.Tensor]]]:
    """Lists of (name, tensor on `device`) of about `limit` bytes that split no decoder layer.

    vLLM fuses a layer's tensors (q, k and v, say) and keeps those that came first until the last is there. Had they
    been shared memory of an earlier bucket, that would have been given back under them.

    >>> sizes = {"a.0.q": 2, "a.0.k": 2, "a.1.q": 1, "head": 1}
    >>> pairs = [(name, torch.zeros(size)) for name, size in sizes.items()]
    >>> [[name for name, _ in bucket] for bucket in buckets(pairs, "cpu", limit=12)]
    [['a.0.q', 'a.0.k'], ['a.1.q', 'head']]
    """
    bucket: list[tuple[str, torch.Tensor]] = []
    size, layer = 0, None
    for name, tensor in source:
        if size >= limit and layer_of(name) != layer:
            yield bucket
            bucket, size = [], 0
        bucket.append((name, tensor.detach().to(device).contiguous()))
        size += tensor.numel() * tensor.element_size()
        layer = layer_of(name)
    if bucket:
        yield bucket


def bucket_metadata(bucket: list[tuple[str, torch.Tensor]]) -> dict:
    """What vLLM wants to know of a bucket.

    >>> bucket_metadata([("a", torch.zeros(2, 3))])
    {'names': ['a'], 'dtype_names': ['float32'], 'shapes': [[2, 3]]}
    """
    return {
        "names": [name for name, _ in bucket],
        "dtype_names": [str(tensor.dtype).removeprefix("torch.") for _, tensor in bucket],
        "shapes": [list(tensor.shape) for _, tensor in bucket],
    }


def here() -> torch.device:
    """This rank's GPU."""
    return torch.device("cuda", torch.cuda.current_device())


class _Protocol(ABC):
    """The four phases over a link; what carries the tensors is the subclass's `ship`."""

    def __init__(self, link: Link, limit: float):
        self.link, self.limit = link, limit
        self.ready = False

    def _do(self, method: str, **payload) -> None:
        self.link.call("weight_update", self.limit, method=method, payload=payload)

    def send(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        if not self.ready:
            self.begin()
            self.ready = True
        self._do("start_weight_update")
        for bucket in buckets(source, here()):
            self.ship(bucket)
        self._do("finish_weight_update")
        self.link.call("commit", self.limit, version=version)

    @abstractmethod
    def begin(self) -> None:
        """What comes before the first publish."""

    @abstractmethod
    def ship(self, bucket: list[tuple[str, torch.Tensor]]) -> None:
        """Takes one bucket to the engine; its tensors may go when this returns."""


class IpcTransfer(_Protocol):
    """CUDA IPC, for an engine on the rank's own GPU: the engine maps the rank's tensors, nothing is copied twice."""

    sleeps = True

    def begin(self) -> None:
        self._do("init_weight_transfer_engine", init_info={"packed": False})

    def ship(self, bucket: list[tuple[str, torch.Tensor]]) -> None:
        from torch.multiprocessing.reductions import reduce_tensor

        uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
        handles = [{uuid: reduce_tensor(tensor)[1]} for _, tensor in bucket]
        torch.cuda.synchronize()  # the engine reads on another stream
        self._do("update_weights", update_info=bucket_metadata(bucket) | {"ipc_handles": handles})
        torch.cuda.ipc_collect()


class NcclTransfer(_Protocol):
    """NCCL, for an engine on other GPUs: this rank broadcasts, the engine's workers receive."""

    sleeps = False

    def __init__(self, link: Link, limit: float, workers: int, local: bool = True):
        """workers: GPUs that receive. local: whether all of them are on this machine."""
        super().__init__(link, limit)
        self.workers = workers
        self.address = "127.0.0.1" if local else socket.gethostbyname(socket.gethostname())

    def meeting(self, port: int) -> dict:
        """Where this rank, number 0, and the engine's workers meet."""
        size = 1 + self.workers
        place = {"master_address": self.address, "master_port": port, "world_size": size}
        return place | {"rank_offset": 1, "packed": False}

    def begin(self) -> None:
        from vllm.distributed.weight_transfer.nccl_common import trainer_init

        place = self.meeting(free_port())
        group = []
        self._beside(
            lambda: group.append(trainer_init(place)),
            lambda: self._do("init_weight_transfer_engine", init_info=place),
        )
        self.group = group[0]

    def ship(self, bucket: list[tuple[str, torch.Tensor]]) -> None:
        def broadcast() -> None:
            stream = torch.cuda.current_stream()
            for _, tensor in bucket:
                self.group.broadcast(tensor, src=0, stream=stream)
            stream.synchronize()

        self._beside(broadcast, lambda: self._do("update_weights", update_info=bucket_metadata(bucket)))

    def _beside(self, send: Callable[[], object], call: Callable[[], object]) -> None:
        run_beside(send, call, self.limit, self.link)


def run_beside(send: Callable[[], object], call: Callable[[], object], limit: float, link: Link) -> None:
    """Does `call` here and `send` in a thread, because each waits for the other. Raises what either raises.

    `send` may never come back: then the thread is left behind, and SamplerFailed says that the transfer hangs.
    """
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            send()
        except BaseException as error:  # carried over to the caller's thread
            errors.append(error)

    device = torch.cuda.current_device() if torch.cuda.is_available() else None

    def on_device() -> None:
        if device is not None:
            torch.cuda.set_device(device)  # a thread starts on GPU 0
        guarded()

    sender = threading.Thread(target=on_device, daemon=True)
    sender.start()
    call()
    sender.join(limit)
    if errors:
        raise link.fail(f"could not be sent its new weights: {errors[0]}") from errors[0]
    if sender.is_alive():
        raise link.fail(f"was not sent its new weights within {limit:.0f} seconds; the transfer hangs.")
