"""Rules about selection rules: what they read is there."""

from __future__ import annotations

from rlad.config import ConfigError, RunConfig
from rlad.config.registry import rule


def require_scores(config: RunConfig, key: str, names: list[str]) -> None:
    """Raises ConfigError for a selection rule that reads a confidence which no solution states."""
    for name in names:
        if "stated_confidence" in (rule[name].facts.get("reads") or ()) and not config.solution.states_confidence:
            raise ConfigError(
                f"{key}={name} reads the confidence that solutions state, and only solvers with solution.reward=rlcr "
                "are asked for one."
            )
