"""What a run would be, without starting it: how its numbers divide, and the memory that a GPU would need.

Pure arithmetic on shapes; no model is loaded, and nothing is asked of the network. A model's shape comes from its
folder (or the local hub cache), from the sizes in the configuration for the tiny ones, or from the table below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlad.config import LoraConfig, ModelConfig, RunConfig, SteeringConfig, as_yaml
from rlad.config.rules import bare_problems, model_config, reads_no_mask, trains, wants_reference
from rlad.config.steering import chosen_layers
from rlad.players import pieces
from rlad.players.roles import playing
from rlad.problems import make_world
from trainers.launching.launcher import choose_device, count_gpus
from trainers.launching.nodes import Placement

GB = 1e9
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TURNS = ("update:", "rollout:")
"""How the names of what rollouts and updates hold in turns begin."""
TRAINING = "training state (weights, gradients, Adam) / ranks"
LIVE = 1_000_000_000
"""Parameters that ZeRO-3 leaves gathered while a player is updated (its stage3_max_live_parameters)."""
KEPT = {4: (4.2, 2.8, 4.6, 1.65, 4.6, 14.0), 2: (6.2, 3.8, 5.6, 1.65, 4.6, 15.0)}
"""By bytes of a number: what a layer keeps per token for the backward pass, in units of its hidden size, its queries,
its keys, its keys and values repeated for grouped queries, its MLP, and its heads; norms work in float32."""
PROMPT_TOKENS = 1024
"""Assumed longest question, with its template, where the data's lengths are not known before they are tokenised."""


@dataclass(frozen=True)
class ModelShape:
    """The sizes of a decoder with grouped-query attention and a gated MLP (Qwen3, Llama and their kin)."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    tied: bool


KNOWN = {
    "Qwen/Qwen3-0.6B": ModelShape(1024, 28, 16, 8, 128, 3072, 151_936, True),
    "Qwen/Qwen3-1.7B": ModelShape(2048, 28, 16, 8, 128, 6144, 151_936, True),
    "Qwen/Qwen3-4B": ModelShape(2560, 36, 32, 8, 128, 9728, 151_936, True),
    "Qwen/Qwen3-8B": ModelShape(4096, 36, 32, 8, 128, 12_288, 151_936, False),
    "meta-llama/Llama-3.2-1B-Instruct": ModelShape(2048, 16, 32, 8, 64, 8192, 128_256, True),
    "meta-llama/Llama-3.2-3B-Instruct": ModelShape(3072, 28, 24, 8, 128, 8192, 128_256, True),
}
"""Shapes of models that may not have been downloaded yet."""


def parameters(shape: ModelShape) -> int:
    """How many parameters a model of this shape has (without biases; Qwen3's query and key norms counted).

    >>> round(parameters(KNOWN["Qwen/Qwen3-1.7B"]) / 1e9, 3), round(parameters(KNOWN["Qwen/Qwen3-0.6B"]) / 1e9, 3)
    (1.721, 0.596)
    """
    attention = shape.hidden * shape.head_size * 2 * (shape.heads + shape.kv_heads)
    norms = 2 * shape.hidden + 2 * shape.head_size
    layer = attention + 3 * shape.hidden * shape.intermediate + norms
    embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return embeddings + shape.layers * layer + shape.hidden


def adapter_parameters(shape: ModelShape, lora: LoraConfig) -> int:
    """How many parameters one player's adapter has: rank x (inputs + outputs) for each target layer.

    >>> adapter_parameters(KNOWN["Qwen/Qwen3-1.7B"], LoraConfig(rank=16, targets=["q_proj"]))  # 28 x 16 x (2048 + 2048)
    1835008
    """
    queries, keys = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    sizes = {
        "q_proj": shape.hidden + queries,
        "k_proj": shape.hidden + keys,
        "v_proj": shape.hidden + keys,
        "o_proj": queries + shape.hidden,
        "gate_proj": shape.hidden + shape.intermediate,
        "up_proj": shape.hidden + shape.intermediate,
        "down_proj": shape.intermediate + shape.hidden,
    }
    return shape.layers * lora.rank * sum(sizes.get(target, 0) for target in lora.targets)


def vector_parameters(shape: ModelShape, steering: SteeringConfig) -> int:
    """How many parameters one player's steering vectors have: one of the stream's width for each chosen layer.

    >>> vector_parameters(KNOWN["Qwen/Qwen3-1.7B"], SteeringConfig("all"))  # 28 x 2048
    57344
    """
    return len(chosen_layers(steering, shape.layers)) * shape.hidden


def read_shape(config: dict) -> ModelShape:
    """The shape in a Hugging Face `config.json`; KeyError where it is no such decoder."""
    heads = config["num_attention_heads"]
    return ModelShape(
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_size=config.get("head_dim") or config["hidden_size"] // heads,
        intermediate=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        tied=config.get("tie_word_embeddings", False),
    )


def model_shape(model: ModelConfig, config: RunConfig) -> ModelShape | None:
    """The shape of a configured model; None when it is neither here nor known."""
    if model.path is None:
        vocabulary = len(make_world(config.problems).vocabulary()) if config.problems.generated else 0
        head_size = model.hidden_size // model.heads
        sizes = (model.hidden_size, model.layers, model.heads, model.kv_heads, head_size, model.intermediate_size)
        return ModelShape(*sizes, vocabulary, False)
    facts = model_config(model.path)
    if facts is None:
        return KNOWN.get(model.path)
    try:
        return read_shape(facts)
    except KeyError:
        return None


# ------------------------------------------------------------------------------------------------- memory
def training_state(count: int, ranks: int, width: int, offload_optimizer: bool, offload_params: bool) -> float:
    """GPU bytes per rank of one ZeRO-3 engine: weights, gradients, fp32 master and two Adam moments, partitioned.

    16 bytes a parameter in all: 2+2+4+4+4 with 16-bit weights; 4+4+8 with fp32 ones, which are their own master.

    >>> training_state(1_720_000_000, 8, 2, False, False) / GB
    3.44
    >>> training_state(1_720_000_000, 8, 2, True, False) / GB  # weights and gradients stay
    0.86
    """
    weights = 0 if offload_params else width
    optimiser = 0 if offload_optimizer else 16 - 2 * width
    return count * (weights + width + optimiser) / ranks


def activations(shape: ModelShape, rows: int, tokens: int, width: int, checkpointing: bool) -> float:
    """Bytes of one training micro-batch (rows x tokens), from what is kept for the backward pass.

    With checkpointing: one hidden state per layer and the inside of one layer; without, the inside of every layer; and
    the final norm. `KEPT` was fitted to what autograd keeps of eight Qwen3 shapes, within 2 %; attention is fused.
    """
    queries, keys = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    repeated = queries if shape.heads != shape.kv_heads else 0  # keys and values, once for each query head
    sizes = (shape.hidden, queries, keys, repeated, shape.intermediate, shape.heads + shape.kv_heads)
    inside = sum(factor * size for factor, size in zip(KEPT[width], sizes, strict=True))
    kept = shape.layers * shape.hidden + inside if checkpointing else shape.layers * inside
    return float(rows * tokens * (kept + (6 - width / 2) * shape.hidden) * width)


def logits(shape: ModelShape, rows: int, tokens: int, width: int, device: str = "cuda") -> float:
    """Bytes of a micro-batch's logits: as computed, their fp32 log-softmax, its exponential, and its gradient.

    Where there are more than are held at once (rlad/players/pieces.py), those of three pieces, and the gradient of the
    whole output head. tokens: of the completions, as a prompt's logits are never made.

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
    return device == "cuda" or choose_device(device, 0, count_gpus()) == "cuda"


def memory(config: RunConfig, ranks: int, lengths: dict[str, int] | None = None) -> dict[str, float] | None:
    """Bytes per rank by what they are for; None when a model's shape is not known.

    lengths: the longest sequence of each role, in tokens (`check_lengths`); assumed where they are not known.

    Every rank holds, for each player, its share of a ZeRO-3 engine, a full sampling copy and, where a KL is asked for,
    a full frozen reference; with adapters the weights in the engine are frozen, and both players have one reference.
    Rollouts and updates take turns, so of their working memory only the larger counts.
    """
    parts = {TRAINING: 0.0, "sampling copies": 0.0, "frozen references": 0.0}
    update, rollout, buckets = 0.0, 0.0, 0.0
    lengths, apart = lengths or longest_sequences(config), samples_apart(config)
    for role in playing(config):
        model = config.players[role].model or config.base
        shape = model_shape(model, config)
        if shape is None:
            return None
        count, width = parameters(shape), BYTES[model.dtype]
        zero, learnt, frozen = config.zero, count, 0
        if config.lora.rank:
            learnt, frozen = adapter_parameters(shape, config.lora), count
        if config.steering.active:
            learnt, frozen = vector_parameters(shape, config.steering), count
        parts[TRAINING] += training_state(learnt, ranks, width, zero.offload_optimizer, zero.offload_params)
        parts[TRAINING] += 0 if zero.offload_params else frozen * width / ranks
        if wants_reference(config, role) and not (frozen and parts["frozen references"]):
            parts["frozen references"] += count * width
        budget, written = config.cotrain.micro_tokens, config.players[role].max_new_tokens + 1
        rows = max(1, budget // lengths[role]) if budget else config.cotrain.micro_batch
        gathered = 0 if ranks == 1 else min(count, LIVE) * width
        working = gathered + activations(shape, rows, lengths[role], width, model.gradient_checkpointing)
        device = choose_device(config.launch.device, 0, count_gpus())
        update = max(update, working + logits(shape, rows, written, width, device))
        buckets += min(learnt, zero.bucket_size) * width
        if apart:
            continue  # its copies, keys and values are in other processes
        parts["sampling copies"] += (learnt + frozen) * width
        rows = min(config.engine.max_batch, rollout_rows(config, role, ranks))
        rollout = max(rollout, kv_cache(shape, rows, lengths[role], width) + rows * shape.vocabulary * 8.0)
    if config.cotrain.schedule.lag:  # another full copy of the solver
        parts["lagged solver"] = count * width
    parts["update: activations and logits of a micro-batch"] = update + buckets
    parts["rollout: keys and values of a batch"] = rollout
    return parts


def peak_bytes(parts: dict[str, float]) -> float:
    """The peak: everything that stays, and the larger of rollout and update."""
    turns = [value for name, value in parts.items() if name.startswith(TURNS)]
    return staying(parts) + max(turns)


def staying(parts: dict[str, float]) -> float:
    """What is held in rollouts and updates alike."""
    return sum(value for name, value in parts.items() if not name.startswith(TURNS))


def smallest_gpu(config: RunConfig, parts: dict[str, float], lengths: dict[str, int] | None = None) -> float | None:
    """Bytes of the smallest GPU that holds a rank and the vLLM engines beside it; None where no engine is beside it.

    An engine takes `engine.memory_share` of the GPU, in which the weights and keys and values of one longest sequence
    must fit. The two of `placement=lora` are one, which never sleeps; others sleep while their rank updates.
    """
    engine, roles = config.engine, playing(config)
    if not samples_apart(config) or engine.placement == "server":
        return None
    sequences, needed = lengths or longest_sequences(config), 0.0
    for role in roles:
        model = config.players[role].model or config.base
        shape, width = model_shape(model, config), BYTES[model.dtype]
        weights = parameters(shape) * width / engine.tensor_parallel
        needed = max(needed, weights + kv_cache(shape, 1, sequences[role], width))
    shares = engine.memory_share * (1 if engine.placement == "lora" else len(roles))
    beside = peak_bytes(parts) if engine.placement == "lora" else staying(parts)
    return max(peak_bytes(parts), beside / (1 - shares), needed / engine.memory_share)


# ------------------------------------------------------------------------------------------------- division
def rollout_rows(config: RunConfig, role: str, ranks: int) -> int:
    """Sequences that one rank samples for `role` in a step, at most."""
    bare = bare_problems(config) if config.cotrain.abstractions else 0
    guided = math.ceil((config.cotrain.problems - bare) / ranks)
    return playing(config)[role].samples(config, guided, math.ceil(bare / ranks))


def division(config: RunConfig, placement: Placement) -> list[tuple[str, str]]:
    """How the sizes of the warm start and of one step divide over the ranks: (what, how much)."""
    step, warm, ranks = config.cotrain, config.warmstart, placement.ranks
    share = warm.batch // ranks
    bare = bare_problems(config) if step.abstractions else 0
    rows = [
        ("ranks", f"{ranks} on {placement.nodes} node{'s' if placement.nodes > 1 else ''}"),
        ("warm start, each step", f"{warm.batch} sequences = {share} on each rank, {_micro(share, warm.micro_batch)}"),
        ("problems of a step", f"{step.problems} = {step.problems // ranks} on each rank"),
    ]
    if step.abstractions:
        tree = f"{step.abstractions} abstractions x {step.solutions} solutions"
        rows.append(("with abstractions", f"{step.problems - bare} problems x {tree}"))
        kind = "bare (paid)" if step.bare.paid else "bare (KL anchor)"
        rows.append((kind, f"{bare} problems x {step.bare.solutions} solutions"))
        if step.proposals == "distinct":
            rows.append(("proposals", f"up to {step.draws} drawn for {step.abstractions} distinct ones"))
    for role in playing(config):
        count = rollout_rows(config, role, ranks)
        kept = "trained" if trains(config, role) else "sampled only"
        micro = f"micro-batches of at most {step.micro_tokens} positions" if step.micro_tokens else None
        rows.append((f"{role}s of a rank", f"at most {count}, {kept}, {micro or _micro(count, step.micro_batch)}"))
        rows.append((f"rows of an update, {role}", sharing(config, role)))
    if config.steering.active and (shape := model_shape(config.base, config)) is not None:
        count = vector_parameters(shape, config.steering)
        text = f"{count // shape.hidden} of {shape.hidden:,} numbers, {count:,} in all"
        rows.append(("steering vectors of a player", text))
    return rows


def sharing(config: RunConfig, role: str) -> str:
    """What the rows of a player's update share, or why they cannot. Models that are not here are asked when they start.

    >>> sharing(RunConfig(), "solution")
    'share prompts, are packed, where fewer positions cost less'
    """
    step, model = config.cotrain, config.players[role].model or config.base
    asked = ["share prompts"] * step.share_prompts + ["are packed"] * step.packing
    reason = reads_no_mask((model_config(model.path) if model.path else None) or {})
    if not asked:
        return "plain, as configured"
    return f"plain: {reason}" if reason else f"{', '.join(asked)}, where fewer positions cost less"


def _micro(rows: int, size: int) -> str:
    return f"{math.ceil(rows / size)} micro-batches of at most {size}"


def describe(config: RunConfig, placement: Placement, lengths: dict[str, int] | None = None) -> str:
    """The text of `--dry-run`: resolved configuration, division, memory per GPU; `lengths` as in `memory`."""
    lines = ["Configuration", "-------------", as_yaml(config).rstrip(), ""]
    lines += ["How the sizes divide", "--------------------"]
    lines += [f"{name:28s} {value}" for name, value in division(config, placement)]
    lines += ["(micro-batches need not divide: ranks pad their plans with zero-weight rows)", ""]
    lines += ["Memory per GPU (or CPU rank), estimated", "---------------------------------------"]
    parts = memory(config, placement.ranks, lengths)
    longest = ", ".join(f"{role} {tokens:,}" for role, tokens in (lengths or longest_sequences(config)).items())
    source = "the data's" if lengths else f"assumed, with prompts of up to {PROMPT_TOKENS:,}"
    lines.append(f"longest sequences in tokens, {source}: {longest}")
    if parts is None:
        lines.append("No estimate: the model's shape is not known before it is downloaded.")
    else:
        lines += [f"{name:50s} {value / GB:9.3f} GB" for name, value in parts.items()]
        lines.append(f"{'peak (rollout and update take turns)':50s} {peak_bytes(parts) / GB:9.3f} GB")
    if not samples_apart(config):
        return "\n".join(lines)
    if parts is not None and (least := smallest_gpu(config, parts, lengths)):
        lines.append(f"{'smallest GPU, vLLM engines beside a rank included':50s} {least / GB:9.3f} GB")
    if config.engine.placement == "lora":
        lines.append("vLLM's engine is a process of its own on each node: the base, an adapter per player. Where every")
        lines.append(f"GPU has a rank, it keeps engine.memory_share={config.engine.memory_share} of the first one's.")
    else:
        lines.append("vLLM's engines are processes of their own. On the ranks' GPUs each of a rank's two takes")
        lines.append(f"engine.memory_share={config.engine.memory_share} of the GPU, and sleeps while its rank updates.")
    return "\n".join(lines)
