"""What a run would be, without starting it: how its numbers divide, what a GPU would need, what a step would cost.

Pure arithmetic on shapes; no model is loaded, and nothing is asked of the network.
"""

from __future__ import annotations

import math

from rlad.config import CotrainConfig, ModelConfig, RunConfig, WarmstartConfig, as_yaml
from rlad.config.rules import bare_problems, model_config, packs_by_positions, reads_no_mask, trains
from rlad.players.gpus import GPUS
from rlad.players.roles import playing
from rlad.players.shapes import model_shape, vector_parameters
from trainers.launching.engine_memory import engine_bytes, smallest_gpu
from trainers.launching.memory import (
    GB,
    PROMPT_TOKENS,
    checkpoint_bytes,
    exported_bytes,
    longest_sequences,
    memory,
    on_cpu,
    peak_bytes,
    rollout_rows,
    samples_apart,
)
from trainers.launching.nodes import Placement
from trainers.launching.scaling import costs
from trainers.launching.warm_memory import warm_peak

MODELLED = "H100"
"""The GPU whose data sheet the dry run takes."""


def division(config: RunConfig, placement: Placement) -> list[tuple[str, str]]:
    """How the sizes of the warm start and of one step divide over the ranks: (what, how much)."""
    step, warm, ranks = config.cotrain, config.warmstart, placement.ranks
    share = warm.batch // ranks
    bare = bare_problems(config) if step.abstractions else 0
    rows = [
        ("ranks", f"{ranks} on {placement.nodes} node{'s' if placement.nodes > 1 else ''}"),
        ("warm start, each step", f"{warm.batch} sequences = {share} on each rank, {_sizes(warm, share)}"),
        ("rows of the warm start", sharing(warm, config.base)),
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
        rows.append((f"{role}s of a rank", f"at most {count}, {kept}, {_sizes(step, count)}"))
        rows.append((f"rows of an update, {role}", sharing(step, config.players[role].model or config.base)))
    rows.append(("a solution is compared", compared(config)))
    if config.steering.active and (shape := model_shape(config.base, config)) is not None:
        count = vector_parameters(shape, config.steering)
        text = f"{count // shape.hidden} of {shape.hidden:,} numbers, {count:,} in all"
        rows.append(("steering vectors of a player", text))
    return rows


def compared(config: RunConfig) -> str:
    """With which solutions, itself among them, the reward of a solution is compared.

    >>> from rlad.config import load_config
    >>> compared(load_config(None, ["cotrain.solution_group=problem"]))
    "with its problem's 32"
    >>> compared(load_config(None, ["cotrain.adaptive.first=2", "solution.advantage=staged"]))
    "with its abstraction's 2, and further ones where they differ"
    """
    step = config.cotrain
    whole = not step.abstractions or step.solution_group == "problem"
    size, _ = playing(config)["solution"].group_size(config)
    further = ", and further ones where they differ" if step.adaptive.first else ""
    return f"with its {'problem' if whole else 'abstraction'}'s {size}{further}"


def sharing(step: CotrainConfig | WarmstartConfig, model: ModelConfig) -> str:
    """What the rows that a model learns from share, or why they cannot. Models that are not here are asked when they
    start.

    >>> sharing(RunConfig().cotrain, RunConfig().base)
    'share prompts, are packed, where fewer positions cost less'
    """
    asked = ["share prompts"] * step.share_prompts + ["are packed"] * step.packing
    facts = (model_config(model.path) if model.path else None) or {}
    facts |= {} if model.attention == "auto" else {"attn_implementation": model.attention}
    if not asked:
        return "plain, as configured"
    if step.packing and packs_by_positions(facts):
        return "end to end, without padding"
    reason = reads_no_mask(facts)
    return f"plain: {reason}" if reason else f"{', '.join(asked)}, where fewer positions cost less"


def _sizes(step: CotrainConfig | WarmstartConfig, rows: int) -> str:
    if step.micro_tokens:
        return f"micro-batches of at most {step.micro_tokens} positions"
    return f"{math.ceil(rows / step.micro_batch)} micro-batches of at most {step.micro_batch}"


def step_costs(config: RunConfig, ranks: int, lengths: dict[str, int] | None = None) -> list[str]:
    """What a rank sends in a step, and on GPUs the seconds of its parts, as lines; none for a single CPU rank."""
    on_gpus, gpu = not on_cpu(config), GPUS[MODELLED]
    found = costs(config, ranks, gpu, lengths)
    if found is None or (ranks == 1 and not on_gpus):
        return []
    lines = ["", f"A step of a rank, modelled on {MODELLED}s, not measured (docs/scaling.md)", "-" * 63]
    for role, one in found.items():
        seconds = f"writes {one.writing:.1f} s, learns {one.learning:.1f} s, " if on_gpus else ""
        waits = f" in {one.links + one.publishing:.1f} s" if on_gpus else ""
        sends = f"sends {one.update / GB:.3f} GB in updates and {one.publish / GB:.3f} GB to publish{waits}"
        lines.append(f"{role:28s} {seconds}{sends}")
    if on_gpus:
        lines.append(f"{'together':28s} {sum(one.seconds for one in found.values()):.1f} s")
    return lines


def engines_on_a_cpu(config: RunConfig) -> list[str]:
    """What vLLM's engines take of the machine's memory where ranks are on CPUs, as lines."""
    if config.engine.placement == "server":
        return ["vLLM's servers have memory of their own: on this machine it is taken beside the ranks'."]
    one = config.engine.placement == "lora" or config.cotrain.shared_weights or len(playing(config)) == 1
    lines = ["vLLM's engines are processes of their own, which never sleep on a CPU: they take machine memory beside"]
    where = "rank" if config.engine.placement == "colocated" else "node"
    lines.append(f"the ranks, {f'one for each {where}' if one else f'one for each player and {where}'}.")
    if (each := engine_bytes(config)) is not None:
        lines.append(f"{'one engine: weights, engine.kv_cache_gb':50s} {each / GB:9.3f} GB")
    return lines


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
        lines.append(f"{'peak (what has a colon takes turns)':50s} {peak_bytes(parts) / GB:9.3f} GB")
    if warm := warm_peak(config, placement.ranks, lengths):
        trained = "an adapter" if config.warmstart.lora else "all weights"
        lines.append(f"{f'a warm start by itself, of {trained}: peak':50s} {warm / GB:9.3f} GB")
    copied = checkpoint_bytes(config, placement.ranks)
    if copied is not None and not on_cpu(config):
        when = "until it is written" if config.cotrain.checkpoint_async else "while it is written"
        lines.append(f"{f'machine memory of a rank: a checkpoint, {when}':50s} {copied / GB:9.3f} GB")
        lines.append(f"{'beside it on rank 0: a player whole, at the end':50s} {exported_bytes(config) / GB:9.3f} GB")
    if not samples_apart(config):
        return "\n".join(lines + step_costs(config, placement.ranks, lengths))
    if parts is not None and (least := smallest_gpu(config, parts, lengths)):
        lines.append(f"{'smallest GPU, vLLM engines beside a rank included':50s} {least / GB:9.3f} GB")
    if on_cpu(config):
        lines += engines_on_a_cpu(config)
    elif config.engine.placement == "lora":
        lines.append("vLLM's engine is a process of its own on each node: the base, an adapter per player. Where every")
        lines.append(f"GPU has a rank, it keeps engine.memory_share={config.engine.memory_share} of the first one's.")
    else:
        each = "a rank's one" if config.cotrain.shared_weights else "each of a rank's two"
        lines.append(f"vLLM's engines are processes of their own. On the ranks' GPUs {each} takes")
        lines.append(f"engine.memory_share={config.engine.memory_share} of the GPU, and sleeps while its rank updates.")
    return "\n".join(lines + step_costs(config, placement.ranks, lengths))
