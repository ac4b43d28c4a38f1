"""Keys of `problems`: where problems come from, and what the generated worlds are like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

WORLDS = ("induction", "countdown", "algebra")
SOURCES = (*WORLDS, "jsonl", "parquet", "hub")


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
    attempt: str = "attempt"
    critique: str = "critique"
    """Optional noisy solution and a critique of it, used by critique fine-tuning where a row has both."""


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
