"""`./launch.sh bench phase-alarms`: how often the two-phase detector sees phases that are not there, and are.

Series as training curves are, noise with memory (stationary AR(1)), with the answer known. Three worlds: in `nothing`
both series go nowhere; in `flattens` execution falls and then stays while planning goes nowhere; in `rises` planning
rises after that, by as many standard deviations of its noise as the column says.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rlad.entropy.phases import two_phases

MEMORIES = (0.0, 0.3, 0.5, 0.7, 0.9, 0.95)
"""First-order autocorrelations of the noise."""
NOISE = 0.01
"""Standard deviation of the noise of both series; execution falls by 1."""


@dataclass(frozen=True)
class Truth:
    """What is true of a made-up run."""

    flattens: bool
    rise: float = 0.0
    """Of planning after the knee, in standard deviations of its noise."""


WORLDS = {
    "nothing": Truth(False),
    "flattens": Truth(True),
    "rises by 5": Truth(True, 5),
    "rises by 10": Truth(True, 10),
    "rises by 40": Truth(True, 40),
}


def noise(rng: np.random.Generator, steps: int, memory: float) -> np.ndarray:
    """A stationary AR(1) series of standard deviation NOISE."""
    fresh = rng.normal(size=steps)
    series = fresh.copy()
    for t in range(1, steps):
        series[t] = memory * series[t - 1] + np.sqrt(1 - memory**2) * fresh[t]
    return NOISE * series


def curves(world: Truth, steps: int, memory: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Execution and planning of one run."""
    rng, time = np.random.default_rng(seed), np.arange(steps)
    late = np.maximum(0, time - steps // 2) / (steps - steps // 2 - 1)
    falling = np.maximum(0, 1 - time / (steps // 2)) if world.flattens else np.zeros(steps)
    return 1 + falling + noise(rng, steps, memory), 1 + world.rise * NOISE * late + noise(rng, steps, memory)


def share_found(world: Truth, steps: int, memory: float, repetitions: int) -> float:
    """In what share of runs two phases are found."""
    found = (two_phases(range(steps), *curves(world, steps, memory, seed)) for seed in range(repetitions))
    return sum(phases.step is not None for phases in found) / repetitions


@dataclass
class Keys:
    """How much is drawn."""

    repetitions: int = 400
    """Runs of each kind."""
    steps: list[int] = field(default_factory=lambda: [40, 100])
    """Lengths of runs."""


def bench(keys: Keys) -> dict:
    """Share of runs in which two phases are found, by steps, memory and kind of run."""
    return {
        str(steps): {
            str(memory): {name: share_found(world, steps, memory, keys.repetitions) for name, world in WORLDS.items()}
            for memory in MEMORIES
        }
        for steps in keys.steps
    }
