"""What a run's last sweep left for `budget=auto`, and the player that it priced to choose among a tree's answers."""

from __future__ import annotations

from pathlib import Path

from rlad.config import ConfigError, RunConfig, registry
from rlad.players.choosers import newest_choosers
from rlad.players.roles import choosers
from rlad.reasoning.budget_policy import SPENDING, Spending


def spending_of(folder: Path) -> Spending | None:
    """What the run's last sweep found out for budget=auto. Raises ConfigError for a damaged file."""
    path = folder / SPENDING
    try:
        return Spending.read(path) if path.is_file() else None
    except ValueError as error:
        raise ConfigError(f"'{path}' cannot be read ({error}); sweep the run again or remove it.") from error


def chooser_of(run: RunConfig, folder: Path, spending: Spending | None) -> dict[str, Path]:
    """Role -> the folder of the player that budget=auto may ask to choose, trained or warm-started as the pair is;
    empty where there is none."""
    if _lacking(run, folder, spending) is not None:
        return {}
    role = spending.player.role
    return {role: newest_choosers(run, folder)[role]}


def going_without(run: RunConfig, folder: Path, spending: Spending | None) -> str | None:
    """Why budget=auto goes by the votes alone, where the sweep priced a player that chooses."""
    why = _lacking(run, folder, spending)
    return f"budget=auto goes without the {spending.player.role} that the sweep priced: {why}" if why else None


def _lacking(run: RunConfig, folder: Path, spending: Spending | None) -> str | None:
    """Why there is no such player; None where there is, empty where the sweep priced none."""
    if spending is None or spending.player is None:
        return ""
    role, serving = spending.player.role, run.serving
    if serving.abstraction_url is not None and serving.selector_url is None:
        return "serving.selector_url is not set"
    if role not in registry.role or role not in choosers(run):
        return "it is no player of this run"
    return None if role in newest_choosers(run, folder) else f"there is no model in '{folder / 'export' / role}'"
