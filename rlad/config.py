"""The typed run configuration: every key that a YAML file or a `key=value` override may set.

A configuration is a tree of dataclasses. `load_config` merges a YAML file and overrides into it and refuses, in one
sentence, what cannot be run: an unknown key (naming the nearest), a wrong type, numbers that do not fit together.
Nothing here imports torch, so a bad configuration is refused before any model is touched.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Optional

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

WORLDS = ("induction", "countdown", "algebra")
SOURCES = (*WORLDS, "jsonl", "parquet", "hub")
ROLES = ("abstraction", "solution")


class ConfigError(ValueError):
    """The configuration cannot be run; the message is one plain sentence."""


@dataclass
class InductionConfig:
    examples: int = 1
    """Input-output examples shown in the question; fewer examples leave more rules possible."""
    depth: int = 1
    """Operations composed to make a rule: 1 = one operation of the family, 2 = a second applied to its result."""
    families: list[str] = field(default_factory=lambda: ["linear", "product", "minmax", "difference"])
    """Rule families: linear, product, minmax, difference."""
    max_input: int = 6
    """Inputs a, b are drawn from 1..max_input."""


@dataclass
class CountdownConfig:
    numbers: int = 4
    """How many numbers a problem gives (3, 4, 5 or 6)."""
    max_number: int = 10
    """Numbers are drawn from 1..max_number."""
    max_target: int = 60
    """Targets lie in 1..max_target."""


@dataclass
class AlgebraConfig:
    families: list[str] = field(default_factory=list)
    """Families to draw from; empty = all of them."""


@dataclass
class FieldNames:
    """Which columns of a file or hub dataset hold what."""

    question: str = "problem"
    answer: str = "answer"
    solution: str = "solution"
    """Optional worked solution, used by the warm start where a row has one."""
    abstraction: str = "abstraction"
    """Optional abstraction, used by the warm start where a row has one."""


@dataclass
class ProblemsConfig:
    source: str = "induction"
    """induction, countdown, algebra (generated worlds), or jsonl, parquet, hub (real data through `datasets`)."""
    train: int = 4096
    validation: int = 200
    test: int = 400
    """Problems per split; for files and hub datasets 0 = all rows."""
    seed: int = 0
    """Seed of the splits. Problems, unlike everything else, do not change with the run's own seed."""
    useless_share: float = 0.3
    """Share of a world's demonstrated proposals that are useless (wrong or irrelevant): RL has something to learn."""
    path: Optional[str] = None
    """Training file (jsonl, parquet) or dataset name (hub)."""
    validation_path: Optional[str] = None
    test_path: Optional[str] = None
    """Held-out files; without them, held-out rows are split off the training file by a hash of the question."""
    subset: Optional[str] = None
    hub_split: str = "train"
    fields: FieldNames = field(default_factory=FieldNames)
    induction: InductionConfig = field(default_factory=InductionConfig)
    countdown: CountdownConfig = field(default_factory=CountdownConfig)
    algebra: AlgebraConfig = field(default_factory=AlgebraConfig)


@dataclass
class ModelConfig:
    path: Optional[str] = None
    """A Hugging Face causal LM by folder or name; None = a tiny Qwen3-architecture model of the sizes below."""
    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    intermediate_size: int = 384
    max_positions: int = 256
    dtype: str = "float32"
    """float32, bfloat16 or float16: the dtype in which the model is held and rolled out."""
    gradient_checkpointing: bool = False
    trust_remote_code: bool = False


@dataclass
class PlayerConfig:
    """One player: what it is, how it samples, how it learns."""

    model: Optional[ModelConfig] = None
    """None = a copy of the base; set it to give this player a different model."""
    temperature: float = 1.0
    """Sampling temperature of training rollouts; the loss uses the same one."""
    max_new_tokens: int = 48
    lr: float = 1e-4
    min_lr_ratio: float = 1.0
    """The rate falls linearly to this share of itself at the last step; 1 = constant."""
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.95
    max_grad_norm: float = 1.0
    loss: str = "ppo_clip"
    """Name in the registry trainers/losses."""
    clip_low: float = 0.2
    clip_high: float = 0.28
    """The ratio is clipped to [1 - clip_low, 1 + clip_high]; clip_high > clip_low is clip-higher (DAPO)."""
    dual_clip: Optional[float] = 3.0
    """For negative advantages the loss is bounded at dual_clip * |A|; None = off."""
    advantage: str = "mean"
    """mean (centred), std (centred and divided by the group's standard deviation) or rloo (leave-one-out baseline)."""
    aggregation: str = "token-mean"
    """token-mean, sequence-mean, prompt-mean or constant: how per-token losses become one number."""
    kl: float = 0.05
    """Coefficient of the KL loss to the frozen reference (the warm-started base)."""
    kl_estimator: str = "k3"
    """k1, k2 or k3 (as a loss; k3 is the usual one)."""
    entropy: float = 0.0
    """Coefficient of the entropy bonus."""
    entropy_target: Optional[float] = None
    """Nats per token. When set, the coefficient adapts: it grows by entropy_step while entropy is below the target."""
    entropy_step: float = 1e-3
    entropy_max: float = 0.05


@dataclass
class MixtureConfig:
    """Relative shares of the warm start's three tasks (and of the one-pass task, for that baseline)."""

    plain: float = 0.3
    propose: float = 0.3
    guided: float = 0.4
    one_pass: float = 0.0


@dataclass
class WarmstartConfig:
    steps: int = 600
    batch: int = 128
    """Sequences per optimiser step over all ranks."""
    micro_batch: int = 64
    """Sequences per forward on one rank."""
    lr: float = 3e-3
    warmup: int = 30
    """Steps of linear warm-up; the rate then falls to min_lr_ratio of its peak along a cosine."""
    min_lr_ratio: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    role_steps: int = 0
    """Optional further fine-tuning of each player on its own tasks after the shared base."""
    log_every: int = 20


@dataclass
class BareConfig:
    """Prompts without an abstraction: zero reward, live KL anchor (RLAD 2510.02263)."""

    share: float = 0.125
    """Share of each step's problems that stay bare."""
    solutions: int = 8
    """Solutions per bare problem."""
    baseline_samples: int = 0
    """Bare solutions per non-bare problem, only to estimate the baseline b(x); needed by subtract_bare."""


@dataclass
class GateConfig:
    """The leak gate: an abstraction that gives the answer away earns a fixed penalty."""

    enabled: bool = True
    penalty: float = -0.2


@dataclass
class ScheduleConfig:
    kind: str = "simultaneous"
    """simultaneous, alternating or frozen."""
    abstraction_steps: int = 10
    solution_steps: int = 10
    """Lengths of the two phases of an alternating schedule."""
    train: str = "solution"
    """frozen: the one player that learns; its partner stands still."""


@dataclass
class CotrainConfig:
    steps: int = 100
    max_tokens: int = 0
    """Stop after the step in which the generated tokens of all ranks reach this; 0 = no limit but `steps`."""
    problems: int = 16
    """Problems per step over all ranks (a multiple of the ranks)."""
    abstractions: int = 8
    """n: abstractions per problem; 0 trains the solver alone on plain prompts."""
    solutions: int = 4
    """m: solutions per (problem, abstraction); with abstractions=0, solutions per problem."""
    one_pass: bool = False
    """With abstractions=0: the solver writes abstraction and solution in one pass (a baseline)."""
    proposals: str = "distinct"
    """distinct (drawn until n different ones or the draws are used up) or iid."""
    draws: int = 16
    """Proposals drawn per problem when proposals=distinct; duplicates are solved once and counted."""
    bare: BareConfig = field(default_factory=BareConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    subtract_bare: bool = False
    """Subtract the estimated bare accuracy b(x) from the abstraction's reward."""
    set_credit: float = 0.0
    """lambda in (1-lambda) * p_i + lambda * c_i, where c_i is the leave-one-out contribution to the set's coverage."""
    adherence: bool = False
    """Reward a solution only when it also follows its abstraction (worlds can check this)."""
    solution_group: str = "abstraction"
    """abstraction (compare inside one abstraction, G1) or problem (across all solutions of a problem, G2)."""
    drop_constant_groups: bool = True
    """Leave groups without reward variance out of the policy gradient; KL anchors on bare prompts always stay."""
    updates_per_rollout: int = 1
    micro_batch: int = 64
    """Sequences per forward on one rank."""
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    checkpoint_every: int = 25
    keep_checkpoints: int = 2
    validate_every: int = 0
    """Steps between measurements on the validation problems, in metrics.jsonl; 0 = none."""
    parity_threshold: float = 1e-3
    """Abort when mean |logp_trainer - logp_engine| on the probe batch exceeds this (nats)."""
    samples_every: int = 10
    """Write one readable tree to samples.jsonl every so many steps."""


@dataclass
class EngineConfig:
    kind: str = "transformers"
    """transformers or vllm."""
    max_batch: int = 512
    """Rows decoded together on one rank."""


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
class RunConfig:
    name: str = "run"
    """The run folder is runs_dir/name."""
    runs_dir: str = "runs"
    seed: int = 0
    problems: ProblemsConfig = field(default_factory=ProblemsConfig)
    base: ModelConfig = field(default_factory=ModelConfig)
    """The base both players (and all baselines) start from."""
    abstraction: PlayerConfig = field(default_factory=lambda: PlayerConfig(max_new_tokens=16))
    solution: PlayerConfig = field(default_factory=PlayerConfig)
    warmstart: WarmstartConfig = field(default_factory=WarmstartConfig)
    cotrain: CotrainConfig = field(default_factory=CotrainConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    verifier: VerifierConfig = field(default_factory=VerifierConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)
    launch: LaunchConfig = field(default_factory=LaunchConfig)
    zero: ZeroConfig = field(default_factory=ZeroConfig)


def known_keys(node: Any = RunConfig, prefix: str = "") -> list[str]:
    """All dotted keys of the schema, e.g. `cotrain.bare.share`."""
    keys = []
    instance = node() if isinstance(node, type) else node
    for item in fields(instance):
        keys.append(name := f"{prefix}{item.name}")
        value = getattr(instance, item.name) or (ModelConfig() if item.name == "model" else None)
        if is_dataclass(value):
            keys.extend(known_keys(value, f"{name}."))
    return keys


def _check_known(tree: Any, prefix: str = "") -> None:
    known = set(known_keys())
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
            raise ConfigError(f"Unknown configuration key '{name}'; the nearest known key is '{near[0]}'.")
        if isinstance(value, dict):
            _check_known(value, f"{name}.")
        elif any(key.startswith(f"{name}.") for key in known) and not (value is None and name.endswith(".model")):
            raise ConfigError(f"'{name}' is a section with keys of its own, so it cannot be '{value}'.")


def read_yaml(path: str | Path) -> Any:
    """A YAML file as OmegaConf node. Raises ConfigError when it is missing or no YAML."""
    if not Path(path).is_file():
        raise ConfigError(f"There is no configuration file '{path}'.")
    try:
        return OmegaConf.load(path)
    except Exception as error:  # the YAML library's errors share no base with OmegaConf's
        raise ConfigError(f"'{path}' is not valid YAML: {str(error).splitlines()[0]}.") from error


def load_config(path: str | Path | None, overrides: list[str] | tuple[str, ...] = ()) -> RunConfig:
    """Reads a YAML file (None = defaults), applies `key=value` overrides, validates.

    Raises ConfigError with one plain sentence for a missing file, unknown key, wrong type or impossible combination.
    """
    tree = OmegaConf.create({}) if path is None else read_yaml(path)
    if not OmegaConf.is_dict(tree):
        raise ConfigError(f"'{path}' must hold a mapping of keys to values.")
    for item in overrides:
        if "=" not in item:
            raise ConfigError(f"Overrides are written key=value; '{item}' is not.")
        try:
            tree = OmegaConf.merge(tree, OmegaConf.from_dotlist([item]))
        except (YAMLError, OmegaConfBaseException) as error:
            raise ConfigError(f"The value of '{item}' cannot be read.") from error
    _check_known(OmegaConf.to_container(tree))
    try:
        merged = OmegaConf.merge(OmegaConf.structured(RunConfig), tree)
        config: RunConfig = OmegaConf.to_object(merged)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise ConfigError(f"Wrong type for '{error.full_key}': {str(error).splitlines()[0].rstrip('.')}.") from error
    from rlad.validation import validate

    validate(config)
    return config


def save_config(config: RunConfig, path: str | Path) -> None:
    """Writes the resolved configuration as YAML."""
    Path(path).write_text(OmegaConf.to_yaml(OmegaConf.structured(config)))
