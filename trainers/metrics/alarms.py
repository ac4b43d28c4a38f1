"""Alarms: a run that learns nothing, or learns wrongly, says so instead of ending well.

Pure functions of the step's row, as metrics.jsonl has it; the run's own first steps are the measure of what changes.
Every alarm warns once when its condition has held for so many steps in a row, and again only after it was clear.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from rlad.cli import PlainError
from rlad.config.alarms import AlarmsConfig

FIRST = 5
"""Steps whose mean entropy and length are what later ones are compared with."""


class AlarmStop(PlainError):
    """An alarm that the configuration lets end the run."""


@dataclass(frozen=True)
class Symptom:
    """Something that is true of a step and should not stay so."""

    alarm: str
    """Name in `ALARMS`."""
    player: str
    """The player whose trouble it is; empty for the pair's."""
    says: str
    """What is the matter, as a clause that follows "for 10 steps"."""

    @property
    def name(self) -> str:
        """Name of the alarm with its player, as metrics.jsonl has it."""
        return f"{self.player}.{self.alarm}" if self.player else self.alarm


@dataclass
class Alarms:
    """Watches the steps of a run; its state is part of the checkpoint."""

    config: AlarmsConfig
    players: Sequence[str]
    counts: dict[str, int] = field(default_factory=dict)
    """Steps in a row for which each condition has held."""
    first: dict[str, list[float]] = field(default_factory=dict)
    """Entropies and lengths of the run's first steps, by player."""

    def check(self, row: dict, learning: Collection[str]) -> list[str]:
        """Sentences of the alarms that this step raises. Writes `alarms`, the names of all that hold, into the row.

        Players that do not learn in the step are not looked at; what was counted of them waits.
        Raises AlarmStop for the first of them that is named by `alarms.stop`.
        """
        found = [one for one in self._conditions(row, learning) if one.alarm not in self.config.off]
        waiting = {name: count for name, count in self.counts.items() if name.split(".")[0] in self.players}
        waiting = {name: count for name, count in waiting.items() if name.split(".")[0] not in learning}
        self.counts = waiting | {one.name: self.counts.get(one.name, 0) + 1 for one in found}
        due = {one.name: self.config.nonfinite if one.alarm == "nonfinite" else self.config.steps for one in found}
        holding = [one for one in found if self.counts[one.name] >= due[one.name]]
        if holding:
            row["alarms"] = sorted(one.name for one in holding)
        raised = [one for one in holding if self.counts[one.name] == due[one.name]]
        sentences = {one: f"{one.name}: for {_steps(self.counts[one.name])} {one.says}" for one in raised}
        for one in raised:
            if one.alarm in self.config.stop:
                raise AlarmStop(
                    f"The run was stopped by the alarm {sentences[one]}; docs/troubleshooting.md says what to do, "
                    "alarms.stop which alarms stop a run."
                )
        return list(sentences.values())

    def state(self) -> dict:
        return {"counts": self.counts, "first": self.first}

    def restore(self, state: dict) -> None:
        self.counts, self.first = state["counts"], state["first"]

    def _conditions(self, row: dict, learning: Collection[str]) -> Iterator[Symptom]:
        for role in [role for role in self.players if role in learning]:
            yield from player_conditions(role, row.get(role, {}), self.config)
            yield from self._changes(role, row.get(role, {}))
        yield from rollout_conditions(row["rollout"], row["verifier"], self.config)

    def _changes(self, role: str, player: dict) -> Iterator[Symptom]:
        """What a player has become, against its first steps."""
        for name in ("entropy", "length"):
            value, known = player.get(name), self.first.setdefault(f"{role}.{name}", [])
            if value is None or not math.isfinite(value):
                continue
            if len(known) < FIRST:
                known.append(value)
                continue
            share = value / max(sum(known) / len(known), 1e-12)
            if name == "entropy" and share < self.config.entropy:
                yield Symptom("entropy", role, f"its entropy was {share:.0%} of what it began with")
            if name == "length" and not 1 / self.config.length <= share <= self.config.length:
                yield Symptom("length", role, f"its texts were {share:.3g} times as long as at the beginning")


def player_conditions(role: str, player: dict, config: AlarmsConfig) -> Iterator[Symptom]:
    """What one step's numbers of a player say against it.

    >>> numbers = {"reward": 0.0, "updated": 0, "nonfinite": 2}
    >>> [one.name for one in player_conditions("solution", numbers, AlarmsConfig())]
    ['solution.nonfinite', 'solution.zero_reward', 'solution.not_updated']
    """
    if player.get("nonfinite"):
        yield Symptom("nonfinite", role, "its loss or gradient was not finite, so the step changed nothing")
    if player.get("reward") == 0.0:
        yield Symptom("zero_reward", role, "nothing that it wrote earned a reward")
    if player.get("updated") == 0:
        yield Symptom("not_updated", role, "it was not updated")
    elif player.get("grad_norm") == 0.0:
        yield Symptom("zero_gradient", role, "its gradient was exactly zero")
    kl = player.get("kl")
    if kl is not None and kl > config.kl:
        yield Symptom("kl", role, f"its KL from the reference was above {config.kl:g} nats per token")
    share = player.get("planning_share")
    if share is not None and not config.planning <= share <= 1 - config.planning:
        yield Symptom("planning", role, f"{share:.1%} of its tokens were planning: HICRA told none from the others")


def rollout_conditions(rollout: dict, verifier: dict[str, int], config: AlarmsConfig) -> Iterator[Symptom]:
    """What one step's rollouts and verdicts say against it.

    >>> shares = {"leak_rate": 1.0, "constant_groups": 0.5, "unfinished": None, "distinct": 0.05}
    >>> [one.name for one in rollout_conditions(shares, {"correct": 8, "undecided": 2}, AlarmsConfig())]
    ['leaks', 'verifier', 'duplicates']
    """
    shares = (
        ("constant_groups", "constant_groups", "of the groups had equal rewards and taught nothing"),
        ("leaks", "leak_rate", "of the abstractions gave the answer away"),
        ("unfinished", "unfinished", "of the solutions were cut off at max_new_tokens"),
    )
    for alarm, name, says in shares:
        value = rollout.get(name)
        if value is not None and value >= getattr(config, alarm):
            yield Symptom(alarm, "", f"{value:.0%} {says}")
    unsure = unjudged_share(verifier)
    if unsure > config.verifier:
        yield Symptom("verifier", "", f"{unsure:.0%} of the verdicts were undecided or had an unreadable gold")
    distinct = rollout.get("distinct")
    if distinct is not None and distinct < config.duplicates:
        yield Symptom("duplicates", "", f"only {distinct:.0%} of the abstractions drawn differed from the others")


def unjudged_share(verifier: dict[str, int]) -> float:
    """Share of the verdicts that judged nothing: undecided (timeouts among them) or with a gold that cannot be read.

    >>> unjudged_share({"correct": 6, "incorrect": 2, "undecided": 1, "unparseable_gold": 1, "pool_kills": 1})
    0.2
    """
    verdicts = {name: count for name, count in verifier.items() if not name.startswith("pool_")}
    total = sum(verdicts.values())
    return (verdicts.get("undecided", 0) + verdicts.get("unparseable_gold", 0)) / total if total else 0.0


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps in a row"
