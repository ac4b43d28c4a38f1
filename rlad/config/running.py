"""Keys of `engine`, `verifier`, `sweep`, `launch` and `zero`: what the work runs on, and how it is measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional


@dataclass
class EngineConfig:
    kind: str = "transformers"
    """transformers or vllm."""
    max_batch: int = 512
    """Rows decoded together by one engine."""
    placement: str = "auto"
    """Of vllm: colocated (an engine process per player and rank), shared (per player and node, for all its ranks), lora
    (one per node, for both players: the base and their adapters), server (`vllm serve` processes), or auto: shared on
    CPUs, colocated on GPUs."""
    replicas: int = 1
    """Servers per player that rank 0 starts (placement server)."""
    abstraction_urls: list[str] = field(default_factory=list)
    """Servers that run already, e.g. http://node7:8000 (placement server); empty = rank 0 starts them."""
    solution_urls: list[str] = field(default_factory=list)
    weights_folder: Optional[str] = None
    """Where new weights are handed to servers: a folder that they see too; null = this machine's shared memory."""
    tensor_parallel: int = 1
    """GPUs per vLLM engine."""
    memory_share: float = 0.3
    """Of a GPU's memory for one vLLM engine, weights included."""
    kv_cache_gb: float = 1.0
    """GiB for keys and values of one vLLM engine on a CPU."""
    threads: int = 0
    """Of one vLLM engine on a CPU; 0 = all cores (the ranks wait while it decodes)."""
    eager: Optional[bool] = None
    """Whether vLLM runs the model without compiling it; null = on CPUs, where compiling takes longest."""
    start_timeout: int = 600
    """Seconds within which a vLLM engine must be up."""
    timeout: int = 300
    """Seconds within which new weights must be in place, and without a sign of life after which vLLM is given up."""

    def transfer_on_gpu(self) -> str:
        """nccl or ipc: CUDA IPC only reaches a process on the same GPU."""
        return "ipc" if self.placement in ("auto", "colocated") and self.tensor_parallel == 1 else "nccl"


@dataclass
class VerifierConfig:
    workers: int = 0
    """Killable worker processes per rank; 0 = judge in the rank itself (operation budget, no symbolic rung)."""
    time_limit: float = 2.0
    """Seconds per item in a worker."""


@dataclass
class SweepConfig:
    problems: int = 400
    """Held-out test problems (at most problems.test)."""
    grid: list[list[int]] = field(default_factory=lambda: [[4, 1], [8, 1], [16, 1], [4, 4]])
    """[n, m] cells with distinct abstractions."""
    plain_samples: int = 16
    """Fewest plain samples per problem and temperature; as many more are drawn as the largest cell's tokens buy."""
    plain_temperatures: list[float] = field(default_factory=lambda: [0.7, 1.0, 1.3])
    """Plain sampling is reported at the best of these, chosen on the test problems themselves (in its favour)."""
    propose_temperature: float = 1.0
    solve_temperature: float = 0.3
    draw_factor: float = 2.0
    """Proposals drawn per distinct abstraction wanted."""
    iid_abstractions: int = 8
    """i.i.d. abstractions per problem of the triple (without / with mean / with best)."""
    iid_solutions: int = 4
    select: list[str] = field(default_factory=lambda: ["majority"])
    shard: int = 50
    """Problems that one worker process takes at a time."""
    bootstrap: int = 2000


@dataclass
class LaunchConfig:
    ranks: int = 2
    """Processes per node: CPU ranks, or one per GPU."""
    device: str = "auto"
    """auto, cpu or cuda."""
    threads_per_rank: int = 1
    """Intra-op threads of a CPU rank."""
    port: int = 0
    """Rendezvous port; 0 = a free one."""
    timeout: int = 600
    """Seconds after which a stuck collective ends the run."""


@dataclass
class ZeroConfig:
    """DeepSpeed ZeRO-3 for both engines."""

    offload_optimizer: bool = False
    offload_params: bool = False
    persistence_threshold: int = 0
    """Parameters smaller than this stay whole on every rank."""
    bucket_size: int = 50_000_000
    """Elements gathered at a time when weights are published."""


@dataclass
class TrackConfig:
    """Where the metrics go beside metrics.jsonl and TensorBoard's event files."""

    wandb: Optional[str] = None
    """Project on Weights & Biases (`./launch.sh setup --with track`); None = not used."""
