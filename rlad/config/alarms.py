"""Keys of `alarms`: when a run that learns nothing, or learns wrongly, says so, and when it stops."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key

ALARMS = (
    "nonfinite",
    "zero_reward",
    "zero_gradient",
    "not_updated",
    "constant_groups",
    "leaks",
    "unfinished",
    "kl",
    "entropy",
    "length",
    "verifier",
    "duplicates",
    "planning",
)
"""Every alarm by name; docs/troubleshooting.md says of each what it means and what to do."""


@dataclass
class AlarmsConfig:
    """Every alarm warns; those named by `stop` end the run, those named by `off` are silent."""

    stop: list[str] = key(factory=lambda: ["nonfinite"], one_of=ALARMS)
    """Alarms that end the run with exit code 2 instead of warning."""
    off: list[str] = key(factory=list, one_of=ALARMS)
    """Alarms that are not watched."""
    nonfinite: int = key(3, least=1)
    """Steps in a row whose loss or gradient is not finite, before the alarm is raised; such a step changes nothing."""
    steps: int = key(10, least=1)
    """Steps in a row for which any other condition must hold before its alarm is raised."""
    constant_groups: float = key(0.95, above=0, most=1)
    """Share of a step's groups whose rewards are all equal, from which on too little is learnt from."""
    leaks: float = key(0.95, above=0, most=1)
    """Share of a step's abstractions that give the answer away."""
    unfinished: float = key(0.95, above=0, most=1)
    """Share of a step's solutions that are cut off at `max_new_tokens`."""
    kl: float = key(1.0, above=0)
    """KL from the reference, in nats per token, from which on a player has left it."""
    entropy: float = key(0.05, least=0, below=1)
    """Share of the first steps' entropy below which a player's exploration has collapsed."""
    length: float = key(4.0, above=1)
    """Factor by which a player's mean length may grow or shrink against the first steps."""
    verifier: float = key(0.1, above=0, most=1)
    """Share of a step's verdicts that are undecided, timed out, or have a gold that cannot be read."""
    duplicates: float = key(0.1, least=0, below=1)
    """Share of different abstractions among a step's draws below which proposals repeat themselves."""
    planning: float = key(0.1, least=0, most=0.5)
    """Share of a HICRA player's tokens that must plan, and share that must not, for HICRA to tell the ones from the
    others."""
