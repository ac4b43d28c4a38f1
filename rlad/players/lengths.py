"""Whether the longest prompts and what may follow them fit into a model's positions, found before a model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rlad.config import ROLES, ConfigError, RunConfig
from rlad.config.rules import positions
from rlad.problems import Problem
from rlad.problems.base import words

MOST = 20_000
"""Questions that are tokenised; of more than that the ones with the most characters."""

Count = Callable[[str], int]


def check_lengths(config: RunConfig, problems: Iterable[Problem]) -> None:
    """Raises ConfigError where a question is too long for a player, or where a player's tokenizer cannot be used.

    For models of one's own the tokenizer is read (torch is imported for it); a world's words are counted as they are.
    """
    seen = {problem.question: problem for problem in problems}
    longest = sorted(seen, key=len, reverse=True)[:MOST]
    for role in ROLES if config.cotrain.abstractions else ("solution",):
        model = getattr(config, role).model or config.base
        name = f"{role}.model" if getattr(config, role).model else "base"
        if model.path is None:
            room, count = model.max_positions, _world_count(role, config)
        else:
            room, count = positions(model.path), _count(role, config)
        counted = {question: count(question) for question in longest} if room else {}
        question = max(counted, key=counted.__getitem__, default=None)
        answers = _answers(role, config)
        if question is not None and counted[question] + answers > room:
            where = seen[question].meta.get("where", "a question of the world")
            raise ConfigError(
                f"The {role} player's longest prompt takes {counted[question]} tokens without what players write "
                f"({where}); with up to {answers} tokens of those, that is more than the {room} positions of its model "
                f"({name}): lower max_new_tokens, or leave out questions that long."
            )


def _answers(role: str, config: RunConfig) -> int:
    """Most tokens beside the question that a player's sequence holds: what players wrote before it, and it itself."""
    proposal, solution = config.abstraction.max_new_tokens, config.solution.max_new_tokens
    if role == "abstraction":
        return proposal
    shown = proposal if config.cotrain.abstractions else 0
    if config.cotrain.critique.source != "none":
        shown += solution + config.cotrain.critique.max_new_tokens
    return shown + solution


def _task(role: str, config: RunConfig) -> tuple[str, dict[str, str]]:
    """A player's task with the longest prompt, and the least that can stand in it."""
    if role == "abstraction":
        return "propose", {}
    shown = {"abstraction": "x"} if config.cotrain.abstractions else {}
    if config.cotrain.critique.source != "none":
        return "refine", {**shown, "attempt": "x", "critique": "x"}
    return ("guided", shown) if shown else ("plain", {})


def _world_count(role: str, config: RunConfig) -> Count:
    """One token for each word; around them the task's own, and a separator behind every part."""
    parts = 1 + len(_task(role, config)[1])
    return lambda question: 1 + len(words(question)) + parts


def _count(role: str, config: RunConfig) -> Count:
    from rlad.players.policy import format_tokens, load_tokenizer, make_prompts

    model = getattr(config, role).model or config.base
    prompts = make_prompts(load_tokenizer(model, config.problems, format_tokens(config)), config)
    task, shown = _task(role, config)
    return lambda question: len(prompts.ids(task, question, **shown)) - len(shown)
