"""The credit phase of a step: judged trees to every player's rows, with the advantages that updates take as given."""

from __future__ import annotations

from collections.abc import Collection

from rlad.config import RunConfig
from rlad.entropy import StrategicGrams
from rlad.reasoning.tree import Tree
from trainers.credit.measurements import Measurements
from trainers.credit.planning import planning_counts, planning_credit
from trainers.credit.rows import abstraction_rows, solution_rows
from trainers.credit.whitening import whitened
from trainers.data.rows import Row, merged
from trainers.runtime import zero3


class Credit:
    """Advantages of groups, then shaping, whitening over the step on all ranks, and HICRA's term, in this order."""

    def __init__(self, run: RunConfig, measured: dict[str, Measurements], grams: dict[str, StrategicGrams]):
        """`measured`: by role, of the players in training; `grams`: of those that learn by HICRA."""
        self.run, self.measured, self.grams = run, measured, grams
        self.shapings = {role: run.players[role].bound("shaping")() for role in measured}

    def __call__(self, guided: list[Tree], bare: list[Tree], learning: Collection[str]) -> dict[str, list[Row]]:
        """Rows by role. Those of a role that does not learn in this step are neither whitened nor marked. Collective.

        Args:
            guided: this rank's trees with abstractions.
            bare: this rank's trees without, which are anchors, or what is trained where nothing is proposed.
        """
        config = self.run.cotrain
        rows = {
            "abstraction": merged(abstraction_rows(guided, config, self.run.abstraction)),
            "solution": merged(solution_rows(guided + bare, config, self.run.solution)),
        }
        for role, measured in self.measured.items():
            rows[role] = self.shapings[role](rows[role], measured)
            if role in learning:
                rows[role] = self._finished(role, rows[role])
        return rows

    def _finished(self, role: str, rows: list[Row]) -> list[Row]:
        player = getattr(self.run, role)
        rows = whitened(rows, player, self.measured[role])
        return planning_credit(rows, self.grams[role], player.hicra) if player.hicra else rows

    def planning_shares(self, rows: dict[str, list[Row]]) -> dict[str, dict[str, float | None]]:
        """`planning_share` of the tokens of every player that learns by HICRA, whose term acts on those. Collective."""
        return {
            role: zero3.means({"planning_share": planning_counts(rows[role], grams)}, self.measured[role].device)
            for role, grams in self.grams.items()
        }

    def state(self) -> dict[str, dict[str, float]]:
        """Each role's moving averages."""
        return {role: shaping.state for role, shaping in self.shapings.items()}

    def restore(self, state: dict[str, dict[str, float]]) -> None:
        for role, averages in state.items():
            self.shapings[role].state = averages
