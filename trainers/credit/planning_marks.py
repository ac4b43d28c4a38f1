"""Which tokens of a row plan: what HICRA's credit needs, by the strategic grams frozen in the run's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rlad.config import ROLES, ConfigError, RunConfig
from rlad.entropy import StrategicGrams
from trainers.credit.rows import Row

FILE = "strategic_grams.json"


def planners(run: RunConfig, folder: Path, tokenizers: dict) -> dict[str, StrategicGrams]:
    """The grams of every player that learns by HICRA, bound to its tokenizer. Raises ConfigError without a file."""
    asked = [role for role in ROLES if role in tokenizers and getattr(run, role).hicra]
    if asked and not (folder / FILE).is_file():
        raise ConfigError(
            f"{asked[0]}.hicra needs strategic grams that are frozen before training; mine them from correct solutions "
            f"(rlad.entropy.mine) into '{folder / FILE}'."
        )
    return {role: StrategicGrams.load(folder / FILE, tokenizers[role]) for role in asked}


def marked(rows: dict[str, list[Row]], grams: dict[str, StrategicGrams]) -> dict[str, list[Row]]:
    """The rows of both players, those of a player with grams with their planning tokens."""
    return {
        role: [replace(row, planning=grams[role].mask(row.completion)) for row in own] if role in grams else own
        for role, own in rows.items()
    }
