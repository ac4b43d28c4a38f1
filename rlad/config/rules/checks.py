"""The rules, in the order in which they are checked."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from rlad.config import ROLES, ConfigError, RunConfig, registry
from rlad.config.phases import STAGES
from rlad.config.rules.curriculum import check_curriculum
from rlad.config.rules.fields import check_fields
from rlad.config.rules.groups import check_adaptive, check_division, check_groups, check_solver_alone
from rlad.config.rules.learning import check_learning
from rlad.config.rules.methods import check_methods
from rlad.config.rules.models import check_lora, check_model, check_thinking, models
from rlad.config.rules.overlap import check_overlap
from rlad.config.rules.selecting import require_scores
from rlad.config.rules.served import check_served_sweep
from rlad.config.rules.serving import check_serving
from rlad.config.rules.shared import check_shared
from rlad.config.rules.steering import check_steering

CPU_HEADS = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""Head sizes of the attention in vLLM's CPU build (0.32)."""


def validate(config: RunConfig) -> None:
    """Raises ConfigError with one plain sentence for the first rule that the configuration breaks."""
    check_fields(config)
    for name, model in models(config):
        check_model(name, model, config)
    check_lora(config)
    check_thinking(config)
    check_steering(config)
    _check_run_folder(config)
    _check_stages(config)
    _check_problems(config)
    check_division(config)
    _check_warmstart(config)
    check_groups(config)
    check_adaptive(config)
    check_solver_alone(config)
    check_methods(config)
    check_shared(config)
    check_curriculum(config)
    _check_track(config)
    check_learning(config)
    check_overlap(config)
    _check_instruments(config)
    _check_sweep(config)
    _check_engine(config)
    check_own(config, "engine")
    check_own(config, "serving")
    check_serving(config)


def _check_run_folder(config: RunConfig) -> None:
    if not config.name or "/" in config.name or config.name in (".", ".."):
        raise ConfigError(f"name='{config.name}' cannot name a run folder; use letters, digits, '-' and '_'.")


def _check_stages(config: RunConfig) -> None:
    if config.stages != [stage for stage in STAGES if stage in config.stages]:
        raise ConfigError(f"stages={config.stages} must be in this order, each once: {', '.join(STAGES)}.")
    if "curriculum" in config.stages and not config.curriculum.active:
        raise ConfigError("stages has the curriculum, but training would not read it; set curriculum.bands.")


def _check_problems(config: RunConfig) -> None:
    problems = config.problems
    if problems.generated:
        for split in ("train", "test"):
            if getattr(problems, split) == 0 and problems.held_out(split) is None:
                raise ConfigError(f"problems.{split}=0 asks a generated world for no problems; give a number.")
        check_own(config, "problems")
        return
    if problems.path is None:
        raise ConfigError(f"problems.source={problems.source} needs problems.path.")
    if not problems.fields.question or not problems.fields.answer:
        raise ConfigError("problems.fields.question and problems.fields.answer must name a column each.")


def check_own(config: RunConfig, section: str) -> None:
    """What the methods that a section names say of the configuration themselves."""
    for _, name, kind in getattr(config, section).named():
        if check := kind[name].check:
            check(config, section)


def _check_warmstart(config: RunConfig) -> None:
    shares = config.warmstart.mixture.shares()
    if not any(shares.values()):
        raise ConfigError("warmstart.mixture is all zero; give at least one task a share.")
    roles = [registry.role[name].call for name in dict.fromkeys([*ROLES, *config.roles])]
    known = [task for one in roles for task in one.tasks]
    for task, share in shares.items():
        if share < 0:
            raise ConfigError(f"warmstart.mixture.others.{task}={share} is out of range; it must be at least 0.")
        if share and task not in known:
            raise ConfigError(
                f"warmstart.mixture shows the task '{task}', but no player of this run has it; see roles."
            )
    if config.warmstart.warmup >= config.warmstart.steps:
        raise ConfigError(
            f"warmstart.warmup={config.warmstart.warmup} must be less than warmstart.steps={config.warmstart.steps}."
        )


def _check_sweep(config: RunConfig) -> None:
    sweep = config.sweep
    for cell in sweep.grid:
        if len(cell) != 2 or min(cell) < 1:
            raise ConfigError(f"sweep.grid holds {list(cell)}; every cell is [n, m] with n and m at least 1.")
    if len(sweep.guided_temperatures) > 1 and config.problems.generated and not config.problems.validation:
        raise ConfigError("sweep.guided_temperatures are chosen on the validation problems; set problems.validation.")
    if sweep.joint and config.problems.generated and config.base.path is None:
        shown = config.warmstart.mixture.propose_set or config.cotrain.proposals == "joint"
        if not shown:
            raise ConfigError(
                "sweep.joint asks for lists of abstractions, which this run's warm start does not show: "
                "set warmstart.mixture.propose_set above 0 for the run."
            )
    if sweep.decoding and config.engine.kind not in ("transformers", "auto"):
        raise ConfigError(
            f"sweep.decoding works on the transformers sampler, not on engine.kind={config.engine.kind}; sweep with "
            "engine.kind=transformers."
        )
    check_own(config, "sweep")
    check_served_sweep(config)
    require_scores(config, "sweep.select", sweep.select)


def _check_engine(config: RunConfig) -> None:
    engine = config.engine
    if engine.kind == "transformers" or (engine.kind == "auto" and config.launch.device == "cpu"):
        return
    own_gpu = engine.placement in ("auto", "colocated")
    if engine.tensor_parallel > 1 and own_gpu:
        raise ConfigError(
            f"engine.tensor_parallel={engine.tensor_parallel} does not fit engine.placement={engine.placement}, where "
            "an engine has its rank's one GPU; use engine.placement=shared or server."
        )
    if engine.tensor_parallel > 1 and config.launch.device == "cpu":
        raise ConfigError("engine.tensor_parallel is the number of GPUs per engine; launch.device=cpu leaves it at 1.")
    if own_gpu and config.cotrain.abstractions and not config.cotrain.shared_weights and engine.memory_share >= 0.5:
        raise ConfigError(
            f"engine.memory_share={engine.memory_share} is the share of one engine, but two want the memory of each "
            "GPU; use less than 0.5."
        )
    for name, model in models(config):
        head = model.hidden_size // model.heads
        if model.path is None and head not in CPU_HEADS and engine.kind == "vllm" and config.launch.device != "cuda":
            raise ConfigError(
                f"{name}.hidden_size={model.hidden_size} and {name}.heads={model.heads} make heads of {head}; "
                f"vLLM's attention on CPUs wants {', '.join(map(str, CPU_HEADS))}."
            )
    _check_servers(config)


def _check_servers(config: RunConfig) -> None:
    engine = config.engine
    urls = {role: getattr(engine, f"{role}_urls") for role in ROLES}
    named = [role for role in ROLES if urls[role]]
    if engine.placement != "server":
        for role in named:
            raise ConfigError(f"engine.{role}_urls names servers, which needs engine.placement=server.")
        if engine.weights_folder is not None:
            raise ConfigError("engine.weights_folder is read by servers only; set engine.placement=server.")
    for role in named:
        for url in urls[role]:
            if not url.startswith(("http://", "https://")):
                raise ConfigError(f"engine.{role}_urls holds '{url}'; an address must begin with http:// or https://.")
    playing = ROLES if config.cotrain.abstractions else ("solution",)
    for role in playing:
        if named and role not in named:
            raise ConfigError(f"engine.{role}_urls is empty, but the other player's servers are named; name both.")


def _check_track(config: RunConfig) -> None:
    if config.track.wandb is not None and importlib.util.find_spec("wandb") is None:
        raise ConfigError("track.wandb needs Weights & Biases; run ./launch.sh setup --with track.")


def _check_instruments(config: RunConfig) -> None:
    every, rank_every, embedder = config.instruments.every, config.instruments.rank_every, config.instruments.embedder
    if every and rank_every % every:
        raise ConfigError(
            f"instruments.rank_every={rank_every} must be a multiple of instruments.every={every}, or 0 for never."
        )
    if embedder is not None and not (Path(embedder) / "config.json").is_file():
        raise ConfigError(
            f"There is no sentence encoder in '{embedder}' (instruments.embedder); name the folder of a Hugging Face "
            "model, or leave the key out to use TF-IDF."
        )
