"""Where a run's players are that choose among a tree's answers, for the sweep and the server alike; without torch."""

from __future__ import annotations

from pathlib import Path

from rlad.config import ROLES, RunConfig
from rlad.players.roles import choosers


def taught_choosers(run: RunConfig, base: Path) -> dict[str, Path]:
    """Role -> the warm-started base, of the players that choose among answers and were shown how in the warm start."""
    shares = run.warmstart.mixture.shares()
    return {role.name: base for role in choosers(run).values() if any(shares.get(task) for task in role.tasks)}


def trained_choosers(run: RunConfig, folder: Path) -> dict[str, Path]:
    """Role -> its folder, of the trained players that choose among answers."""
    found = {name: folder / "export" / name for name in choosers(run)}
    return {name: path for name, path in found.items() if (path / "config.json").is_file()}


def newest_choosers(run: RunConfig, folder: Path) -> dict[str, Path]:
    """Role -> the model of a player that chooses among the answers of the newest pair: trained or warm-started as that
    is. Empty where there is none."""
    if all((folder / "export" / role / "config.json").is_file() for role in ROLES):
        return trained_choosers(run, folder)
    base = folder / "base"
    return taught_choosers(run, base) if (base / "config.json").is_file() else {}
