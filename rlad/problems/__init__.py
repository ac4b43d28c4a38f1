"""Problems and where they come from: generated worlds, files, and the Hugging Face hub.

A world is one file with a class under `@world`; it is made with the share of useless proposals, and `keys=` where it
declares keys.

>>> from rlad.config import ProblemsConfig
>>> world = make_world(ProblemsConfig(source="countdown"))
>>> world.name
'countdown'
"""

from __future__ import annotations

from rlad.config import ProblemsConfig
from rlad.config.registry import world
from rlad.problems.base import SPLITS, Problem, ProblemError, Tool, World, generate_split

__all__ = [
    "SPLITS",
    "Problem",
    "ProblemError",
    "Tool",
    "World",
    "load_problems",
    "make_world",
    "require_one_piece",
    "tool_of",
    "world_of",
]


def make_world(config: ProblemsConfig) -> World:
    """The world that `config.source` names. Raises ProblemError when that is a file or hub source, or unknown."""
    if not config.generated or (":" not in config.source and config.source not in world):
        raise ProblemError(f"'{config.source}' is not a world; the worlds are {', '.join(world.names())}.")
    return config.bound("source")(config.useless_share)


def world_of(config: ProblemsConfig) -> World | None:
    """The world that makes the problems; None where they are read from files or the hub."""
    return make_world(config) if config.generated else None


def tool_of(config: ProblemsConfig) -> Tool | None:
    """What the problems' solutions may call while they are written; None where there is no such thing.

    >>> tool_of(ProblemsConfig()) is None
    True
    """
    world = world_of(config)
    return None if world is None else world.tool()


def require_one_piece(config: ProblemsConfig, what: str) -> None:
    """Raises ProblemError where solutions call a tool while they are written, which `what` (in words) does not allow.

    >>> require_one_piece(ProblemsConfig(), "routing")
    """
    if tool_of(config) is not None:
        raise ProblemError(
            f"Solutions of problems.source={config.source} call a tool while they are written; {what} does not let "
            "them."
        )


def load_problems(config: ProblemsConfig, split: str) -> list[Problem]:
    """The problems of one split: generated for a world, read for files and hub datasets.

    A world's held-out problems may come from a file too (`problems.test_path`): what was learnt on generated ones is
    tried on real ones. The three splits share no problem. Raises ProblemError (one plain sentence) when they cannot be
    had as asked.
    """
    if split not in SPLITS:
        raise ProblemError(f"'{split}' is not a split; the splits are {', '.join(SPLITS)}.")
    count = getattr(config, split)
    if config.generated and config.held_out(split) is None:
        return generate_split(make_world(config), split, count, config.seed)
    from rlad.problems.files import load_split

    return load_split(config, split, count)
