"""The reasoning tree when requests overlap: rlad/reasoner.py's tree, grown one sample at a time for one reader.

Rollouts and sweeps send batches of whole phases. A server has many problems at once and somebody waiting for each, so
here every request goes out as soon as it can: a branch is solved the moment its abstraction is there.
"""

from rlad.explore.ballot import Ballot, Votes, confidence
from rlad.explore.events import Ended, Event, Opened, Solved, Voted, Written
from rlad.explore.explorer import Exploration, Explorer, Limits, derived_seed
from rlad.explore.text import GrowingText, reader

__all__ = [
    "Ballot",
    "Ended",
    "Event",
    "Exploration",
    "Explorer",
    "GrowingText",
    "Limits",
    "Opened",
    "Solved",
    "Voted",
    "Votes",
    "Written",
    "confidence",
    "derived_seed",
    "reader",
]
