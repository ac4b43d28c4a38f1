"""What a sweep may ask of a model behind a server: texts, how many tokens they took, and maybe how likely they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rlad.config import ConfigError, RunConfig
from rlad.config.registry import rule
from rlad.config.running import RULES
from rlad.config.servers import ServerConfig

TOLD = {"abstraction": ("proposal",), "solution": ("logprob", "likelihood")}
"""What rules read of a role's texts that comes of log-probs, which a server may give."""
UNTOLD = ("unguided", "judgement", "certainty", "self_certainty")
"""What rules read of solutions that no chat API tells: how likely given texts are, whole distributions."""


def likelihood_rules(rules: Iterable[str], role: str) -> list[str]:
    """The rules that read how likely a role's texts are.

    >>> likelihood_rules(["majority", "proposer", "weighted_majority"], "abstraction")
    ['proposer']
    """
    return [name for name in rules if _reading(name, TOLD[role])]


def _reading(name: str, what: Sequence[str]) -> str | None:
    reads = rule[name].facts.get("reads") or ()
    return next((one for one in ([reads] if isinstance(reads, str) else reads) if one in what), None)


def named(rules: Sequence[str]) -> bool:
    """Whether somebody has chosen these rules: of the default ones, those without what they read are left out."""
    return list(rules) != list(RULES)


def require_told(rules: Sequence[str], role: str, url: str, server: ServerConfig) -> None:
    """Raises ConfigError for a rule that was asked for by name and reads what a role's server does not tell."""
    if not named(rules):
        return
    for name in rules:
        if role == "solution" and (lacking := _reading(name, UNTOLD)):
            raise ConfigError(
                f"The selection rule '{name}' reads the {lacking} of solutions, which a server with OpenAI's chat API "
                f"({url}) does not tell; leave it out of sweep.select."
            )
    if "logprobs" in server.drop and (reading := likelihood_rules(rules, role)):
        raise ConfigError(
            f"The selection rule '{reading[0]}' reads how likely texts are, and drop=[logprobs] does not ask {url} "
            "for that; leave one of them out."
        )


def check_served_sweep(config: RunConfig) -> None:
    """Raises ConfigError where the sweep of a run wants more of a server than it tells."""
    for role in TOLD:
        model = getattr(config, role).model or config.base
        if not model.served:
            continue
        key = {"abstraction": "joint", "solution": "decoding"}[role]
        if getattr(config.sweep, key):
            raise ConfigError(
                f"sweep.{key} looks into texts token by token, and the server {model.path} does not show them; leave "
                "it out."
            )
        require_told(config.sweep.select, role, str(model.path), model.server)
