"""Which models of a run there are to sweep."""

from __future__ import annotations

from pathlib import Path

from evals.samples.trees import ModelPair
from rlad.config import ConfigError, RunConfig
from rlad.players.choosers import taught_choosers, trained_choosers
from rlad.players.roles import playing
from rlad.reasoning.pair import pretrained


def pairs_of(run: RunConfig, folder: Path) -> list[ModelPair]:
    """What there is to sweep: the pretrained model that a run starts from, its warm-started base, its trained players.

    Co-training's base is the checkpoint `warmstart`, be it warm-started or pretrained; a pretrained model that a warm
    start has changed since is the checkpoint `pretrained`. Raises ConfigError when there is nothing yet.
    """
    found = []
    base, export = folder / "base", folder / "export"
    task = "one_pass" if run.cotrain.one_pass else "plain"
    warm = (base / "config.json").is_file()
    if begin := pretrained(run):
        before = ("pretrained", "pretrained") if warm else ("warmstart", "base")
        proposer = begin["abstraction"] if "abstraction" in playing(run) else None
        found.append(ModelPair(*before, proposer, begin["solution"], "plain"))
    if warm:
        mixture = run.warmstart.mixture
        proposes = mixture.propose > 0 and mixture.guided > 0
        taught = _told(taught_choosers(run, base))
        found.append(ModelPair("warmstart", "base", str(base) if proposes else None, str(base), "plain", taught))
    if (export / "solution" / "config.json").is_file():
        abstraction = export / "abstraction"
        proposer = str(abstraction) if (abstraction / "config.json").is_file() else None
        label = "co-trained" if proposer else "one-pass RL" if task == "one_pass" else "solver-only RL"
        there = _told(trained_choosers(run, folder))
        found.append(ModelPair("cotrained", label, proposer, str(export / "solution"), task, there))
    if not found:
        raise ConfigError(f"The run folder '{folder}' holds no trained model yet; run the warm start first.")
    return found


def _told(found: dict[str, Path]) -> tuple[tuple[str, str], ...]:
    return tuple((role, str(place)) for role, place in found.items())
