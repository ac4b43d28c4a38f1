"""The verifier's public nouns: ``Outcome``, ``Verdict`` and ``VerifyOptions``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(str, Enum):  # noqa: UP042 - StrEnum prints differently
    """What became of one comparison. Only ``correct`` may earn a reward."""

    correct = "correct"
    incorrect = "incorrect"
    unparseable_gold = "unparseable_gold"
    unparseable_pred = "unparseable_pred"
    undecided = "undecided"


@dataclass(frozen=True)
class Verdict:
    """The judgement of one prediction against one gold answer."""

    outcome: Outcome
    """What was decided."""
    reason: str
    """One short phrase: the rung of the ladder that decided, or why none could."""
    gold: str | None
    """Printable parsed form of the gold answer; None when it could not be read."""
    pred: str | None
    """Printable parsed form of the predicted answer; None when it could not be read."""
    milliseconds: float
    """Wall time spent on this pair."""

    @property
    def correct(self) -> bool:
        """True only for ``Outcome.correct``."""
        return self.outcome is Outcome.correct


@dataclass(frozen=True)
class VerifyOptions:
    """Every policy of the verifier, each with its safe default.

    The first group decides *which* text of a completion is the answer, the second how two answers are compared.
    The comparison is symmetric unless one of the options marked "asymmetric" is turned on.
    """

    boxed: bool = True
    """Read the last ``\\boxed{}`` / ``\\fbox{}`` of a completion as its answer."""
    require_boxed: bool = False
    """A completion without a box has no answer (strict training format). Applies to predictions only."""
    reject_hedging: bool = True
    """Several boxes with different answers do not count as an answer. False: the last box counts."""
    accept_correction: bool = False
    """A box that the text corrects later ("wait", "actually", "I made a mistake") is withdrawn and no hedging."""
    reject_broken_last_box: bool = True
    """An empty or unterminated last box means there is no answer. False: fall back to an earlier complete box."""
    ignore_thinking: bool = True
    """Text inside ``<think>...</think>`` (also unterminated) cannot hold the answer. False: it can."""
    answer_phrases: bool = True
    """Without a box, read what follows "final answer is", "A:", "####" and their translations."""
    last_math: bool = True
    """Without box and phrase, read the last math span, bold span or number of the completion."""

    percent_may_be_omitted: bool = True
    """One side may leave out a percent sign the other shows, above one percent: ``10%`` and ``10``. Values are never
    scaled
    by 100 otherwise: 0.5 is 50% and never 50, and ``0.5%`` is never 0.5."""
    unit_may_be_omitted: bool = True
    """One side may state a unit the other side leaves out (``5 cm`` and ``5``); two *different* units never match."""
    restated_relation: bool = True
    """``x = 3`` answers the gold ``3``, and ``3`` answers the gold ``x = 3``: an assignment restates its value."""
    pred_subset: bool = False
    """Asymmetric: a prediction that names some of a gold set's elements counts. Off: all elements are needed."""
    pred_superset: bool = False
    """Asymmetric: a prediction that names all of a gold set's elements and more counts."""
    ordered_lists: bool = False
    """A bare list ``1, 2, 3`` must keep its order. Off: bare lists compare without order, tuples ``(1, 2)`` with it."""
    rounded_decimals: bool = True
    """A decimal gold accepts an exact value that rounds to its shown digits. Exact golds still ask for exact
    answers.
    """
    choice_text: bool = True
    """A multiple-choice letter and its labelled text ``(D) 42`` agree when the letter does."""
    values_only: bool = False
    """Where the gold answer is a value, a prediction that still computes (``3+5``, ``2^3``) is none. Fractions, roots,
    powers of ten and letters are values."""
    numeric_identity: bool = True
    """Agreement at several random points with 50 digits counts as equality. False: only exact rules may say correct."""

    max_chars: int = 100_000
    """Longer completions keep their last ``max_chars`` characters (the answer stands at the end)."""
    max_answer_chars: int = 4_000
    """A longer extracted answer is unparseable."""
    max_depth: int = 60
    """Nesting depth the parser accepts."""
    max_nodes: int = 2_000
    """Syntax-tree nodes the parser accepts."""
    max_digits: int = 2_000
    """Digits in one literal; also the size in digits up to which exact integers are computed."""
    max_operations: int = 40_000
    """Budget of elementary operations for one comparison; when it is spent the verdict is ``undecided``."""


DEFAULT = VerifyOptions()
