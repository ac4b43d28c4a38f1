"""Problems and where they come from: generated worlds, files, and the Hugging Face hub.

>>> from rlad.config import ProblemsConfig
>>> world = make_world(ProblemsConfig(source="countdown"))
>>> world.name
'countdown'
"""

from __future__ import annotations

from importlib import import_module

from rlad.config import ProblemsConfig
from rlad.problems.base import SPLITS, Problem, ProblemError, World, generate_split

WORLD_REGISTRY = {
    "induction": ("rlad.problems.induction", "Induction"),
    "countdown": ("rlad.problems.countdown", "Countdown"),
    "algebra": ("rlad.problems.algebra", "Algebra"),
}
"""World name -> (module, class); imported when first asked for. The class takes a ProblemsConfig."""

__all__ = ["SPLITS", "Problem", "ProblemError", "World", "load_problems", "make_world"]


def make_world(config: ProblemsConfig) -> World:
    """The world that `config.source` names. Raises ProblemError when that is a file or hub source, or unknown."""
    if config.source not in WORLD_REGISTRY:
        raise ProblemError(f"'{config.source}' is not a world; the worlds are {', '.join(WORLD_REGISTRY)}.")
    module, name = WORLD_REGISTRY[config.source]
    return getattr(import_module(module), name)(config)


def load_problems(config: ProblemsConfig, split: str) -> list[Problem]:
    """The problems of one split: generated for a world, read for files and hub datasets.

    The three splits share no problem. Raises ProblemError (one plain sentence) when they cannot be had as asked.
    """
    if split not in SPLITS:
        raise ProblemError(f"'{split}' is not a split; the splits are {', '.join(SPLITS)}.")
    count = getattr(config, split)
    if config.source in WORLD_REGISTRY:
        return generate_split(make_world(config), split, count, config.seed)
    from rlad.problems.files import load_split

    return load_split(config, split, count)
