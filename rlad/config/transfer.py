"""Keys of `transfer`: a run's abstractions in the hands of another solver."""

from __future__ import annotations

from dataclasses import dataclass, field

from rlad.config.registry import key
from rlad.config.servers import ChatServerConfig

SOURCES = ("own", "irrelevant", "shuffled", "oracle", "pair")
"""Where the abstractions come from that a solver is given."""


@dataclass
class TransferConfig:
    """`./launch.sh transfer RUN --solver WHOM`."""

    sources: list[str] = key(one_of=SOURCES, factory=list)
    """Whose abstractions the solver is given: own (the run's proposer's for this problem), irrelevant (for another
    problem), shuffled (own with their words permuted), oracle (one that data or world know to be right), pair (the
    solver's own proposer's). Empty = all that there are; one that is asked for by name must be there."""
    endpoint: ChatServerConfig = field(default_factory=ChatServerConfig)
    """How a solver behind a server is asked; `--solver URL` says where it is."""
