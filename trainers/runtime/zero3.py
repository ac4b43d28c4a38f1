"""Everything DeepSpeed: the process group, a ZeRO-3 model engine per player, gathers, and the publishing of weights.

Rules that keep two model engines in one process group alive: every collective on all ranks in one order; equal forwards
per model engine on all ranks; one `initialize` per model; gather first, then send, with no other collective in between.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import pickle
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import deepspeed
import torch
import torch.distributed as dist
from deepspeed.accelerator import get_accelerator
from deepspeed.runtime import compiler
from deepspeed.runtime.zero.linear import LinearFunctionForZeroStage3, zero3_linear_wrap

from rlad.config import LaunchConfig, ZeroConfig
from rlad.generation import Sampler
from rlad.generation import checksums as sums
from rlad.players.adapters import has_adapter, plain_weights
from rlad.players.matmul import fast_products, onednn_is_better
from trainers.runtime import collectives

TORCH_LINEAR = torch.nn.functional.linear
"""Before any model engine."""

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def start(launch: LaunchConfig) -> torch.device:
    """Joins the process group of the `deepspeed` launcher; returns this rank's device."""
    if not dist.is_initialized():
        _import_muon()
        gc.freeze()  # DeepSpeed collects garbage for every model, and what is imported by now is none
        gc.enable()
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    device = get_accelerator().device_name()
    if device == "cpu":
        torch.set_num_threads(launch.threads_per_rank)
    else:
        get_accelerator().set_device(int(os.environ["LOCAL_RANK"]))
        device = get_accelerator().current_device_name()
    if device == "cpu":
        collectives.load(launch.timeout)
    # It announces its compiled collectives on every rank.
    with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):
        deepspeed.init_distributed(
            dist_backend="gloo" if device == "cpu" else None, timeout=timedelta(seconds=launch.timeout), verbose=False
        )
    if device == "cpu":
        _unlink_shared_buffers()
    return torch.device(device)


def _import_muon() -> None:
    """Imports DeepSpeed's Muon, its kernels uncompiled.

    DeepSpeed asks of every optimizer whether it is Muon. To compile kernels that never run here, it would then import
    torch's compiler: 1.4 s of processor time in every rank.
    """
    compiled = compiler.compile
    compiler.compile = lambda: compiler.dummy_decorator
    try:
        importlib.import_module("deepspeed.runtime.zero.muon.muon_optimizer")
    finally:
        compiler.compile = compiled


def _unlink_shared_buffers() -> None:
    """Removes the names of the buffers of DeepSpeed's shared-memory collectives (66 MB per rank).

    DeepSpeed never does, so every run would leave them in memory. Once all ranks have mapped them only the names go.
    """
    dist.barrier()
    address, port = os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"]
    name = f"deepspeed_allreduce_buffer_{os.getuid()}_{address}_{port}_{rank()}"
    Path("/dev/shm", name).unlink(missing_ok=True)


def rank() -> int:
    return dist.get_rank()


def world_size() -> int:
    return dist.get_world_size()


def total(values: list[float], device: torch.device) -> list[float]:
    """Element-wise sum over all ranks, in float64."""
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return tensor.tolist()


def summed(values: torch.Tensor) -> torch.Tensor:
    """Element-wise sum over all ranks of a tensor of numbers; it is changed in place."""
    dist.all_reduce(values)
    return values


def largest(value: float, device: torch.device) -> float:
    """The largest of all ranks' values."""
    tensor = torch.tensor([value], dtype=torch.float64, device=device)
    dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return tensor.item()


def gather(values: list) -> list:
    """All ranks' values in one list, rank by rank; ranks may have different numbers of them."""
    lists: list[list] = [[] for _ in range(world_size())]
    dist.all_gather_object(lists, values)
    return [value for own in lists for value in own]


def concatenated(values: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Every rank's (n, k) tensor, n of its own, one below the other: (N, k), and where this rank's rows begin."""
    sizes = torch.zeros(world_size(), dtype=torch.long, device=values.device)
    sizes[rank()] = len(values)
    dist.all_reduce(sizes)
    longest = int(sizes.max())
    padded = values.new_zeros(longest, values.shape[1])
    padded[: len(values)] = values
    parts = [torch.empty_like(padded) for _ in range(world_size())]
    dist.all_gather(parts, padded)
    rows = torch.cat([part[:size] for part, size in zip(parts, sizes.tolist(), strict=True)])
    return rows, int(sizes[: rank()].sum())


def to_first(value) -> list | None:
    """Every rank's `value` (anything that can be pickled) on rank 0, in the order of the ranks; None on the others."""
    found = [None] * world_size() if rank() == 0 else None
    dist.gather_object(value, found)
    return found


def exchanged(to: list, device: torch.device) -> list:
    """`to[r]`, anything that can be pickled, goes to rank r: what every rank had for this one, by rank. Collective."""
    packed = [torch.frombuffer(bytearray(pickle.dumps(value)), dtype=torch.uint8) for value in to]
    sent = torch.tensor([len(one) for one in packed], device=device)
    sizes = torch.empty_like(sent)
    dist.all_to_all_single(sizes, sent)
    counts = sizes.tolist()
    received = torch.empty(sum(counts), dtype=torch.uint8, device=device)
    dist.all_to_all_single(received, torch.cat(packed).to(device), counts, sent.tolist())
    return [pickle.loads(bytes(one.cpu().numpy())) for one in received.split(counts)]


def means(pairs: dict[str, tuple[float, float]], device: torch.device) -> dict[str, float | None]:
    """(sum, count) per name on this rank -> mean over all ranks; None where nothing was counted."""
    values = total([x for pair in pairs.values() for x in pair], device)
    return {name: values[2 * i] / values[2 * i + 1] if values[2 * i + 1] else None for i, name in enumerate(pairs)}


def from_first(value):
    """Rank 0's `value`, on every rank."""
    box = [value]
    dist.broadcast_object_list(box)
    return box[0]


def from_node_leader(value: object) -> object:
    """What rank 0 of this node gave. Collective."""
    given: list = [None] * world_size()
    dist.all_gather_object(given, (node(), local_rank(), value))
    return next(value for where, local, value in given if where == node() and local == 0)


def node() -> int:
    return int(os.environ.get("CROSS_RANK", "0"))


def local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


def model_engine_config(
    zero: ZeroConfig, dtype: torch.dtype, lr: float, weight_decay: float, betas: tuple[float, float], clip: float
) -> dict:
    """The DeepSpeed configuration of one model engine.

    Gradient accumulation is ours (`managed_gradient_accumulation` off): losses are normalised over the whole step
    already, and every `step()` is an update. DeepSpeed reduces once for several backward passes (`accumulated`) only
    where it is on; with one accumulation step each `step()` is an update then, too.
    """
    adam = {"lr": lr, "betas": list(betas), "weight_decay": weight_decay, "torch_adam": True, "adam_w_mode": True}
    adam["fused"] = True  # one pass over the numbers instead of ten
    config = partitioned(zero, dtype)
    config["zero_optimization"] |= {
        "stage3_gather_16bit_weights_on_model_save": True,
        "reduce_bucket_size": zero.bucket_size,  # allocated for each player; DeepSpeed's own is 500 million numbers
    }
    if zero.offload_optimizer:
        config["zero_optimization"]["offload_optimizer"] = {"device": "cpu", "pin_memory": True}
    return config | {
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": zero.reduce_once,
        "optimizer": {"type": "AdamW", "params": adam},
        "gradient_clipping": clip,
    }


def partitioned(zero: ZeroConfig, dtype: torch.dtype) -> dict:
    """The DeepSpeed configuration of a model that is partitioned over the ranks and does not learn."""
    stage3 = {
        "stage": 3,
        "stage3_param_persistence_threshold": zero.persistence_threshold,
        "overlap_comm": not get_accelerator().is_synchronized_device(),  # in streams of its own; a CPU has none
    }
    if zero.offload_params:
        stage3["offload_param"] = {"device": "cpu", "pin_memory": True}
    return {
        "train_micro_batch_size_per_gpu": 1,
        "zero_optimization": stage3,
        "bf16": {"enabled": dtype == torch.bfloat16},
        "fp16": {"enabled": dtype == torch.float16},
        "steps_per_print": 10**9,
    }


def make_model_engine(model: PreTrainedModel, config: dict):
    """Partitions `model` over the ranks. Keep full copies (sampler, reference) before calling this."""
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]  # of adapters, not their base
    model_engine, *_ = deepspeed.initialize(model=model, model_parameters=learnt, config=config)
    _choose_products()
    return model_engine


@contextlib.contextmanager
def accumulated(model_engine) -> Iterator[None]:
    """Around all backward passes of an optimiser step; with `zero.reduce_once` gradients stay here until its end."""
    if not model_engine.managed_gradient_accumulation():
        yield
        return
    with model_engine.coalesce_grad_reduction():
        try:
            yield
        except BaseException:
            # Behind an error DeepSpeed would scatter what is there all the same, and wait for ranks that do not come.
            model_engine.module.zero_grad()
            raise


def frozen(model: PreTrainedModel, zero: ZeroConfig) -> torch.nn.Module:
    """A model that never learns, partitioned over the ranks: whoever asks it does so on all of them. Collective.

    DeepSpeed takes the model apart in place, so that no whole one is left.
    """
    engine, *_ = deepspeed.initialize(model=model, config=partitioned(zero, model.dtype))
    engine.eval()
    _choose_products()
    return engine


def _choose_products() -> None:
    """Puts `linear` in the place of what DeepSpeed has put in the place of torch's; products go where they are fast."""
    if torch.nn.functional.linear is zero3_linear_wrap:
        torch.nn.functional.linear = linear
    if onednn_is_better():
        torch.set_float32_matmul_precision("highest")  # linear layers choose for themselves; attention is MKL's


class FastLinear(LinearFunctionForZeroStage3):
    """DeepSpeed's linear layer, its products by the library that is faster."""

    @staticmethod
    def forward(*given: torch.Tensor | None) -> torch.Tensor:
        with fast_products():
            return LinearFunctionForZeroStage3.forward(*given)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        with fast_products():
            return LinearFunctionForZeroStage3.backward(ctx, gradient)


def linear(input, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:  # noqa: A002
    """torch's linear layer, or DeepSpeed's where a gradient follows; both by `fast_products`.

    DeepSpeed puts its own in the place of torch's for the whole process, samplers and references too. It keeps no
    gathered weight for the backward pass; without one it only costs Python's time, at every layer of every token.
    """
    if torch.is_grad_enabled():
        return FastLinear.apply(input, weight, bias)
    with fast_products():
        return TORCH_LINEAR(input, weight, bias)


def set_lr(model_engine, lr: float) -> None:
    for group in model_engine.optimizer.param_groups:
        group["lr"] = lr


def gathered(model_engine, bucket_size: int, learnt: bool = False) -> Iterator[tuple[str, torch.Tensor]]:
    """Full parameters as (name, tensor), gathered bucket by bucket of at most `bucket_size` elements.

    learnt: only those that the optimiser moves, where the others are frozen.

    Collective: all ranks must run it to the end. The tensors are copies, handed over when their bucket's gathering is
    done: whoever sends them on, over another process group even, does not do it inside a gather (trl #7103). Sizes are
    `ds_numel`, because `numel()` of a partitioned parameter is 0.
    """
    bucket: list[tuple[str, torch.nn.Parameter]] = []
    size = 0
    for name, parameter in model_engine.module.named_parameters():
        if learnt and not parameter.requires_grad:
            continue
        if bucket and size + parameter.ds_numel > bucket_size:
            yield from _gather(bucket)
            bucket, size = [], 0
        bucket.append((name, parameter))
        size += parameter.ds_numel
    yield from _gather(bucket)


def _gather(bucket: list[tuple[str, torch.nn.Parameter]]) -> Iterator[tuple[str, torch.Tensor]]:
    with deepspeed.zero.GatheredParameters([parameter for _, parameter in bucket]):
        full = [(name, parameter.data.clone()) for name, parameter in bucket]
    yield from full


def send_weights(model_engine, sampler: Sampler, version: int, bucket_size: int) -> None:
    """Sends the trainer's current weights to this rank's sampler: the adapter alone to one that holds its base."""
    source = (
        gathered(model_engine, bucket_size, learnt=True)
        if sampler.adapters
        else merged_parameters(model_engine, bucket_size)
    )
    sampler.load_weights(source, version)


def merged_parameters(model_engine, bucket_size: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Full parameters of the plain model, an adapter merged into it. Collective."""
    return plain_weights(gathered(model_engine, bucket_size), model_engine.module)


def expected_checksums(model_engine, sampler: Sampler, bucket_size: int) -> dict[str, int]:
    """Checksums of the weights that `sampler` should hold, by the names under which they are published. Collective.

    Every rank sums up its own shards, so nothing is gathered, and nothing that was published is believed. Only where an
    adapter is published merged into its base are all weights gathered and merged once more.
    """
    if not sampler.adapters and has_adapter(model_engine.module):
        return sums.checksums(merged_parameters(model_engine, bucket_size))
    named = model_engine.module.named_parameters(remove_duplicate=False)  # a tied tensor has two names
    own = {name: _shard_checksum(p) for name, p in named if p.requires_grad or not sampler.adapters}
    parts = torch.tensor(list(own.values()), device=get_accelerator().current_device_name())
    dist.all_reduce(parts)
    return dict(zip(own, (parts % sums.MODULUS).tolist(), strict=True))


def _shard_checksum(parameter: torch.nn.Parameter) -> int:
    """This rank's share of a partitioned parameter's checksum: of its shard, without what pads it."""
    shard = parameter.ds_tensor
    start = rank() * shard.ds_numel
    return sums.checksum(shard[: max(0, min(shard.ds_numel, parameter.ds_numel - start))], start)


def full_state(model_engine, bucket_size: int) -> dict[str, torch.Tensor]:
    """All weights of the plain model on the CPU of rank 0; an empty dict on the others. Collective."""
    source = gathered(model_engine, bucket_size)
    return _on_first(plain_weights(source, model_engine.module) if rank() == 0 else source)


def learnt_state(model_engine, bucket_size: int) -> dict[str, torch.Tensor]:
    """What the optimiser moves, by itself (of adapters not their base), as `full_state` has all. Collective."""
    return _on_first(gathered(model_engine, bucket_size, learnt=True))


def _on_first(source: Iterator[tuple[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Gathered tensors on the CPU of rank 0; the others take part in gathering them."""
    if rank() == 0:
        return {name: tensor.detach().cpu().clone() for name, tensor in source}
    for _ in source:
        pass
    return {}
