"""The credit phase of a step: judged trees to every player's rows, with the advantages that updates take as given."""

from __future__ import annotations

from collections.abc import Collection

from rlad.config import RunConfig
from rlad.entropy import StrategicGrams
from rlad.players.roles import Role
from rlad.reasoning.tree import Tree
from trainers.credit.distillation import bare_prompts, distilled
from trainers.credit.measurements import Measurements
from trainers.credit.pay import StepPay
from trainers.credit.planning import planning_counts, planning_credit
from trainers.credit.rows import role_rows
from trainers.credit.standing import UNTOUCHED, Control
from trainers.credit.whitening import whitened
from trainers.data.plans import player_of_step
from trainers.data.rows import Row, merged
from trainers.runtime import zero3


class Credit:
    """Advantages of groups, then shaping, whitening over the step on all ranks, and HICRA's term, in this order."""

    def __init__(
        self,
        run: RunConfig,
        roles: dict[str, Role],
        measured: dict[str, Measurements],
        grams: dict[str, StrategicGrams],
    ):
        """`roles`, `measured`: of the players in training; `grams`: of those that learn by HICRA."""
        self.run, self.roles, self.measured, self.grams = run, roles, measured, grams
        self.pay = StepPay(run)
        self.shapings = {role: run.players[role].bound("shaping")() for role in measured}

    def __call__(self, trees: list[Tree], learning: Collection[str], step: int) -> dict[str, list[Row]]:
        """This rank's judged trees of a step to rows by role.

        Those of a role that does not learn in this step are neither whitened nor marked nor distilled. Collective.
        """
        rows = {}
        for role, measured in self.measured.items():
            own = merged(role_rows(self.roles[role], trees, self.pay, player_of_step(self.run, role, step)))
            rows[role] = self.shapings[role](own, measured)
            if role in learning:
                rows[role] = self._finished(role, rows[role], trees)
        return rows

    def _finished(self, role: str, rows: list[Row], trees: list[Tree]) -> list[Row]:
        player, measured = self.run.players[role], self.measured[role]
        rows = whitened(rows, player, measured)
        rows = planning_credit(rows, self.grams[role], player.hicra) if player.hicra else rows
        if player.distillation:
            rows += distilled(rows, bare_prompts(trees, measured.bare_prompt), player.distillation)
        return rows

    def planning_shares(self, rows: dict[str, list[Row]]) -> dict[str, dict[str, float | None]]:
        """`planning_share` of the tokens of every player that learns by HICRA, whose term acts on those. Collective."""
        return {
            role: zero3.means({"planning_share": planning_counts(rows[role], grams)}, self.measured[role].device)
            for role, grams in self.grams.items()
        }

    def numbers(self, role: str) -> dict[str, float]:
        """What the player's shaping did to the newest rows, for metrics.jsonl."""
        return getattr(self.shapings.get(role), "numbers", {})

    def control(self, role: str) -> Control:
        """What the player's shaping asks of the next update."""
        return getattr(self.shapings.get(role), "control", UNTOUCHED)

    def state(self) -> dict[str, dict[str, float]]:
        """Each role's moving averages."""
        return {role: shaping.state for role, shaping in self.shapings.items()}

    def restore(self, state: dict[str, dict[str, float]]) -> None:
        for role, averages in state.items():
            self.shapings[role].state = averages
