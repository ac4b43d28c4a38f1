"""Keys of `engine`, `verifier`, `sweep`, `launch` and `zero`: what the work runs on, and how it is measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from rlad.config.registry import key
from rlad.config.sections import MethodSection


@dataclass
class EngineConfig(MethodSection):
    kind: str = key("auto", kind="sampler")
    """What samples for a player in training and evaluation: transformers (inside the rank), vllm, or auto: vllm on GPUs
    where it is installed, else transformers."""
    max_batch: int = key(512, least=1)
    """Rows decoded together by one engine."""
    placement: str = key("auto", one_of=("auto", "colocated", "shared", "lora", "server"))
    """Where the engines of kind=vllm are: colocated (a process per player and rank), shared (per player and node, for
    all its ranks), lora (one per node, for both players: the base and their adapters), server (`vllm serve` processes),
    or auto: shared on CPUs, colocated on GPUs."""
    replicas: int = key(1, least=1, most=1024)
    """Servers per player that rank 0 starts (placement server)."""
    abstraction_urls: list[str] = field(default_factory=list)
    """Running servers of the abstraction player, e.g. http://node7:8000 (placement server); empty = rank 0 starts
    them."""
    solution_urls: list[str] = field(default_factory=list)
    """The same for the solution player; both are named or none."""
    weights_folder: str | None = None
    """Where new weights are handed to servers: a folder that they see too; null = this machine's shared memory."""
    tensor_parallel: int = key(1, least=1, most=1024)
    """GPUs per vLLM engine."""
    memory_share: float = key(0.3, above=0, most=1)
    """Share of a GPU's memory for one vLLM engine, weights included."""
    kv_cache_gb: float = key(1.0, above=0)
    """GiB for keys and values of one vLLM engine on a CPU."""
    threads: int = key(0, least=0, most=1024)
    """Threads of one vLLM engine on a CPU; 0 = all cores (the ranks wait while it decodes)."""
    eager: bool | None = None
    """Whether vLLM runs the model without compiling it; null = on CPUs, where compiling takes longest."""
    start_timeout: int = key(600, least=1)
    """Seconds within which a vLLM engine must be up."""
    timeout: int = key(300, least=1)
    """Seconds within which new weights must be in place, and without a sign of life after which vLLM is given up."""

    def transfer_on_gpu(self) -> str:
        """nccl or ipc: CUDA IPC only reaches a process on the same GPU."""
        return "ipc" if self.placement in ("auto", "colocated") and self.tensor_parallel == 1 else "nccl"


@dataclass
class VerifierConfig:
    workers: int = key(0, least=0, most=256)
    """Killable worker processes per rank; 0 = judge in the rank itself (operation budget, no symbolic rung)."""
    time_limit: float = key(2.0, above=0)
    """Seconds per item in a worker."""


WINDOW = 16
"""Tokens of a window, for short solutions."""
RULES = (
    "majority", "draws", "proposer", "marginal", "unguided", "horvitz_thompson", "platt", "weighted_majority",
    "max-confidence", "most_probable",
)  # fmt: skip
"""Selection rules that any pair's samples can be compared under."""


@dataclass
class SweepConfig(MethodSection):
    problems: int = key(400, least=1)
    """Held-out test problems (at most problems.test)."""
    checkpoints: list[str] = key(one_of=("pretrained", "warmstart", "cotrained"), factory=list)
    """Of a run's models, those that are swept: [cotrained] leaves the base out of the sweeps of exported steps, which
    have it in common. Empty = all."""
    pretrained_problems: int = key(0, least=0)
    """Of the problems, those that a pretrained model is asked which a warm start has changed since; 0 = all. It is the
    same in every run, and before it has learnt a short form most of its texts are as long as they may be."""
    grid: list[list[int]] = key(some=True, factory=lambda: [[4, 1], [8, 1], [16, 1], [4, 4]])
    """[n, m] cells with distinct abstractions."""
    plain_samples: int = key(16, least=1)
    """Fewest plain samples per problem and temperature; as many more are drawn as the largest cell's tokens buy."""
    plain_temperatures: list[float] = key(above=0, most=10, some=True, factory=lambda: [0.7, 1.0, 1.3])
    """Plain sampling is reported at the best of these, chosen on the test problems themselves (in its favour)."""
    propose_temperature: float = key(1.0, above=0, most=10)
    """Sampling temperature of abstractions."""
    solve_temperature: float = key(0.3, least=0, most=10)
    """Sampling temperature of solutions under an abstraction; 0 = greedy."""
    guided_temperatures: list[float] = key(above=0, most=10, factory=list)
    """Temperatures of solutions under abstractions to choose from; empty = sweep.solve_temperature alone. With several,
    both sides' are chosen on the validation problems, and plain sampling's best on the test problems stands beside."""
    certainty_window: int = key(WINDOW, least=0)
    """Tokens of a window over which the transformers sampler measures how sure the solver is along a solution, for the
    rules self_certainty and trace_confidence (2,048 in DeepConf's paper, for long thoughts), where `select` has one
    of them; 0 = it does not."""
    draw_factor: float = key(2.0, least=1, most=100)
    """Proposals drawn per distinct abstraction wanted."""
    iid_abstractions: int = key(8, least=1)
    """i.i.d. abstractions per problem of the triple (without / with mean / with best)."""
    iid_solutions: int = key(4, least=1)
    """Solutions with each abstraction of the triple."""
    select: list[str] = key(kind="rule", some=True, factory=lambda: list(RULES))
    """Selection rules. Cells are reported under the first; all are compared at the largest budget, where each side has
    the rule and temperature that are best on the validation problems."""
    fit: bool = True
    """Fit the keys of rules that can be fitted (alpha of proposer, for one) on the validation problems; false = as
    they are given."""
    joint: bool = False
    """Also sample lists of abstractions, one text each, and compare them with distinct draws at equal tokens."""
    decoding: list[str] = key(kind="decoding", factory=list)
    """Decoding methods that solve the test problems without abstractions, each beside plain sampling at equal tokens;
    the main pair's solver, on the transformers sampler."""
    decoding_samples: int = key(8, least=1, most=1024)
    """Solutions of a problem by each decoding method: samples, branches or attempts."""
    decoding_temperature: float = key(0.7, least=0, most=10)
    """Sampling temperature of decoding methods, where they sample."""
    decoding_temperatures: list[float] = key(least=0, most=10, factory=list)
    """Temperatures of decoding methods to choose from; empty = sweep.decoding_temperature alone. With several, each
    method solves the test problems at the one at which it selects best on the validation problems."""
    selections: int = key(1, least=1, most=64)
    """Texts that a player which chooses among answers, such as the selector, writes under a prompt: 1 = its likeliest
    (greedy); more are sampled at its temperature, and what is chosen most often counts. All tokens are counted."""
    budget_policy: bool = False
    """Replay budget=auto on the trees, priced on those of the validation problems, and keep its prices for a server in
    budget.json; some milliseconds a decision."""
    shard: int = key(50, least=1)
    """Problems that one worker process takes at a time."""
    bootstrap: int = key(2000, least=1)
    """Resamples of the problems behind every confidence interval."""


@dataclass
class LaunchConfig:
    ranks: int = key(2, least=1, most=1024)
    """Processes per node: CPU ranks, or one per GPU."""
    device: str = key("auto", one_of=("auto", "cpu", "cuda"))
    """auto, cpu or cuda."""
    threads_per_rank: int = key(1, least=1, most=1024)
    """Intra-op threads of a CPU rank."""
    port: int = key(0, least=0, most=65535)
    """Rendezvous port; 0 = a free one."""
    timeout: int = key(600, least=1)
    """Seconds after which a stuck collective ends the run."""
    overlap: int = key(0, least=0, most=1)
    """Steps that rollouts are ahead of updates: 0 = none, every token is sampled by the weights that learn from it; 1 =
    the next rollout goes on while players learn, by weights one update older, which importance weights correct."""


@dataclass
class ZeroConfig:
    """DeepSpeed ZeRO-3 for the model engines."""

    offload_optimizer: bool = False
    """Keep optimiser states in CPU memory; a CPU rank has no other, and saves nothing."""
    offload_params: bool = False
    """Keep parameters in CPU memory, partitioned references too; nor does this save anything there."""
    shard_references: bool = False
    """Partition the frozen references over the ranks, too, instead of a whole one on each: a rank gathers them once
    more for every micro-batch of an update."""
    persistence_threshold: int = key(0, least=0)
    """Weights of at most so many numbers stay whole on every rank, and are not gathered for each micro-batch. All of a
    small model's, where memory allows: on two CPU ranks a fifth of a step of 135 million parameters."""
    reduce_once: bool = False
    """Add up an optimiser step's gradients on every rank, and scatter them once, after its last micro-batch, instead of
    after each: of all that an update sends a third, where it has many micro-batches, for room for one more set of
    whole gradients on every rank. Sums are rounded in another order."""
    bucket_size: int = key(50_000_000, least=1)
    """Elements gathered at a time when weights are published, and reduced at a time when gradients are."""


@dataclass
class TrackConfig:
    """Where the metrics go beside metrics.jsonl and TensorBoard's event files."""

    wandb: str | None = None
    """Project on Weights & Biases (`./launch.sh setup --with track`); None = not used."""
