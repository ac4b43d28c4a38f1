"""Keys of `routing`: base and trained player decode together, and a gate says whose token stands."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key


@dataclass
class RoutingConfig:
    """`./launch.sh routing RUN` (2510.07364)."""

    role: str = key("abstraction", one_of=("abstraction", "solution"))
    """The player that is routed; the other one is the trained player throughout."""
    temperature: float = key(1.0, least=0, most=10)
    """Temperature of what is routed; 0 = greedy."""
    samples: int = key(4, least=1, most=1024)
    """Texts of the routed player per test problem."""
    problems: int = key(300, least=1)
    """Test problems (at most problems.test)."""
    gate_problems: int = key(300, least=2)
    """Training problems on whose texts, written by the base, the gate learns."""
    shares: list[float] = key(above=0, below=1, some=True, factory=lambda: [0.1, 0.25, 0.5, 0.75])
    """Shares of the tokens at which the trained player is to be asked."""
    controls: int = key(2, least=1)
    """Draws of the random vector and of the random gate, whose mean is reported."""
    ridge: float = key(1.0, least=0)
    """Penalty on the sum of the gate's squared weights, beside the summed loss of all tokens it learns from."""
