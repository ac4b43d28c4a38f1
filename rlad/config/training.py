"""Keys of `warmstart` and `cotrain`: how the two players learn together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from rlad.config.rewards import (
    CritiqueConfig,
    DiversityConfig,
    EffectiveRankConfig,
    HillConfig,
    R3Config,
    RlcrConfig,
)


@dataclass
class MixtureConfig:
    """Relative shares of the warm start's three tasks (and of the one-pass task, for that baseline)."""

    plain: float = 0.3
    propose: float = 0.3
    guided: float = 0.4
    one_pass: float = 0.0
    critique: float = 0.0
    """Critique fine-tuning (2501.17703): (problem, attempt) -> critique."""
    refine: float = 0.0
    """(problem, attempt, critique) -> solution."""


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
    """simultaneous, alternating (one learns while the other stands still), rates (both learn, one of them at a small
    rate) or frozen."""
    abstraction_steps: int = 10
    solution_steps: int = 10
    """Lengths of the two phases of an alternating schedule or of alternating rates."""
    train: str = "solution"
    """frozen: the one player that learns; its partner stands still."""
    low_rate: float = 2e-4
    """rates: the resting player's share of its learning rate (MetaAgent-X: 1e-9 of 5e-6)."""
    lag: int = 0
    """Abstractions are paid by a snapshot of the solver, renewed every so many steps; 0 = by the solver itself."""


@dataclass
class RftConfig:
    """Offline rejection fine-tuning of the abstraction player, before step 1 and again every so many steps."""

    every: int = 0
    """Steps between two such phases; 0 = none."""
    problems: int = 64
    """Problems per phase over all ranks."""
    abstractions: int = 4
    """K: abstractions sampled per problem."""
    solutions: int = 8
    """M: solutions with each, and as many without, for the success that an abstraction must beat."""
    margin: float = 0.125
    """By how much it must beat it; 0 (as published) keeps useless abstractions by luck, 40 % of them at M = 8."""
    epochs: int = 3
    batch: int = 32
    lr: float = 1e-5


@dataclass
class BroadenConfig:
    """Supervised steps on diverse demonstrations between RL phases: RL narrows, fine-tuning widens (2509.21128)."""

    every: int = 0
    """RL steps between two such phases; 0 = none."""
    problems: int = 64
    """Problems per phase over all ranks."""
    draws: int = 8
    """Demonstrated abstractions drawn per problem; the different ones weigh the same."""
    epochs: int = 1
    batch: int = 32
    lr: float = 1e-5


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
    rlcr: RlcrConfig = field(default_factory=RlcrConfig)
    hill: HillConfig = field(default_factory=HillConfig)
    r3: R3Config = field(default_factory=R3Config)
    diversity: DiversityConfig = field(default_factory=DiversityConfig)
    effective_rank: EffectiveRankConfig = field(default_factory=EffectiveRankConfig)
    critique: CritiqueConfig = field(default_factory=CritiqueConfig)
    solution_group: str = "abstraction"
    """abstraction (compare inside one abstraction, G1) or problem (across all solutions of a problem, G2)."""
    drop_constant_groups: bool = True
    """Leave groups without reward variance out of the policy gradient; KL anchors on bare prompts always stay."""
    refills: int = 0
    """DAPO's dynamic sampling: most rounds of further problems in place of those that all or no solutions solve."""
    retire_above: Optional[float] = None
    """ScaleRL: problems solved at least this often so far are not drawn again; None = all stay."""
    updates_per_rollout: int = 1
    micro_batch: int = 64
    """Sequences per forward on one rank."""
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    rft: RftConfig = field(default_factory=RftConfig)
    broaden: BroadenConfig = field(default_factory=BroadenConfig)
    checkpoint_every: int = 25
    keep_checkpoints: int = 2
    validate_every: int = 0
    """Steps between measurements on the validation problems, in metrics.jsonl; 0 = none."""
    parity_threshold: float = 1e-3
    """Abort when mean |logp_trainer - logp_engine| on the probe batch exceeds this (nats)."""
    samples_every: int = 10
    """Write one readable tree to samples.jsonl every so many steps."""
