"""Keys of `problems`: where problems come from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rlad.config.benchmarks import BENCHMARKS
from rlad.config.registry import key
from rlad.config.sections import MethodSection

DATA = ("jsonl", "parquet", "hub", "verifiers")
"""Sources that are read; every other one is a generated world."""


@dataclass
class FieldNames:
    """Which columns of a file or hub dataset hold what; a name may be a path into one (`reward_model.ground_truth`)."""

    question: str = "problem"
    """Column of the question: a text, or a conversation with one turn of the user."""
    answer: str = "answer"
    """Column of the right answer."""
    solution: str = "solution"
    """Optional worked solution, used by the warm start where a row has one; it is read with its answer in a box."""
    abstraction: str = "abstraction"
    """Optional abstraction, used by the warm start where a row has one."""
    attempt: str = "attempt"
    """Optional noisy solution, used by critique fine-tuning where a row has a critique of it too."""
    critique: str = "critique"
    """Optional critique of the attempt."""
    abstractions: str = "abstractions"
    """Optional list of different abstractions, used by the warm start's list task."""
    right_solutions: str = "right_solutions"
    """Optional list of right solutions, used by a selector's warm start where a row has wrong ones too."""
    wrong_solutions: str = "wrong_solutions"
    """Optional list of wrong solutions, each with an answer."""


@dataclass
class ProblemsConfig(MethodSection):
    source: str = key("induction", kind="world", one_of=DATA)
    """A generated world, whose keys stand in the section of its name, or real data through `datasets`."""
    train: int = key(4096, least=0)
    """Training problems; for files and hub datasets 0 = all rows."""
    validation: int = key(200, least=0)
    """Validation problems; for files and hub datasets 0 = all rows."""
    test: int = key(400, least=0)
    """Test problems; for files and hub datasets 0 = all rows."""
    seed: int = 0
    """Seed of the splits. Problems, unlike everything else, do not change with the run's own seed."""
    useless_share: float = key(0.3, least=0, most=1)
    """Share of a world's demonstrated proposals that are useless (wrong or irrelevant): RL has something to learn."""
    path: str | None = None
    """Training file (jsonl, parquet), dataset name (hub) or id of an installed task set (verifiers)."""
    validation_path: str | None = None
    """Held-out file; without it, held-out rows are split off the training file by a hash of the question, or generated
    where a world makes the problems."""
    test_path: str | None = None
    """Held-out file; without it, held-out rows are split off the training file by a hash of the question, or generated
    where a world makes the problems."""
    benchmark: str = key("none", one_of=("none", *BENCHMARKS))
    """A test set that people report on, with its columns, in the place of test_path; a test_path beside it is a file of
    its rows."""
    subset: str | None = None
    """Name of the hub dataset's configuration, where it has several."""
    hub_split: str = "train"
    """Split of the hub dataset that is read."""
    value_answers: bool = False
    """Whether the boxed answer must be a value: where the gold is one, `\\boxed{3+5}` earns nothing."""
    fields: FieldNames = field(default_factory=FieldNames)

    def held_out(self, split: str) -> str | None:
        """The file of a held-out split, or the hub's `name:split`; None where it has none."""
        own = BENCHMARKS.get(self.benchmark)
        test = self.test_path or (own and f"{own.path}:{own.split}")
        return {"validation": self.validation_path, "test": test}.get(split)

    def of_split(self, split: str) -> ProblemsConfig:
        """How the file of a held-out split is read: as these problems are, or as the benchmark that they are tested on.

        >>> ProblemsConfig(benchmark="amc23").of_split("test").fields.question
        'question'
        """
        own = BENCHMARKS.get(self.benchmark)
        if own is None or split != "test":
            return self
        columns = FieldNames(**own.fields)
        return replace(self, source="hub", path=own.path, subset=own.subset, hub_split=own.split, fields=columns)

    @property
    def generated(self) -> bool:
        """Whether a world makes the problems, instead of a file or the hub."""
        return self.source not in DATA
