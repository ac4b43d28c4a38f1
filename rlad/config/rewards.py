"""Keys of the rewards beyond the verdict and of what shapes them: `cotrain.rlcr`, `cotrain.critique` and their kin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass
class RlcrConfig:
    """`solution.reward=rlcr`: correctness less the Brier score of a stated confidence (2507.16806)."""

    malformed: float = -2.0
    """Reward of a solution that states no confidence from 0 to 1."""


@dataclass
class HillConfig:
    """`abstraction.reward=hill`: hints that make a group worth learning from (2604.00698)."""

    temperature: float = 0.3
    """T in exp(min(D, 0) / T), nats per token: how hard a hint that carries the solution is discounted."""


@dataclass
class R3Config:
    """`abstraction.reward=r3`: how likely an abstraction makes a known good solution (DRO, 2506.13351)."""

    weights: str = "spread"
    """spread (a token weighs as much as the abstractions disagree about it) or top (only the `top` share, equally)."""
    top: float = 0.2
    propagation: float = 0.0
    """gamma: how fast the doubt about an earlier reference token fades, per token; 0 = off."""
    filter: bool = False
    """Leave out problems that no abstraction brings within reach or that the abstractions make no difference to."""
    worst: float = 0.2
    """First stage: the share of worst-ranked reference tokens that is looked at."""
    rank: float = 10.0
    """First stage: the mean rank of those tokens that some abstraction must reach."""
    keep: float = 0.8
    """Second stage: the share of the remaining problems kept, those with the largest spread."""
    carry_over: float = 0.1
    """Share of the problems that were filtered out that are learnt from anyway."""


@dataclass
class DiversityConfig:
    """A bonus for abstractions that work and differ from the problem's other ones."""

    weight: float = 0.0
    """bonus = weight * novelty * success; 0 = off."""
    measure: str = "form"
    """form (share of the other draws with another canonical form) or wording (distance of character trigrams)."""


@dataclass
class EffectiveRankConfig:
    """`shaping=effective_rank` of a player: VERL's bonus for hidden states that spread (2509.23808)."""

    stride: int = 40
    """Tokens between two prefixes whose effective rank is taken; completions of less than two strides have no trend."""
    ema: float = 0.3
    """Weight of the newest step in the moving averages that the metrics are compared with."""
    tokens: str = "last"
    """last (the paper's formula; little gradient where the text's end is certain) or all tokens get the bonus."""


@dataclass
class CritiqueConfig:
    """Critique-GRPO (2506.03106): failed solutions are refined under a critique and learnt from beside the group."""

    source: str = "none"
    """none, verifier (the verdict), self (the solution player writes it) or teacher (an OpenAI-compatible endpoint)."""
    groups: str = "all_wrong"
    """all_wrong (refine only groups without a success) or any (the failures of every group)."""
    keep: int = 1
    """k: refinements that join a group, right ones first."""
    gamma: float = 0.1
    """Refinements are learnt from through p / (p + gamma) instead of a clipped ratio."""
    show_gold: bool = False
    """The verifier's critique and the teacher also get the right answer."""
    max_new_tokens: int = 64
    """Longest critique that the player itself or the teacher writes."""
    teacher_url: Optional[str] = None
    """Base URL of an OpenAI-compatible server, e.g. http://127.0.0.1:8000/v1."""
    teacher_model: str = ""
    """Model name sent to the teacher; empty = the first that it serves."""
    teacher_key: Optional[str] = None
    """Name of the environment variable that holds the teacher's key; None = no key."""
    teacher_requests: int = 8
    """Requests that one rank has open at a time."""
    teacher_timeout: float = 120.0
    """Seconds for one critique."""
