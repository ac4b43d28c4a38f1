"""What a step costs on many GPUs: bytes that a rank sends, seconds of writing and of learning. A model, unmeasured.

Pure functions of shapes and counts. Writing is bound by memory's bandwidth or by arithmetic (2211.05102, section 2),
learning by arithmetic (2204.02311, appendix B), ZeRO-3 sends weights twice and gradients once in every micro-batch
(1910.02054, section 7.2), and a ring takes (p - 1) messages for it (Thakur et al. 2005, "Optimization of Collective
Communication Operations in MPICH"). What a machine reaches of its data sheet stands below as assumptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from rlad.config import RunConfig
from rlad.config.rules import bare_problems, trains, wants_reference
from rlad.players.gpus import Gpu
from rlad.players.roles import role_of
from rlad.players.shapes import ModelShape, forward_flops
from trainers.launching.memory import Player, kv_cache, longest_sequences, rollout_rows

HALF = 0.5
"""Assumed mean length of a completion, in longest ones."""
ARITHMETIC = 0.4
"""Assumed share of the peak arithmetic that training and prompts reach (PaLM's 46 %, less for small models)."""
READING = 0.6
"""Assumed share of memory's bandwidth that decoding reaches."""
LINKS = 0.7
"""Assumed share of a link's bandwidth that collectives reach."""
MESSAGE = 5e-6
"""Assumed seconds of one message of a ring."""
NODE = 8
"""GPUs of a node."""


@dataclass(frozen=True)
class Work:
    """What one rank does for one player in a step."""

    rows: int
    """Completions that it writes, and learns from,"""
    written: float
    """of so many tokens on average"""
    longest: int
    """and at most,"""
    prompts: int
    """behind so many different prompts"""
    prompt: int
    """of so many tokens."""
    together: int
    """Sequences that are decoded at once, at most."""
    micro_batches: int
    """Of an update."""

    @property
    def tokens(self) -> float:
        """Positions of an update whose rows share nothing."""
        return self.rows * (self.prompt + self.written)


# -------------------------------------------------------------------------------------------------- communication
def sent(size: float, ranks: int) -> float:
    """Bytes that each rank sends in an all-gather to `size` bytes, or a reduce-scatter of so many, on a ring.

    >>> sent(8e9, 1), sent(8e9, 8) / 1e9
    (0.0, 7.0)
    """
    return size * (ranks - 1) / ranks


def ring_seconds(size: float, ranks: int, gpu: Gpu) -> float:
    """Seconds of such an all-gather or reduce-scatter: messages, and bytes over the slower of two kinds of links.

    Inside a node every GPU takes all but its own part; between nodes a node takes all but its own, over all its ports.

    >>> gpu = Gpu(80e9, 1e15, 3e12, inside=100e9, between=10e9)
    >>> round(ring_seconds(8e9, 8, gpu), 4)         # 7 x 5 us + 7 GB / (.7 x 100 GB/s)
    0.1
    >>> round(ring_seconds(8e9, 16, gpu), 4)        # 15 x 5 us + max(7.5 / 70, 4 GB / (.7 x 8 x 10 GB/s))
    0.1072
    """
    nodes = math.ceil(ranks / NODE)
    inside = sent(size, ranks) / gpu.inside
    between = sent(size, nodes) / (min(ranks, NODE) * gpu.between)
    return (ranks - 1) * MESSAGE + max(inside, between) / LINKS


def update_bytes(
    count: int, learnt: int, width: int, ranks: int, micro_batches: int, whole: int = 0, gathers: int = 2, once: int = 0
) -> float:
    """Bytes that a rank sends in an update: all weights, forward and backward, and the gradients of what learns.

    The `whole` of them that stay gathered are sent once, when they have moved. A partitioned reference, whose own never
    move, is gathered once more: gathers=3. Gradients that are reduced `once` for every optimiser step go out so often,
    in every micro-batch with 0.

    >>> update_bytes(1_000_000, 1_000_000, 2, ranks=2, micro_batches=3) / 1e6        # 3 x (2 + 2 + 2 MB) / 2
    9.0
    >>> update_bytes(1_000_000, 1_000_000, 2, ranks=2, micro_batches=3, whole=1_000_000) / 1e6      # (2 + 3 x 2 MB) / 2
    4.0
    >>> update_bytes(1_000_000, 1_000_000, 2, ranks=2, micro_batches=3, once=1) / 1e6        # (3 x (2 + 2) + 2 MB) / 2
    7.0
    """
    gathered, gradients = sent((count - whole) * width, ranks), sent(learnt * width, ranks)
    return sent(whole * width, ranks) + micro_batches * gathers * gathered + (once or micro_batches) * gradients


def update_links(player: Player, ranks: int, micro_batches: int, gpu: Gpu, gathers: int = 2, once: int = 0) -> float:
    """Seconds of that: a layer at a time, and none of it taken to be hidden behind the arithmetic."""
    calls = player.shape.layers + 1
    gathered, gradients = (
        calls * ring_seconds(numbers * player.width / calls, ranks, gpu)
        for numbers in (player.count - player.whole, player.learnt)
    )
    moved = ring_seconds(player.whole * player.width, ranks, gpu) if player.whole else 0.0
    return 0.0 if ranks == 1 else moved + micro_batches * gathers * gathered + (once or micro_batches) * gradients


# ------------------------------------------------------------------------------------------------------- seconds
def writing_seconds(shape: ModelShape, width: int, count: int, work: Work, gpu: Gpu) -> float:
    """Seconds in which one GPU writes a rank's completions: prompts, then the longest completion's tokens one by one.

    Every pass reads the weights, and what a sequence has so far; passes are as many as the longest completion has
    tokens, or more where not all are decoded together.

    >>> shape = ModelShape(1, layers=1, heads=1, kv_heads=1, head_size=1, intermediate=1, vocabulary=1, tied=True)
    >>> work = Work(rows=4, written=50, longest=100, prompts=1, prompt=0, together=4, micro_batches=1)
    >>> gpu = Gpu(1e9, flops=1e12, bandwidth=1000 / READING, inside=1, between=1)
    >>> writing_seconds(shape, 2, 10, work, gpu)     # 100 passes x 20 bytes + 200 tokens x 25 seen x 4 bytes, 1,000 a s
    22.0
    """
    passes = max(work.longest, work.rows * work.written / work.together)
    seen = work.prompt + work.written / 2
    read = passes * count * width + work.rows * work.written * kv_cache(shape, 1, seen, width)
    reading = read / (READING * gpu.bandwidth)
    arithmetic = work.rows * work.written * forward_flops(shape, seen) / (ARITHMETIC * gpu.flops)
    prompts = work.prompts * work.prompt * forward_flops(shape, work.prompt / 2) / (ARITHMETIC * gpu.flops)
    return prompts + max(reading, arithmetic)


def learning_seconds(shape: ModelShape, work: Work, gpu: Gpu, reference: bool, checkpointing: bool) -> float:
    """Seconds of a rank's arithmetic in an update: a forward pass and two backward, one more with a reference, and one
    more where activations are computed again.

    >>> shape = ModelShape(4, layers=1, heads=2, kv_heads=1, head_size=2, intermediate=8, vocabulary=10, tied=True)
    >>> work = Work(rows=1, written=100, longest=100, prompts=1, prompt=100, together=1, micro_batches=1)
    >>> gpu = Gpu(1e9, flops=1e6 / ARITHMETIC, bandwidth=1, inside=1, between=1)
    >>> learning_seconds(shape, work, gpu, False, True)          # 4 x 200 tokens x 1,968 operations, 1e6 a second
    1.5744
    """
    passes = 3 + reference + checkpointing
    context = (work.prompt + work.written) / 2
    return passes * work.tokens * forward_flops(shape, context) / (ARITHMETIC * gpu.flops)


# -------------------------------------------------------------------------------------------------------- a step
@dataclass(frozen=True)
class Cost:
    """A player's part in a step, of one rank."""

    writing: float
    """Seconds"""
    learning: float
    """Seconds"""
    links: float
    """Seconds of an update's communication"""
    publishing: float
    """Seconds"""
    update: float
    """Bytes sent in an update"""
    publish: float
    """Bytes sent to gather the weights that are published"""

    @property
    def seconds(self) -> float:
        return self.writing + self.learning + self.links + self.publishing


def work_of(config: RunConfig, player: Player, ranks: int) -> Work:
    """A rank's work, where completions are half as long as they may be and fill the micro-batches."""
    step, most = config.cotrain, config.players[player.role].max_new_tokens
    rows, written = rollout_rows(config, player.role, ranks), HALF * most
    prompt = max(1, player.longest - most)
    problems = max(1, math.ceil((step.problems - bare_problems(config)) / ranks))
    prompts = problems * (step.abstractions if role_of(player.role, config).solves and step.abstractions else 1)
    filled = rows * (prompt + written) / step.micro_tokens if step.micro_tokens else rows / step.micro_batch
    return Work(rows, written, most, prompts, prompt, config.engine.max_batch, max(1, math.ceil(filled)))


def cost(config: RunConfig, player: Player, ranks: int, gpu: Gpu) -> Cost:
    """A player's part in a step of a run."""
    work, model = work_of(config, player, ranks), config.players[player.role].model or config.base
    writing = writing_seconds(player.shape, player.width, player.count, work, gpu)
    whole = player.count * player.width
    if not trains(config, player.role):
        return Cost(writing, 0.0, 0.0, 0.0, 0.0, 0.0)
    reference = wants_reference(config, player.role)
    learning = learning_seconds(player.shape, work, gpu, reference, model.gradient_checkpointing)
    gathers = 3 if reference and config.zero.shard_references else 2
    once = config.cotrain.updates_per_rollout if config.zero.reduce_once else 0
    links = update_links(player, ranks, work.micro_batches, gpu, gathers, once)
    numbers = player.count, player.learnt, player.width
    size = update_bytes(*numbers, ranks, work.micro_batches, player.whole, gathers, once)
    return Cost(writing, learning, links, ring_seconds(whole, ranks, gpu), size, sent(whole, ranks))


def costs(config: RunConfig, ranks: int, gpu: Gpu, lengths: dict[str, int] | None = None) -> dict[str, Cost] | None:
    """`cost` by role; None where a model's shape is not known. lengths: as in `memory`."""
    longest = lengths or longest_sequences(config)
    players = {role: Player.of(config, role, longest[role]) for role in longest}
    if None in players.values():
        return None
    found = {role: cost(config, player, ranks, gpu) for role, player in players.items()}
    for role in list(found)[1:] if config.cotrain.shared_weights else ():
        found[role] = replace(found[role], publishing=0.0, publish=0.0)  # with the first one's
    return found
