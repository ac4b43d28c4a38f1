"""What a configuration adds to plain two-player RL, at the three places of a step where it may act.

    before     the lagged solver is renewed; offline phases that are due run
    solved     the lagged solver solves too
    judged     failures are refined; rewards beyond the verdict are measured

The loop calls these and knows no method by name; methods are chosen by name here, in trainers/credit and in
trainers/rewards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rlad.config import RunConfig, VerifierConfig
from rlad.generation import Sampling
from rlad.problems import Problem, World
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Tree
from trainers.credit.groups import groups
from trainers.data.cursor import Cursor
from trainers.learner.learner import Learner
from trainers.learner.scoring import LearnerScorer
from trainers.methods.critique import Refiner
from trainers.methods.lagged_solver import LaggedSolver
from trainers.methods.rft import rft_phase
from trainers.methods.schedules import offline_phases, renews_lagged_solver
from trainers.methods.sft_phase import SEED, check_demonstrations, supervised_phase
from trainers.methods.tools import Tools
from trainers.rewards import Evidence, measure_rewards
from trainers.runtime import zero3
from trainers.runtime.snapshots import Files

OFFLINE: dict[str, Callable[[Tools, int, list[Problem]], dict]] = {"rft": rft_phase, "sft_phase": supervised_phase}
"""(tools, step, problems of this rank) -> statistics; generated tokens of all ranks under `tokens`."""


class Methods:
    """The methods of one run and their state."""

    def __init__(
        self,
        run: RunConfig,
        learners: dict[str, Learner],
        reasoner: Reasoner,
        problems: list[Problem],
        world: World | None,
    ):
        config, solver = run.cotrain, learners["solution"]
        self.config, self.problems, self.device = config, problems, solver.device
        if config.sft_phase.every:
            check_demonstrations(problems, world)
        self.lagged = LaggedSolver(run, solver) if config.schedule.lag else None
        sampler = self.lagged.sampler if self.lagged else None
        judge = Judge(VerifierConfig(), world, run.problems.value_answers)
        self.tools = Tools(run, learners, reasoner, world, judge, sampler)
        scorer = LearnerScorer(solver, config.micro_batch)
        self.evidence = Evidence(run, scorer, self.tools.judge, world, zero3.gather)
        self.refiner = Refiner(run, reasoner) if config.critique.source != "none" else None
        seeds = {"rft": "rft", "sft_phase": SEED}
        self.cursors = {name: Cursor(len(problems), f"{run.seed}|{seeds[name]}") for name in OFFLINE}

    def due(self, step: int) -> bool:
        """Whether `before` has anything to do."""
        return bool(offline_phases(self.config, step)) or renews_lagged_solver(self.config.schedule, step)

    def before(self, step: int) -> dict[str, dict]:
        """What happens between two steps; returns each offline phase's statistics. Collective."""
        if renews_lagged_solver(self.config.schedule, step):
            self.lagged.renew(step)
        results = {}
        sizes = {"rft": self.config.rft.problems, "sft_phase": self.config.sft_phase.problems}
        for name in offline_phases(self.config, step):
            picked = self.cursors[name].take(sizes[name])
            own = [self.problems[i] for i in picked][zero3.rank() :: zero3.world_size()]
            results[name] = OFFLINE[name](self.tools, step, own)
        return results

    def solved(self, trees: list[Tree], plan: Plan, seed: int) -> None:
        """After the learning solver has solved."""
        if self.lagged:
            plan = replace(plan, solve=Sampling(plan.solve.temperature, plan.solve.max_new_tokens, seed))
            self.tools.reasoner.solve(trees, plan, self.config.gate.enabled, self.lagged.sampler)

    def judged(self, trees: list[Tree], sampling: Sampling) -> dict[str, float | None]:
        """After the verdicts: second attempts and rewards. Returns means over all ranks. Collective.

        sampling: of the solver in this step, with a seed of its own.
        """
        learnt_from = [tree for tree in trees if groups(tree, self.config)]
        counts = self.refiner(learnt_from, sampling) if self.refiner else {}
        counts |= measure_rewards(trees, replace(self.evidence, seed=sampling.seed))
        return zero3.means(counts, self.device) if counts else {}

    def state(self) -> dict:
        """The offline phases' places in the data, and the step of the lagged solver's weights."""
        lagged = self.lagged.state() if self.lagged else None
        return {"cursors": {name: cursor.state() for name, cursor in self.cursors.items()}, "lagged_solver": lagged}

    def restore(self, state: dict) -> None:
        for name, position in state["cursors"].items():
            self.cursors[name].restore(position)
        if self.lagged:
            self.lagged.restore(state["lagged_solver"])

    def files(self, folder: Path) -> Files:
        """The weights that nobody else has, for a checkpoint's folder."""
        return self.lagged.files(folder) if self.lagged else {}

    def load(self, folder: Path) -> None:
        """Takes up what `files` gave."""
        if self.lagged:
            self.lagged.load(folder)

    def close(self) -> None:
        if self.refiner:
            self.refiner.close()
