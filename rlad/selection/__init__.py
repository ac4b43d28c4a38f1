"""Choosing one answer among many: selection rules as pure functions of scored candidates.

A rule is one function under `@rule("name")`. It turns candidates into the score of each answer; `select` takes the
best-scored answer, `credit` says how often that would be right over random tie-breaks.

>>> from math import log
>>> drawn = [Candidate("A", log(0.9)), Candidate("B", log(0.5)), Candidate("B", log(0.5))]
>>> select("weighted_majority", drawn), select("max-confidence", drawn)  # indices of candidates
(1, 0)
"""

from rlad.selection.candidate import Candidate
from rlad.selection.deciding import decided
from rlad.selection.grouping import group
from rlad.selection.outstanding import Outstanding, left
from rlad.selection.rules import certainty_window, credit, log_tally, missing_attribute, reads, select, tally, winners

__all__ = [
    "Candidate", "Outstanding", "certainty_window", "credit", "decided", "group", "left", "log_tally",
    "missing_attribute", "reads", "select", "tally", "winners",
]  # fmt: skip
