"""What a comparison is: a base configuration, arms that change it, seeds, and one budget of generated tokens."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rlad.config import (
    ROLES,
    ConfigError,
    RunConfig,
    UnknownKey,
    as_tree,
    changes_of,
    load_config,
    overridden,
    read_section,
    read_yaml,
)

BASE = "base"
"""The arm every comparison has: the shared warm-started base, not trained any further."""
STARTS = ("base", "own")
JUDGED_BY = ("sweep", "training")


@dataclass
class ArmConfig:
    description: str = ""
    """One line for the table."""
    group: str = ""
    """Arms of a group share the page's charts; the focus is in all of them."""
    config: str = ""
    """A configuration that extends another one: the arm takes over what it says on top of that."""
    overrides: list[str] = field(default_factory=list)
    """Changes to the common configuration, key=value, after those of `config`; both.KEY changes KEY of both players."""
    start: str = "base"
    """base: from the seed's shared warm-started base; own: from a warm start of its own, with the arm's overrides."""
    train: bool = True
    """False: nothing is learned after the start."""
    reference: bool = False
    """Printed beside the arms, but no contestant."""


@dataclass(kw_only=True)
class CompareConfig:
    name: str
    """The comparison's folder is runs_dir/name."""
    base: str
    """Run configuration that all arms share."""
    overrides: list[str] = field(default_factory=list)
    """Changes to it that all arms share, key=value."""
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    """Each seed has its own problems, base and arms; arms of one seed are compared on the same test problems."""
    max_tokens: int
    """Generated training tokens, over all ranks, after which every trained arm stops."""
    focus: str
    """The arm whose budgets are used, and from which the others are subtracted."""
    arms: dict[str, ArmConfig] = field(default_factory=dict)
    runs_dir: str = "runs"
    jobs: int = 1
    """Pieces that run at the same time, each with launch.ranks processes; 0 = as many as the cores hold."""
    judged_by: str = "sweep"
    """sweep: every run is swept, and budgets of test tokens are compared; training: nothing is swept, and the course of
    the trainings themselves is compared (evals/dynamics), of whatever is there."""

    @property
    def folder(self) -> Path:
        return Path(self.runs_dir) / self.name


def load_compare(path: str | Path, words: list[str] | tuple[str, ...] = ()) -> CompareConfig:
    """Reads a comparison; `words` (key=value) change its own keys, or else the configuration of all its runs.

    Every arm's run configuration is checked here, before anything runs. Raises ConfigError with one plain sentence.
    """
    tree = read_yaml(path)
    known = [item.name for item in fields(CompareConfig)]
    own = [word for word in words if word.partition("=")[0].partition(".")[0] in known]
    try:
        config: CompareConfig = read_section(CompareConfig, overridden(tree, own))
    except UnknownKey as error:
        nested = [item.name for item in fields(ArmConfig)]
        near = difflib.get_close_matches(error.name.split(".")[-1], [*known, *nested], n=1, cutoff=0.0)
        raise ConfigError(
            f"'{path}' has an unknown key '{error.name}'; the nearest known key is '{near[0]}'."
        ) from error
    except ConfigError as error:
        raise ConfigError(f"'{path}': {error}") from error
    config.overrides += [word for word in words if word not in own]
    _check(config, path)
    for name in [BASE, *config.arms]:
        run_config(config, name, config.seeds[0])
    return config


def _check(config: CompareConfig, path: str | Path) -> None:
    if not config.seeds or len(set(config.seeds)) != len(config.seeds):
        raise ConfigError(f"'{path}' needs at least one seed, and every seed once.")
    if config.focus not in config.arms:
        raise ConfigError(f"'{path}' puts its focus on '{config.focus}', which is none of its arms.")
    if BASE in config.arms:
        raise ConfigError(
            f"'{path}' must not name an arm '{BASE}': that is the shared start, which is always measured."
        )
    if config.max_tokens <= 0 or config.jobs < 0:
        raise ConfigError(f"'{path}' needs max_tokens above 0, and jobs above 0 or 0 for as many as the cores hold.")
    if config.judged_by not in JUDGED_BY:
        raise ConfigError(f"'{path}': judged_by is '{config.judged_by}'; it must be one of: {', '.join(JUDGED_BY)}.")
    for name, arm in config.arms.items():
        if not arm.train and config.judged_by == "training":
            raise ConfigError(f"The arm '{name}' does not train, and judged_by=training measures nothing else.")
        if arm.start not in STARTS:
            raise ConfigError(f"The arm '{name}' starts from '{arm.start}'; it must be one of: {', '.join(STARTS)}.")
        if arm.start == "base" and not arm.train:
            raise ConfigError(f"The arm '{name}' neither trains nor starts on its own: it would be the base itself.")


def both(words: list[str]) -> list[str]:
    """Words for both players, written out.

    >>> both(["both.loss=gspo", "seed=1"])
    ['abstraction.loss=gspo', 'solution.loss=gspo', 'seed=1']
    """
    return [
        f"{role}{word.removeprefix('both')}" if word.startswith("both.") else word
        for word in words
        for role in (ROLES if word.startswith("both.") else ("",))
    ]


def jobs_of(config: CompareConfig, run: RunConfig, cores: int) -> int:
    """How many trials run at the same time on so many cores."""
    return config.jobs or max(1, cores // (run.launch.ranks * run.launch.threads_per_rank))


def run_overrides(config: CompareConfig, arm: str, seed: int) -> list[str]:
    """All key=value words of one run, the later ones winning.

    The problems' seed moves with the run's: the spread over seeds then holds the luck of the test problems too.
    """
    words = [*both(config.overrides), f"runs_dir={config.folder / f'seed{seed}'}", f"name={arm}"]
    words += [f"seed={seed}", f"problems.seed={seed}"]
    if arm == BASE:
        return words
    words += changes_of(config.arms[arm].config) if config.arms[arm].config else []
    words += both(config.arms[arm].overrides)
    if config.arms[arm].train:  # the budget of tokens ends the run, never the number of steps
        words += [f"cotrain.max_tokens={config.max_tokens}", "cotrain.steps=1000000"]
    return words


def run_config(config: CompareConfig, arm: str, seed: int) -> RunConfig:
    """The resolved configuration of one run. Raises ConfigError, naming the arm, when it cannot be run."""
    try:
        run = load_config(config.base, run_overrides(config, arm, seed))
    except ConfigError as error:
        raise ConfigError(f"Arm '{arm}': {error}") from error
    if run.warmstart.role_steps:
        raise ConfigError(f"Arm '{arm}': a shared base leaves no room for warmstart.role_steps; set it to 0.")
    return run


def bare_way(config: CompareConfig, arm: str) -> str:
    """How an arm solves without another player's abstraction: plainly, or in one pass with one of its own."""
    trained = arm != BASE and config.arms[arm].train
    return "one-pass" if trained and run_config(config, arm, config.seeds[0]).cotrain.one_pass else "plain"


def as_dict(config: CompareConfig) -> dict[str, Any]:
    """Plain containers, for the results' JSON."""
    return as_tree(config)
