"""Keys of `warmstart` and `cotrain`: how the two players learn together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from rlad.config.critique import CritiqueConfig
from rlad.config.registry import key


@dataclass
class MixtureConfig:
    """Relative shares of the warm start's three tasks (and of the one-pass task, for that baseline)."""

    plain: float = key(0.3, least=0)
    """Share of (problem) -> solution."""
    propose: float = key(0.3, least=0)
    """Share of (problem) -> abstraction."""
    propose_set: float = key(0.0, least=0)
    """Share of (problem) -> a list of different abstractions, for cotrain.proposals=joint."""
    guided: float = key(0.4, least=0)
    """Share of (problem, abstraction) -> solution."""
    one_pass: float = key(0.0, least=0)
    """Share of (problem) -> abstraction and solution in one text."""
    critique: float = key(0.0, least=0)
    """Critique fine-tuning (2501.17703): (problem, attempt) -> critique."""
    refine: float = key(0.0, least=0)
    """(problem, attempt, critique) -> solution."""
    select: float = key(0.0, least=0)
    """Share of (problem, answers) -> which of them is right, for a selector."""
    compare: float = key(0.0, least=0)
    """Share of (problem, two solutions) -> which of them is right, for a selector in rounds."""
    compare_all: float = key(0.0, least=0)
    """Share of (problem, a solution of each answer) -> which of them is right, for cotrain.selector_solutions."""
    others: dict[str, float] = key(factory=dict)
    """Shares of tasks that roles from outside the project bring, by name of the task."""

    def shares(self) -> dict[str, float]:
        """Every task with its share."""
        own = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "others"}
        return own | self.others

    def only(self, tasks: Sequence[str]) -> MixtureConfig:
        """The same shares of some tasks, and none of the others."""
        kept = {name: share if name in tasks else 0.0 for name, share in self.shares().items()}
        others = {name: kept.pop(name) for name in self.others}
        return MixtureConfig(**kept, others=others)


@dataclass
class WarmstartConfig:
    dropout: bool = False
    """Whether the warm start keeps the dropout that a loaded model asks for. Co-training is always without: its
    samplers have none."""
    lora: bool = False
    """Whether an adapter of the `lora` section learns beside a frozen `base.path`, in place of all weights; the base
    from which players start has it merged."""
    steps: int = key(600, least=1)
    """Optimiser steps of the shared base."""
    batch: int = key(128, least=1)
    """Sequences per optimiser step over all ranks."""
    micro_batch: int = key(64, least=1)
    """Sequences per forward on one rank."""
    micro_tokens: int = key(0, least=0)
    """Positions per forward instead, padding included; rows are then dealt over the ranks by length. 0 = `micro_batch`
    rows."""
    share_prompts: bool = False
    """Whether a prompt is computed once for several of a step's demonstrations, where that is cheaper."""
    packing: bool = False
    """Whether demonstrations of unlike prompts share a row, under a block-diagonal mask, where that is cheaper by
    counted positions than padding them. The same loss and gradient, rounded otherwise."""
    lr: float = key(3e-3, above=0, most=1)
    """Peak learning rate."""
    warmup: int = key(30, least=0)
    """Steps of linear warm-up; the rate then falls to min_lr_ratio of its peak along a cosine."""
    min_lr_ratio: float = key(0.1, least=0, most=1)
    """The rate at the end, as a share of its peak."""
    weight_decay: float = key(0.01, least=0, most=1)
    """Decoupled weight decay of AdamW."""
    max_grad_norm: float = key(1.0, above=0)
    """Gradients are cut to this norm."""
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    path: str | None = None
    """A JSONL file of demonstrations, by the columns of `problems.fields`, that takes the place of a world's own; the
    tokenizer stays the world's. Whether its questions are those of held-out problems, nobody checks."""
    role_steps: int = key(0, least=0)
    """Optional further fine-tuning of each player on its own tasks after the shared base."""
    log_every: int = key(20, least=1)
    """Steps between two lines of warmstart.jsonl."""
    checkpoint_every: int = key(0, least=0)
    """Steps between checkpoints, from which a warm start that was killed goes on; 0 = none, it begins again."""


@dataclass
class BareConfig:
    """Prompts without an abstraction: zero reward, live KL anchor (RLAD 2510.02263)."""

    share: float = key(0.125, least=0, most=1)
    """Share of each step's problems that stay bare."""
    solutions: int = key(8, least=1)
    """Solutions per bare problem."""
    paid: bool = False
    """Whether bare solutions, baseline samples too, earn what they deserve and are learnt from, as in HiLL, NudgeRL and
    POPE; false = RLAD's zero reward."""
    baseline_samples: int = key(0, least=0)
    """Bare solutions per non-bare problem, only to estimate the baseline b(x); needed by subtract_bare."""


@dataclass
class GateConfig:
    """The leak gate: an abstraction that gives the answer away earns a fixed penalty."""

    enabled: bool = True
    """Whether leaks are looked for; without the gate they are solved with like any other abstraction."""
    penalty: float = key(-0.2, least=-1, most=0)
    """What a leak, an empty or an unfinished abstraction earns."""


@dataclass
class ScheduleConfig:
    kind: str = key("simultaneous", one_of=("simultaneous", "alternating", "rates", "frozen"))
    """simultaneous, alternating (one learns while the other stands still), rates (both learn, one of them at a small
    rate) or frozen."""
    abstraction_steps: int = key(10, least=1)
    """Steps of the abstraction player's turn in an alternating schedule or with alternating rates."""
    solution_steps: int = key(10, least=1)
    """Steps of the solution player's turn in an alternating schedule or with alternating rates."""
    train: str = key("solution", one_of=("abstraction", "solution"))
    """frozen: the one player that learns; the other stands still."""
    low_rate: float = key(2e-4, least=0, most=1)
    """rates: the resting player's share of its learning rate (MetaAgent-X: 1e-9 of 5e-6)."""
    lag: int = key(0, least=0)
    """Abstractions are paid by a snapshot of the solver, renewed every so many steps; 0 = by the solver itself."""


@dataclass
class RftConfig:
    """Offline rejection fine-tuning of the abstraction player, before step 1 and again every so many steps."""

    every: int = key(0, least=0)
    """Steps between two such phases; 0 = none."""
    problems: int = key(64, least=1)
    """Problems per phase over all ranks."""
    abstractions: int = key(4, least=1)
    """K: abstractions sampled per problem."""
    solutions: int = key(8, least=1)
    """M: solutions with each, and as many without, for the success that an abstraction must beat."""
    margin: float = key(0.125, least=0, below=1)
    """By how much it must beat it; 0 (as published) keeps useless abstractions by luck, 40 % of them at M = 8."""
    epochs: int = key(3, least=1)
    """Passes over a phase's kept texts."""
    batch: int = key(32, least=1)
    """Sequences per optimiser step over all ranks."""
    lr: float = key(1e-5, above=0, most=1)
    """Learning rate of the phase."""


@dataclass
class SftPhaseConfig:
    """Supervised steps on diverse demonstrations between RL phases: RL narrows, fine-tuning widens (2509.21128)."""

    every: int = key(0, least=0)
    """RL steps between two such phases; 0 = none."""
    problems: int = key(64, least=1)
    """Problems per phase over all ranks."""
    draws: int = key(8, least=1)
    """Demonstrated abstractions drawn per problem; the different ones weigh the same."""
    epochs: int = key(1, least=1)
    """Passes over a phase's demonstrations."""
    batch: int = key(32, least=1)
    """Sequences per optimiser step over all ranks."""
    lr: float = key(1e-5, above=0, most=1)
    """Learning rate of the phase."""


@dataclass
class AdaptiveConfig:
    """More solutions where outcomes are uncertain, none more where they are settled (docs/teaching.md)."""

    first: int = key(0, least=0)
    """Solutions of each abstraction (or problem, without abstractions) in a first round; what is left of
    cotrain.solutions then goes, over all groups of a rank, where pass rates are least certain; 0 = m for each."""
    most: int = key(16, least=2)
    """Most solutions that one abstraction gets in both rounds."""
    prior: float = key(0.5, above=0)
    """Right and wrong solutions that a group is taken to have had before: small = most groups are all right or all
    wrong, so two alike settle one."""


@dataclass
class CotrainConfig:
    steps: int = key(100, least=1)
    """Co-training steps: rollout, credit, update."""
    max_tokens: int = key(0, least=0)
    """Stop after the step in which the generated tokens of all ranks reach this; 0 = no limit but `steps`."""
    problems: int = key(16, least=1)
    """Problems per step over all ranks (a multiple of the ranks)."""
    abstractions: int = key(8, least=0)
    """n: abstractions per problem; 0 trains the solver alone on plain prompts."""
    solutions: int = key(4, least=1)
    """m: solutions per (problem, abstraction); with abstractions=0, solutions per problem."""
    selections: int = key(4, least=1)
    """Texts that a role which reads judged trees, such as the selector, writes about each of them."""
    selector_rounds: int = key(0, least=0, most=16)
    """Swiss rounds in which a selector compares two solutions at a time; 0 = it reads all answers of a tree at once."""
    selector_solutions: bool = False
    """Whether a selector that reads all answers of a tree at once is shown a solution of each instead of the answers
    alone: much longer prompts (base.max_positions)."""
    selector_easy: float | None = key(None, least=0)
    """Trees whose most frequent answer is right that a selector is asked about, for each one whose most frequent answer
    is wrong although a right one was given; None = all trees with two answers or more."""
    one_pass: bool = False
    """With abstractions=0: the solver writes abstraction and solution in one pass (a baseline)."""
    proposals: str = key("distinct", one_of=("distinct", "iid", "joint", "reference"))
    """distinct (drawn until n different ones or the draws are used up), iid, joint: one text lists n different ones,
    each written in view of those before it, of at most n x abstraction.max_new_tokens tokens; or reference: nobody
    proposes, and the n first parts of the problem's worked solution stand in (POPE)."""
    draws: int = key(16, least=1)
    """Proposals drawn per problem when proposals=distinct; duplicates are solved once and counted."""
    check_proposals: int = key(32, least=0)
    """Proposals drawn before step 1, and thrown away, to see how many abstraction.max_new_tokens cuts: a run of which
    it cuts all is refused; 0 = none."""
    bare: BareConfig = field(default_factory=BareConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    subtract_bare: bool = False
    """Subtract the estimated bare accuracy b(x) from the abstraction's reward."""
    set_credit: float = key(0.0, least=0, most=1)
    """lambda in (1-lambda) * p_i + lambda * c_i, where c_i is the leave-one-out contribution to the set's coverage."""
    adherence: bool = False
    """Reward a solution only when it also follows its abstraction (worlds can check this)."""
    critique: CritiqueConfig = field(default_factory=CritiqueConfig)
    solution_group: str = key("abstraction", one_of=("abstraction", "problem"))
    """abstraction (compare inside one abstraction, G1) or problem (across all solutions of a problem, G2)."""
    adaptive: AdaptiveConfig = field(default_factory=AdaptiveConfig)
    drop_constant_groups: bool = True
    """Leave groups without reward variance out of the policy gradient; KL anchors on bare prompts always stay."""
    dynamic_sampling: int = key(0, least=0, most=100)
    """DAPO's dynamic sampling: most rounds of further problems in place of those that all or no solutions solve."""
    settled_share: float = key(1.0, above=0, most=1)
    """A problem that was drawn before is drawn again with probability 4 p (1 - p) of its pass rate p so far, or with
    this one where it is larger; 1 = always."""
    retire_above: float | None = key(None, above=0, most=1)
    """ScaleRL: problems solved at least this often so far are not drawn again; None = all stay."""
    updates_per_rollout: int = key(1, least=1)
    """Optimiser steps made from one rollout; from the second on the ratio matters."""
    micro_batch: int = key(64, least=1)
    """Sequences per forward on one rank."""
    micro_tokens: int = key(0, least=0)
    """Positions per forward of an update instead, padding included: rows of like length share one, and are dealt over
    the ranks by length; 0 = `micro_batch` rows."""
    share_prompts: bool = True
    """Whether updates and scoring compute a prompt once for several of its completions, which lie side by side behind
    it: as many as are cheapest by counted positions, no more than a micro-batch has rows."""
    packing: bool = True
    """Whether sequences of unlike prompts share a row of updates and scoring, under a block-diagonal mask, where that
    is cheaper by counted positions than padding them."""
    shared_weights: bool = False
    """One model for all players, which writes an abstraction and then a solution: one model engine, one sampler, and
    every step learns from the rows of all roles together, each with the loss and the advantages of its role."""
    shared_norm: str = key("role", one_of=("role", "joint"))
    """What a token's loss is divided by, with shared weights and without: the count of its own role's rows, or that of
    all roles that learn in the step together (then long solutions outweigh short abstractions)."""
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    rft: RftConfig = field(default_factory=RftConfig)
    sft_phase: SftPhaseConfig = field(default_factory=SftPhaseConfig)
    checkpoint_every: int = key(25, least=1)
    """Steps between checkpoints; the last step always makes one."""
    checkpoint_async: bool = True
    """A checkpoint is copied into memory and written while training goes on, one at a time; false = each step that ends
    with one waits until it is on the disk."""
    keep_checkpoints: int = key(2, least=1)
    """Newest complete checkpoints that are kept."""
    validate_every: int = key(0, least=0)
    """Steps between measurements on the validation problems, in metrics.jsonl; 0 = none."""
    parity_every: int = key(10, least=1)
    """Every so many publishes (and at a run's first three, and when it resumes) a probe is sampled and scored by both
    sides; checksums of all published tensors are compared at every one."""
    parity_threshold: float | None = key(None, above=0)
    """Abort when mean |logp_trainer - logp_sampler| on the probe batch exceeds this (nats). null = 1e-3, of weights in
    float16 0.02, in bfloat16 0.1: rounding alone is more than 1e-3 there."""
    parity_factor: float = key(20.0, above=1)
    """Abort, too, when it exceeds this many times the largest of the run's own first gaps."""
    samples_every: int = key(10, least=1)
    """Write one readable tree to samples.jsonl every so many steps."""
