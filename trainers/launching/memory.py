"""The memory that a rank of a run needs: pure arithmetic on shapes, no model is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlad.config import CotrainConfig, ModelConfig, RunConfig, WarmstartConfig
from rlad.config.rules import bare_problems, packs_by_positions, wants_reference
from rlad.players import pieces
from rlad.players.matmul import PRIMITIVE, REMEMBERED, prefers_onednn
from rlad.players.roles import playing
from rlad.players.shapes import ModelShape, adapter_parameters, model_shape, parameters, vector_parameters
from trainers.launching.launcher import choose_device, count_gpus

GB = 1e9
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TURNS = ("load:", "update:", "step:", "publish:", "rollout:", "checkpoint:", "export:")
"""How the names of what is held in turns begin."""
TRAINING = "training state (weights, gradients, Adam) / ranks"
LOAD = "load: a player before it is partitioned"
EXPORT = "export: a player whole, beside the last checkpoint"
LIVE = 1_000_000_000
"""Parameters that ZeRO-3 leaves gathered while a player is updated (its stage3_max_live_parameters)."""
KEPT = {4: (4.2, 2.8, 4.6, 1.65, 4.6, 14.0), 2: (6.2, 3.8, 5.6, 1.65, 4.6, 15.0)}
"""By bytes of a number: what a layer keeps per token for the backward pass, in units of its hidden size, its queries,
its keys, its keys and values repeated for grouped queries, its MLP, and its heads; norms work in float32."""
STEP = 4
"""Bytes of a parameter while Adam moves it, measured: its float32 gradient. A fused Adam has no temporaries."""
MASK = 3
"""Bytes of a pair of positions, beside the mask itself, while the mask of a row with several sequences is made."""
LONGEST_ROW = 8192
"""Positions that a row with several sequences has at most: LONGEST of trainers/learner/layout.py."""
SUB_GROUP = 1_000_000_000
"""Parameters of a rank's share that ZeRO-3 moves at a time (its sub_group_size)."""
PROMPT_TOKENS = 1024
"""Assumed longest question, with its template, where the data's lengths are not known before they are tokenised."""


def training_state(count: int, ranks: int, width: int, offload_optimizer: bool, offload_params: bool) -> float:
    """GPU bytes per rank of one ZeRO-3 engine: weights, gradients, float32 master weights and Adam's moments / ranks.

    2+2+4+8 bytes a parameter with 16-bit weights, 4+4+4+8 with float32 ones, of which DeepSpeed keeps masters as well.
    An optimiser in the machine's memory takes the gradients along.

    >>> training_state(1_720_000_000, 8, 2, False, False) / GB, training_state(1_720_000_000, 8, 4, False, False) / GB
    (3.44, 4.3)
    >>> training_state(1_720_000_000, 8, 2, True, False) / GB  # weights stay
    0.43
    """
    weights = 0 if offload_params else width
    optimiser = 0 if offload_optimizer else width + 4 + 8
    return count * (weights + optimiser) / ranks


def adam_step(count: int, ranks: int, offload_optimizer: bool) -> float:
    """GPU bytes that a rank needs beside its state while its share of the parameters moves.

    >>> adam_step(1_720_000_000, 8, False) / GB  # 215 million x 4 bytes
    0.86
    """
    return 0.0 if offload_optimizer else STEP * min(count / ranks, SUB_GROUP)


def checkpoint_copy(count: int, ranks: int) -> float:
    """Bytes of this machine's memory that a rank's copy for a checkpoint takes: float32 weights and Adam's moments.

    >>> checkpoint_copy(1_720_000_000, 8) / GB  # 215 million x 12 bytes
    2.58
    """
    return count * (4 + 8) / ranks


def activations(
    shape: ModelShape, rows: int, tokens: int, width: int, checkpointing: bool, device: str = "cuda"
) -> float:
    """Bytes of one training micro-batch (rows x tokens), from what is kept for the backward pass.

    With checkpointing: one hidden state per layer and the inside of one layer; without, the inside of every layer; and
    the final norm. `KEPT` was fitted to what autograd keeps of eight Qwen3 shapes, within 2 %; attention is fused.
    A CPU keeps keys and values of grouped queries as they are (`rlad/players/grouped.py`).
    """
    queries, keys = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    repeated = queries if shape.heads != shape.kv_heads else 0  # keys and values, once for each query head
    sizes = (shape.hidden, queries, keys, repeated, shape.intermediate, shape.heads + shape.kv_heads)
    inside = sum(factor * size for factor, size in zip(KEPT[width], sizes, strict=True))
    inside -= 2 * (queries - keys) if device == "cpu" and shape.kv_heads > 1 else 0  # of one head they are no copies
    kept = shape.layers * shape.hidden + inside if checkpointing else shape.layers * inside
    return float(rows * tokens * (kept + (6 - width / 2) * shape.hidden) * width)


def logits(shape: ModelShape, rows: int, tokens: int, width: int, device: str = "cuda") -> float:
    """Bytes of a micro-batch's logits: as computed, their fp32 log-softmax, its exponential, and its gradient.

    Where there are more than are held at once (rlad/players/pieces.py), those of three pieces, and the gradient of the
    whole output head. tokens: of the completions, as a prompt's logits are never made.

    >>> from rlad.players.shapes import KNOWN
    >>> logits(KNOWN["Qwen/Qwen3-1.7B"], 1, 1024, 2) / GB  # 3 x 2^24 x 4 bytes, 151,936 x 2048 x 2 bytes
    0.823656448
    """
    count = rows * tokens * shape.vocabulary
    if count <= pieces.WHOLE:
        return float(count * (width + 4 + 4 + 4))
    piece = rows * tokens * pieces.piece_words(rows * tokens, device)
    return float(3 * 4 * piece + width * shape.vocabulary * shape.hidden)


def kv_cache(shape: ModelShape, rows: int, tokens: int, width: int) -> float:
    """Bytes of keys and values of `rows` sequences decoded together.

    >>> from rlad.players.shapes import KNOWN
    >>> kv_cache(KNOWN["Qwen/Qwen3-1.7B"], 1, 1000, 2) / GB  # 28 layers x 2 x 8 heads x 128 x 2 bytes a token
    0.114688
    """
    return float(rows * tokens * shape.layers * 2 * shape.kv_heads * shape.head_size * width)


def longest_sequences(config: RunConfig) -> dict[str, int]:
    """Stands in for the longest sequence of each role, in tokens, where the data have not been tokenised.

    A question of `PROMPT_TOKENS`, what else its player reads, and its completion; a tiny model has fewer positions.
    """
    roles = playing(config)
    if config.base.path is None:
        return dict.fromkeys(roles, config.base.max_positions)
    return {
        name: PROMPT_TOKENS + role.reads(config) + config.players[name].max_new_tokens for name, role in roles.items()
    }


def samples_apart(config: RunConfig) -> bool:
    """Whether vLLM's processes sample; a GPU, here or where the run is meant for, is taken to have vLLM."""
    kind, device = config.engine.kind, config.launch.device
    if kind != "auto":
        return kind == "vllm"
    return device == "cuda" or not on_cpu(config)


def on_cpu(config: RunConfig) -> bool:
    """Whether ranks are on CPUs, so that their memory is the machine's own."""
    return choose_device(config.launch.device, 0, count_gpus()) == "cpu"


def offloaded(config: RunConfig) -> tuple[bool, bool]:
    """Whether (the optimiser's states, weights) are in another memory than the rank's.

    `zero` offloads into the machine's memory; a CPU rank has no other, so there it puts nothing out of the way.

    >>> from rlad.config import load_config
    >>> words = ["zero.offload_optimizer=true", "launch.device="]
    >>> [offloaded(load_config(None, [words[0], words[1] + device])) for device in ("cuda", "cpu")]
    [(True, False), (False, False)]
    """
    apart = not on_cpu(config)
    return apart and config.zero.offload_optimizer, apart and config.zero.offload_params


def under_masks(step: CotrainConfig | WarmstartConfig, model: ModelConfig) -> bool:
    """Whether rows of a model may be laid out under a mask of rows by columns."""
    return (step.share_prompts or step.packing) and not packs_by_positions({"attn_implementation": model.attention})


@dataclass(frozen=True)
class Player:
    """What of a player takes memory."""

    role: str
    shape: ModelShape
    width: int
    """Bytes of a number."""
    count: int
    """Parameters of its model,"""
    learnt: int
    """of them or beside them those that learn (an adapter's, vectors),"""
    frozen: int
    """and those that do not;"""
    whole: int
    """how many of its model's stay gathered on every rank."""
    longest: int
    """Tokens of its longest sequence."""

    @classmethod
    def of(cls, config: RunConfig, role: str, longest: int) -> Player | None:
        """None where the model's shape is not known."""
        model = config.players[role].model or config.base
        shape = model_shape(model, config)
        if shape is None:
            return None
        learnt, frozen = parameters(shape), 0
        if config.lora.rank:
            learnt, frozen = adapter_parameters(shape, config.lora), learnt
        if config.steering.active:
            learnt, frozen = vector_parameters(shape, config.steering), parameters(shape)
        whole = parameters(shape, config.zero.persistence_threshold)
        return cls(role, shape, BYTES[model.dtype], parameters(shape), learnt, frozen, whole, longest)

    def state(self, config: RunConfig, ranks: int) -> float:
        """Bytes of its share of a ZeRO-3 engine."""
        optimiser, weights = offloaded(config)
        held = training_state(self.learnt, ranks, self.width, optimiser, weights)
        return held + (0 if weights else self.frozen * self.width / ranks)

    def micro_batch(self, config: RunConfig, ranks: int) -> tuple[int, int, int]:
        """(completions, positions, positions of a row) of a micro-batch at most, prompts shared where that is on."""
        step, written = config.cotrain, config.players[self.role].max_new_tokens
        every = max(1, rollout_rows(config, self.role, ranks))
        rows = every if step.micro_tokens else min(step.micro_batch, every)
        model = config.players[self.role].model or config.base
        sharing = step.share_prompts and under_masks(step, model)
        rows, group = max(1, rows), samples_of_a_prompt(config, self.role) if sharing else 1
        length = self.longest + (group - 1) * written
        if length > LONGEST_ROW:
            group, length = 1, self.longest
        positions = rows * self.longest - (rows - math.ceil(rows / group)) * (self.longest - written)
        if step.micro_tokens:
            positions = max(length, min(step.micro_tokens, positions))
            rows = max(1, math.ceil(positions / length) * group)
        return rows, positions, length

    def update(self, config: RunConfig, ranks: int) -> float:
        """Bytes of a micro-batch, forward and backward, or of the gradients that go to the other ranks at its end."""
        rows, positions, length = self.micro_batch(config, ranks)
        model, written = config.players[self.role].model or config.base, config.players[self.role].max_new_tokens
        masked = length if under_masks(config.cotrain, model) else 0
        own = self.learning(config, ranks, model.gradient_checkpointing, (rows, written), positions, masked)
        sharded = config.zero.shard_references and wants_reference(config, self.role)
        return own + (self._gathered(ranks) if sharded else 0)  # the reference's, beside what is left of the player's

    def learning(
        self, config: RunConfig, ranks: int, checkpointing: bool, texts: tuple[int, int], positions: int, masked: int
    ) -> float:
        """The same of so many positions, with texts (how many, of how many tokens) in them, in rows of `masked`
        positions under a mask, or plain ones (0)."""
        device = "cpu" if on_cpu(config) else "cuda"
        kept = activations(self.shape, 1, positions, self.width, checkpointing, device)
        kept += logits(self.shape, texts[0], texts[1] + 1, self.width, device)
        kept += positions * min(masked, LONGEST_ROW) * (self.width + MASK)
        sent = 2 * min(self.learnt, config.zero.bucket_size) * self.width  # as they come, and in the ranks' order
        whole = self.learnt * self.width if config.zero.reduce_once else 0  # the step's gradients so far
        return self._gathered(ranks) + whole + max(kept, sent)

    def _gathered(self, ranks: int) -> float:
        """Bytes of the weights that a forward or backward pass has gathered at a time."""
        return 0 if ranks == 1 else min(self.count - self.whole, LIVE) * self.width

    def publish(self, config: RunConfig, ranks: int) -> float:
        """Bytes of a bucket of weights that is sent, and of the gathered parameters that it is copied from."""
        largest = max(config.zero.bucket_size, self.shape.vocabulary * self.shape.hidden)
        return min(self.count, largest) * self.width * (1 if ranks == 1 else 2)

    def rollout(self, config: RunConfig, ranks: int) -> float:
        """Bytes of keys and values of what a rank decodes together, and of its next token's distributions."""
        rows = min(config.engine.max_batch, rollout_rows(config, self.role, ranks))
        return self._decoded(rows)

    def mined(self, config: RunConfig, ranks: int) -> float:
        """The same of the solutions from which strategic grams are mined, less what only the first update takes."""
        settings = config.instruments
        if self.role != "solution" or not (settings.every and settings.planning):
            return 0.0
        rows = min(config.engine.max_batch, math.ceil(settings.gram_problems / ranks) * settings.gram_samples)
        return self._decoded(rows) - 2 * (8 + self.width) * self.learnt / ranks

    def _decoded(self, rows: int) -> float:
        return kv_cache(self.shape, rows, self.longest, self.width) + rows * self.shape.vocabulary * 8.0


def memory(config: RunConfig, ranks: int, lengths: dict[str, int] | None = None) -> dict[str, float] | None:
    """Bytes per rank by what they are for; None when a model's shape is not known.

    lengths: the longest sequence of each role, in tokens (`check_lengths`); assumed where they are not known.

    Every rank holds, for each player, its share of a ZeRO-3 engine, a full sampling copy and, where a KL is asked for,
    a frozen reference, whole or its share of one; with adapters the weights in the engine are frozen, and both players
    have one reference.
    Players with shared weights hold all of it once. On a CPU what is kept in the machine's memory is the rank's, too.
    What is held in turns is named by `TURNS`: of that only the largest counts.
    """
    lengths, apart = lengths or longest_sequences(config), samples_apart(config)
    players = [Player.of(config, role, lengths[role]) for role in playing(config)]
    if None in players:
        return None
    held = players[:1] if config.cotrain.shared_weights else players
    asked = [p for p in players if wants_reference(config, p.role)]
    references = asked[:1] if config.frozen_base or config.cotrain.shared_weights else asked
    bucket, last, sharded = config.zero.bucket_size, held[-1], config.zero.shard_references
    offload_optimizer, offload_params = offloaded(config)
    outside = sharded and offload_params
    parts = {
        TRAINING: sum(p.state(config, ranks) for p in held),
        # vLLM's copies, keys and values are in other processes
        "sampling copies": 0.0 if apart else float(sum((p.learnt + p.frozen) * p.width for p in held)),
        "frozen references": sum(p.count * p.width for p in references) / (ranks if sharded else 1) * (not outside),
        "gradients' buckets": float(sum(min(p.learnt, bucket) * p.width for p in held)),
    }
    if ranks > 1 and config.zero.persistence_threshold:
        parts["weights that stay whole"] = float(sum(p.whole * p.width for p in held + references * sharded))
    if products := max(compiled_products(config, p.width) for p in players):
        parts["compiled matrix products"] = products
    if config.cotrain.schedule.lag:  # another full copy of the solver
        parts["lagged solver"] = float(last.count * last.width)
    parts[LOAD] = max(0.0, last.count * last.width - last.state(config, ranks))
    parts["update: activations and logits of a micro-batch"] = max(p.update(config, ranks) for p in players)
    parts["step: Adam's gradients"] = max(adam_step(p.learnt, ranks, offload_optimizer) for p in players)
    parts["publish: a bucket of weights"] = max(p.publish(config, ranks) for p in players)
    rollouts = [max(p.rollout(config, ranks), p.mined(config, ranks)) for p in players]
    parts["rollout: keys and values of a batch"] = 0.0 if apart else max(rollouts)
    if on_cpu(config):  # a rank's memory is this machine's, and what it samples itself is beside a write
        beside = 0.0 if apart or not config.cotrain.checkpoint_async else max(rollouts)
        copied = checkpoint_bytes(config, ranks)
        parts["checkpoint: its copy, and the next rollout"] = copied + beside
        # The last step always ends with a checkpoint, which may still be written while the players are exported.
        parts[EXPORT] = exported_bytes(config) + max(p.publish(config, ranks) for p in held)
        parts[EXPORT] += copied if config.cotrain.checkpoint_async else 0.0
    return parts


def checkpoint_bytes(config: RunConfig, ranks: int) -> float | None:
    """Bytes of this machine's memory that rank 0's copy for a checkpoint takes; None when a shape is not known.

    Held from the end of a step until it is written: of every player the rank's share of what it learns, and on rank 0
    alone a lagged solver's weights.
    """
    players = [Player.of(config, role, 1) for role in playing(config)]
    if None in players:
        return None
    held = players[:1] if config.cotrain.shared_weights else players
    lagged = held[-1].count * held[-1].width if config.cotrain.schedule.lag else 0
    return sum(checkpoint_copy(p.learnt, ranks) for p in held) + lagged


def exported_bytes(config: RunConfig) -> float | None:
    """Bytes of this machine's memory that rank 0 holds as the run ends, while it writes the players one by one: the
    largest one, whole; None when a shape is not known."""
    players = [Player.of(config, role, 1) for role in playing(config)]
    return None if None in players else float(max(p.count * p.width for p in players))


def compiled_products(config: RunConfig, width: int) -> float:
    """Bytes of the products that oneDNN keeps compiled for a CPU rank, once it has met as many shapes as it keeps; its
    own 45 million are the process's. Numbers of 16 bits (width 2) go to it on every processor."""
    return float(REMEMBERED * PRIMITIVE * (on_cpu(config) and (width == 2 or prefers_onednn())))


def peak_bytes(parts: dict[str, float]) -> float:
    """The peak: everything that stays, and the largest of what takes turns."""
    turns = [value for name, value in parts.items() if name.startswith(TURNS)]
    return staying(parts) + max(turns)


def staying(parts: dict[str, float]) -> float:
    """What is held all the time."""
    return sum(value for name, value in parts.items() if not name.startswith(TURNS))


def samples_of_a_prompt(config: RunConfig, role: str) -> int:
    """Completions that a prompt of the role has in a step: proposals of a problem, solutions of an abstraction.

    >>> samples_of_a_prompt(RunConfig(), "solution"), samples_of_a_prompt(RunConfig(), "abstraction")
    (4, 16)
    """
    step = config.cotrain
    counts = {
        "abstraction": step.draws if step.proposals == "distinct" else step.abstractions,
        "solution": step.adaptive.most if step.adaptive.first else step.solutions,
    }
    return max(1, counts.get(role, 1))


def rollout_rows(config: RunConfig, role: str, ranks: int) -> int:
    """Sequences that one rank samples for `role` in a step, at most."""
    bare = bare_problems(config) if config.cotrain.abstractions else 0
    guided = math.ceil((config.cotrain.problems - bare) / ranks)
    return playing(config)[role].samples(config, guided, math.ceil(bare / ranks))
