"""Choosing one answer among many: selection rules as pure functions of scored candidates.

A rule is one file with one function under `@rule("name")`. It turns candidates into the score of
each answer; `select` takes the best-scored answer, `credit` says how often that would be right over random tie-breaks.

>>> drawn = [Candidate("A", 0.9), Candidate("B", 0.5), Candidate("B", 0.5)]
>>> select("weighted", drawn), select("max-confidence", drawn)  # indices of candidates
(1, 0)
"""

from rlad.selection.deciding import decided
from rlad.selection.grouping import group
from rlad.selection.rules import Candidate, credit, reads, select, tally, winners

__all__ = ["Candidate", "credit", "decided", "group", "reads", "select", "tally", "winners"]
