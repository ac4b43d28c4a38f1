"""What a configuration adds to plain two-player RL, at the four places of a step where it may act.

    before     the lagged partner is renewed; offline phases that are due run
    solved     the lagged partner solves too
    judged     failures are refined; rewards beyond the verdict are measured
    credited   advantages are shaped

The loop calls these and knows no method by name; methods are chosen by name here and in trainers/rewards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rlad.config import VerifierConfig
from rlad.generation import Sampling
from rlad.reasoning.judge import Judge
from rlad.reasoning.tree import Plan, Tree
from trainers.credit.effective_rank import SHAPINGS
from trainers.credit.rows import Row
from trainers.data.cursor import Cursor
from trainers.learner.scoring import EngineScorer
from trainers.methods.critique import Refiner
from trainers.methods.lagged_solver import LaggedPartner
from trainers.methods.rft import rft_phase
from trainers.methods.schedules import offline_phases, renews_partner, turn
from trainers.methods.sft_phase import broaden_phase, check_demonstrations
from trainers.metrics.rollouts import means
from trainers.rewards import Evidence, measure
from trainers.runtime import zero3

OFFLINE: dict[str, Callable] = {"rft": rft_phase, "broaden": broaden_phase}
"""(trainer, step, problems of this rank) -> statistics; generated tokens of all ranks under `tokens`."""


class Methods:
    """The methods of one run and their state."""

    def __init__(self, trainer):
        run, config, solver = trainer.run, trainer.config, trainer.learners["solution"]
        self.trainer, self.config = trainer, config
        if config.broaden.every:
            check_demonstrations(trainer.problems, trainer.world)
        # A judge of its own: what methods check is no rollout and stays out of the verifier's counters.
        judge = Judge(VerifierConfig(), trainer.world)
        scorer = EngineScorer(solver, config.micro_batch)
        self.evidence = Evidence(run, scorer, judge, trainer.world, zero3.gather)
        self.partner = LaggedPartner(run, solver) if config.schedule.lag else None
        self.refiner = Refiner(run, trainer.reasoner) if config.critique.source != "none" else None
        self.shapings = {role: SHAPINGS[getattr(run, role).shaping](config) for role in trainer.learners}
        self.cursors = {name: Cursor(len(trainer.problems), f"{run.seed}|{name}") for name in OFFLINE}

    @property
    def partner_sampler(self):
        """The engine that scores abstractions where that isn't the learning solver's, else None."""
        return self.partner.sampler if self.partner else None

    def due(self, step: int) -> bool:
        """Whether `before` has anything to do."""
        return bool(offline_phases(self.config, step)) or renews_partner(self.config.schedule, step)

    def before(self, step: int) -> dict[str, dict]:
        """What happens between two steps; returns each offline phase's statistics. Collective."""
        if renews_partner(self.config.schedule, step):
            self.partner.renew(step)
        results = {}
        for name in offline_phases(self.config, step):
            picked = self.cursors[name].take(getattr(self.config, name).problems)
            own = [self.trainer.problems[i] for i in picked][zero3.rank() :: zero3.world_size()]
            results[name] = OFFLINE[name](self.trainer, step, own)
        return results

    def solved(self, trees: list[Tree], plan: Plan, seed: int) -> None:
        """After the learning solver has solved."""
        if self.partner:
            plan = replace(plan, solve=Sampling(plan.solve.temperature, plan.solve.max_new_tokens, seed))
            self.trainer.reasoner.solve(trees, plan, self.config.gate.enabled, self.partner.sampler)

    def judged(self, trees: list[Tree], seed: int) -> dict[str, float | None]:
        """After the verdicts: second attempts and rewards. Returns means over all ranks. Collective."""
        trees_learnt_from = [tree for tree in trees if tree.draws or not self.config.abstractions]
        counts = self.refiner(trees_learnt_from, seed) if self.refiner else {}
        counts |= measure(trees, self.evidence)
        return means(counts, self.trainer.device) if counts else {}

    def credited(self, rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
        """After credit, before the update. Collective."""
        return {role: self.shapings[role](learner, rows[role]) for role, learner in self.trainer.learners.items()}

    def state(self, step: int) -> dict:
        """For the checkpoint after `step`: phase, counters, averages."""
        return {
            "turn": turn(self.config.schedule, step),
            "partner_step": self.partner.step if self.partner else None,
            "offline_cursors": {name: cursor.position for name, cursor in self.cursors.items()},
            "shaping": {role: shaping.state for role, shaping in self.shapings.items()},
        }

    def restore(self, state: dict, folder: Path) -> None:
        """Takes up `state` and the files that `save` wrote into the checkpoint."""
        for name, position in state["offline_cursors"].items():
            self.cursors[name].position = position
        for role, averages in state["shaping"].items():
            self.shapings[role].state = averages
        if self.partner:
            self.partner.load(folder, state["partner_step"])

    def save(self, folder: Path) -> None:
        """Writes what doesn't fit into the state."""
        if self.partner:
            self.partner.save(folder)

    def close(self) -> None:
        if self.refiner:
            self.refiner.close()
