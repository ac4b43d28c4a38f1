"""Which configurations make sense: the rules behind `load_config`.

Every rule ends in one plain sentence (ConfigError). The rules are split by what they look at: numbers out of range,
names nobody knows, numbers that do not fit together, model folders that are not complete. Data files are read by
rlad/problems, which says what is wrong with them. Nothing here imports torch.

What must divide, and what need not:

- `cotrain.problems` and `warmstart.batch` by the ranks, because a problem with its n abstractions and n*m solutions
  stays on one rank (no group is ever split).
- Micro-batches need not divide anything: every rank's plan is padded with zero-weight rows to the longest one.
"""

from __future__ import annotations

import difflib
import math
from pathlib import Path

from rlad.config import ROLES, SOURCES, WORLDS, ConfigError, InductionConfig, ModelConfig, PlayerConfig, RunConfig

LOSSES = ("ppo_clip",)
"""Names in the registry trainers/losses (not imported: rlad knows nothing of training; a test keeps the two equal)."""
INDUCTION_FAMILIES = ("linear", "product", "minmax", "difference")

_NAMES: dict[str, tuple[str, ...]] = {
    "problems.source": SOURCES,
    "cotrain.proposals": ("distinct", "iid"),
    "cotrain.solution_group": ("abstraction", "problem"),
    "cotrain.schedule.kind": ("simultaneous", "alternating", "frozen"),
    "cotrain.schedule.train": ROLES,
    "launch.device": ("auto", "cpu", "cuda"),
}
_PLAYER_NAMES: dict[str, tuple[str, ...]] = {
    "loss": LOSSES,
    "advantage": ("mean", "std", "rloo"),
    "aggregation": ("token-mean", "sequence-mean", "prompt-mean", "constant"),
    "kl_estimator": ("k1", "k2", "k3"),
}
_MODEL_NAMES: dict[str, tuple[str, ...]] = {"dtype": ("float32", "bfloat16", "float16")}

_INF = math.inf
_TINY = 5e-324  # the smallest float above 0: "(0, ...]" written as a closed range

_RANGES: dict[str, tuple[float, float]] = {
    "problems.train": (0, _INF),
    "problems.validation": (0, _INF),
    "problems.test": (0, _INF),
    "problems.useless_share": (0, 1),
    "problems.induction.examples": (1, 16),
    "problems.induction.depth": (1, 2),
    "problems.induction.max_input": (1, 999),
    "problems.countdown.numbers": (3, 6),
    "problems.countdown.max_number": (2, 999),
    "problems.countdown.max_target": (1, 9999),
    "warmstart.steps": (1, _INF),
    "warmstart.batch": (1, _INF),
    "warmstart.micro_batch": (1, _INF),
    "warmstart.lr": (_TINY, 1),
    "warmstart.warmup": (0, _INF),
    "warmstart.min_lr_ratio": (0, 1),
    "warmstart.weight_decay": (0, 1),
    "warmstart.max_grad_norm": (_TINY, _INF),
    "warmstart.mixture.plain": (0, _INF),
    "warmstart.mixture.propose": (0, _INF),
    "warmstart.mixture.guided": (0, _INF),
    "warmstart.mixture.one_pass": (0, _INF),
    "warmstart.role_steps": (0, _INF),
    "warmstart.log_every": (1, _INF),
    "cotrain.steps": (1, _INF),
    "cotrain.max_tokens": (0, _INF),
    "cotrain.problems": (1, _INF),
    "cotrain.abstractions": (0, _INF),
    "cotrain.solutions": (1, _INF),
    "cotrain.draws": (1, _INF),
    "cotrain.bare.share": (0, 1),
    "cotrain.bare.solutions": (1, _INF),
    "cotrain.bare.baseline_samples": (0, _INF),
    "cotrain.gate.penalty": (-1, 0),
    "cotrain.set_credit": (0, 1),
    "cotrain.updates_per_rollout": (1, _INF),
    "cotrain.micro_batch": (1, _INF),
    "cotrain.schedule.abstraction_steps": (1, _INF),
    "cotrain.schedule.solution_steps": (1, _INF),
    "cotrain.checkpoint_every": (1, _INF),
    "cotrain.keep_checkpoints": (1, _INF),
    "cotrain.validate_every": (0, _INF),
    "cotrain.parity_threshold": (_TINY, _INF),
    "cotrain.samples_every": (1, _INF),
    "engine.max_batch": (1, _INF),
    "verifier.workers": (0, 256),
    "verifier.time_limit": (_TINY, _INF),
    "sweep.problems": (1, _INF),
    "sweep.plain_samples": (1, _INF),
    "sweep.propose_temperature": (_TINY, 10),
    "sweep.solve_temperature": (0, 10),
    "sweep.draw_factor": (1, 100),
    "sweep.iid_abstractions": (1, _INF),
    "sweep.iid_solutions": (1, _INF),
    "sweep.bootstrap": (1, _INF),
    "sweep.shard": (1, _INF),
    "launch.ranks": (1, 1024),
    "launch.threads_per_rank": (1, 1024),
    "launch.port": (0, 65535),
    "launch.timeout": (1, _INF),
    "zero.persistence_threshold": (0, _INF),
    "zero.bucket_size": (1, _INF),
}
_PLAYER_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (_TINY, 10),
    "max_new_tokens": (1, _INF),
    "lr": (0, 1),
    "weight_decay": (0, 1),
    "beta1": (0, 0.999999),
    "beta2": (0, 0.999999),
    "max_grad_norm": (_TINY, _INF),
    "min_lr_ratio": (0, 1),
    "clip_low": (_TINY, 1),
    "clip_high": (_TINY, _INF),
    "dual_clip": (1, _INF),
    "kl": (0, _INF),
    "entropy": (-_INF, _INF),
    "entropy_target": (0, _INF),
    "entropy_step": (_TINY, _INF),
    "entropy_max": (_TINY, _INF),
}
_MODEL_RANGES: dict[str, tuple[float, float]] = {
    "hidden_size": (8, _INF),
    "layers": (1, _INF),
    "heads": (1, _INF),
    "kv_heads": (1, _INF),
    "intermediate_size": (1, _INF),
    "max_positions": (8, _INF),
}

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


def validate(config: RunConfig) -> None:
    """Raises ConfigError with one plain sentence for the first rule that the configuration breaks."""
    _check_tables(config, "", _RANGES, _NAMES)
    for name, model in models(config):
        _check_tables(model, f"{name}.", _MODEL_RANGES, _MODEL_NAMES)
        _check_model(name, model, config)
    for role in ROLES:
        _check_tables(getattr(config, role), f"{role}.", _PLAYER_RANGES, _PLAYER_NAMES)
    _check_run_folder(config)
    _check_problems(config)
    _check_division(config)
    _check_warmstart(config)
    _check_groups(config)
    _check_solver_alone(config)
    _check_sweep(config)
    _check_engine(config)


def models(config: RunConfig) -> list[tuple[str, ModelConfig]]:
    """The models of a run by their dotted name: the base, and a player's own where it has one."""
    named = [("base", config.base)]
    for role in ROLES:
        player: PlayerConfig = getattr(config, role)
        if player.model is not None:
            named.append((f"{role}.model", player.model))
    return named


def require_name(key: str, value: str, known: tuple[str, ...]) -> None:
    """Raises ConfigError, naming the nearest known name, unless `value` is one of `known`."""
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1, cutoff=0.0)[0]
        raise ConfigError(f"{key}='{value}' is unknown; the nearest is '{near}' (known: {', '.join(known)}).")


def bare_problems(config: RunConfig) -> int:
    """How many of a step's problems stay bare, over all ranks: the share, rounded.

    >>> from rlad.config import RunConfig
    >>> bare_problems(RunConfig())  # 0.125 of 16
    2
    """
    return round(config.cotrain.bare.share * config.cotrain.problems)


def _check_tables(node: object, prefix: str, ranges: dict[str, tuple[float, float]], names: dict) -> None:
    for key, (low, high) in ranges.items():
        value = _lookup(node, key)
        if value is not None and not low <= value <= high:
            raise ConfigError(f"{prefix}{key}={value} is out of range; it must be {_describe(low, high)}.")
    for key, known in names.items():
        require_name(f"{prefix}{key}", _lookup(node, key), known)


def _lookup(node: object, dotted: str) -> object:
    for part in dotted.split("."):
        node = getattr(node, part)
    return node


def _describe(low: float, high: float) -> str:
    if low == -_INF:
        return "a finite number"
    floor = "above 0" if low == _TINY else f"at least {low:g}"
    return floor if high == _INF else f"{floor} and at most {high:g}"


def _check_run_folder(config: RunConfig) -> None:
    if not config.name or "/" in config.name or config.name in (".", ".."):
        raise ConfigError(f"name='{config.name}' cannot name a run folder; use letters, digits, '-' and '_'.")


def _check_model(name: str, model: ModelConfig, config: RunConfig) -> None:
    if model.dtype == "float16" and config.launch.device == "cpu":
        raise ConfigError(f"{name}.dtype=float16 does not train on a CPU; use float32 or bfloat16.")
    if model.path is not None:
        check_model_folder(f"{name}.path", model.path)
        return
    if model.hidden_size % model.heads or (model.hidden_size // model.heads) % 2:
        raise ConfigError(
            f"{name}.hidden_size={model.hidden_size} must be {name}.heads={model.heads} times an even head size."
        )
    if model.heads % model.kv_heads:
        raise ConfigError(
            f"{name}.kv_heads={model.kv_heads} must divide {name}.heads={model.heads} (grouped-query attention)."
        )
    answers = config.abstraction.max_new_tokens + config.solution.max_new_tokens
    if answers >= model.max_positions:
        raise ConfigError(
            f"{name}.max_positions={model.max_positions} leaves no room for a question beside an abstraction and a "
            f"solution of up to {answers} tokens (max_new_tokens of both players)."
        )


def check_model_folder(key: str, path: str) -> None:
    """Raises ConfigError when `path` is a local folder (or plainly meant to be one) that holds no complete model.

    A name like `Qwen/Qwen3-1.7B` that is no local folder is left to the model hub.
    """
    folder = Path(path).expanduser()
    if not folder.exists():
        if path.startswith(("/", ".", "~")) or path.count("/") > 1:
            raise ConfigError(f"There is no model folder '{path}' ({key}).")
        return
    if not folder.is_dir():
        raise ConfigError(f"{key}='{path}' must be a folder with a Hugging Face model, not a file.")
    if not (folder / "config.json").is_file():
        raise ConfigError(f"The model folder '{path}' ({key}) has no config.json.")
    if not any((folder / file).is_file() for file in _TOKENIZER_FILES):
        raise ConfigError(f"The model folder '{path}' ({key}) has no tokenizer (such as tokenizer.json).")
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("pytorch_model*.bin")):
        raise ConfigError(f"The model folder '{path}' ({key}) has no weights (such as model.safetensors).")


def _check_problems(config: RunConfig) -> None:
    problems = config.problems
    for family in problems.induction.families:
        require_name("problems.induction.families", family, INDUCTION_FAMILIES)
    if problems.source in WORLDS:
        for split in ("train", "test"):
            if getattr(problems, split) == 0:
                raise ConfigError(f"problems.{split}=0 asks a generated world for no problems; give a number.")
        if problems.source == "induction":
            _check_induction(problems.induction)
        return
    if problems.path is None:
        raise ConfigError(f"problems.source={problems.source} needs problems.path.")
    if not problems.fields.question or not problems.fields.answer:
        raise ConfigError("problems.fields.question and problems.fields.answer must name a column each.")


def _check_induction(world: InductionConfig) -> None:
    if not world.families:
        raise ConfigError("problems.induction.families is empty; name at least one family.")
    if world.max_input**2 <= world.examples:
        raise ConfigError(
            f"problems.induction.max_input={world.max_input} gives {world.max_input**2} pairs of inputs, but "
            f"{world.examples} examples and the query need one each."
        )


def _check_division(config: RunConfig) -> None:
    ranks, step = config.launch.ranks, config.cotrain
    check_ranks(config, ranks)
    if step.proposals == "distinct" and 0 < step.draws < step.abstractions:
        raise ConfigError(
            f"cotrain.draws={step.draws} cannot give cotrain.abstractions={step.abstractions} distinct proposals; "
            "draw at least as many."
        )


def check_ranks(config: RunConfig, ranks: int) -> None:
    """Raises ConfigError unless a step's problems and the warm start's batch divide over `ranks` (all nodes')."""
    step = config.cotrain
    if step.problems % ranks:
        tree = f"{step.problems} x {max(1, step.abstractions)} x {step.solutions}"
        raise ConfigError(
            f"cotrain.problems={step.problems} does not divide over {ranks} ranks: the step's {tree} solutions are "
            f"shared out by whole problems; use a multiple of {ranks}."
        )
    if config.warmstart.batch % ranks:
        raise ConfigError(
            f"warmstart.batch={config.warmstart.batch} does not divide over {ranks} ranks; use a multiple of {ranks}."
        )


def _check_warmstart(config: RunConfig) -> None:
    mixture = config.warmstart.mixture
    if mixture.plain + mixture.propose + mixture.guided + mixture.one_pass <= 0:
        raise ConfigError("warmstart.mixture is all zero; give at least one task a share.")
    if config.warmstart.warmup >= config.warmstart.steps:
        raise ConfigError(
            f"warmstart.warmup={config.warmstart.warmup} must be less than warmstart.steps={config.warmstart.steps}."
        )


def trains(config: RunConfig, role: str) -> bool:
    """Whether the schedule ever updates the player `role`."""
    schedule = config.cotrain.schedule
    return schedule.kind != "frozen" or schedule.train == role


def _check_groups(config: RunConfig) -> None:
    """Group-relative advantages need a group to be relative to."""
    step = config.cotrain
    if step.subtract_bare and step.bare.baseline_samples == 0:
        raise ConfigError("cotrain.subtract_bare needs cotrain.bare.baseline_samples above 0 to estimate b(x).")
    if step.abstractions == 0:
        if step.solutions < 2:
            raise ConfigError("cotrain.solutions=1 leaves nothing to compare a solution with; use at least 2.")
        return
    if bare_problems(config) >= step.problems:
        raise ConfigError(
            f"cotrain.bare.share={step.bare.share} of {step.problems} problems leaves none with an abstraction."
        )
    if step.abstractions == 1 and trains(config, "abstraction") and not step.subtract_bare:
        raise ConfigError(
            "cotrain.abstractions=1 leaves nothing to compare an abstraction with; use at least 2, "
            "or cotrain.subtract_bare=true."
        )
    group = step.solutions * (step.abstractions if step.solution_group == "problem" else 1)
    if group < 2 and trains(config, "solution"):
        raise ConfigError(
            "cotrain.solutions=1 leaves nothing to compare a solution with; use at least 2, "
            "or cotrain.solution_group=problem."
        )
    if step.adherence and config.problems.source not in WORLDS:
        raise ConfigError(
            f"cotrain.adherence can be checked in generated worlds only, not with problems.source="
            f"{config.problems.source}."
        )


def _check_solver_alone(config: RunConfig) -> None:
    step = config.cotrain
    if step.abstractions > 0:
        if step.one_pass:
            raise ConfigError("cotrain.one_pass needs cotrain.abstractions=0: one player writes both parts.")
        return
    schedule = step.schedule
    if schedule.kind == "alternating" or (schedule.kind == "frozen" and schedule.train == "abstraction"):
        raise ConfigError(
            f"cotrain.abstractions=0 leaves the abstraction player nothing to learn from, but the schedule "
            f"'{schedule.kind}' trains it; use cotrain.schedule.kind=simultaneous."
        )
    for key, used in (("set_credit", step.set_credit > 0), ("subtract_bare", step.subtract_bare)):
        if used:
            raise ConfigError(f"cotrain.{key} needs abstractions, but cotrain.abstractions=0.")
    if step.adherence and not step.one_pass:
        raise ConfigError("cotrain.adherence needs abstractions, but cotrain.abstractions=0.")


def _check_sweep(config: RunConfig) -> None:
    sweep = config.sweep
    for cell in sweep.grid:
        if len(cell) != 2 or min(cell) < 1:
            raise ConfigError(f"sweep.grid holds {list(cell)}; every cell is [n, m] with n and m at least 1.")
    if not sweep.plain_temperatures or not all(0 < value <= 10 for value in sweep.plain_temperatures):
        raise ConfigError("sweep.plain_temperatures must list at least one temperature above 0 and at most 10.")
    if not sweep.select:
        raise ConfigError("sweep.select is empty; name at least one selection rule.")
    from rlad.selection import RULES

    for name in sweep.select:
        require_name("sweep.select", name, tuple(sorted(RULES)))


def _check_engine(config: RunConfig) -> None:
    if config.engine.kind == "vllm":
        raise ConfigError("engine.kind=vllm comes with a later version; use engine.kind=transformers.")
    require_name("engine.kind", config.engine.kind, ("transformers",))
