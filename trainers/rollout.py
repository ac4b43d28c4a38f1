"""The phases of a step that sample: propose, gate, solve, judge, and what may come between them and credit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial

import torch

from rlad.config import RunConfig
from rlad.players.roles import Role, TreeReader
from rlad.problems import Problem, World, tool_of
from rlad.reasoning.flow import Flow, overlaps
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Bare, Reasoner
from rlad.reasoning.tree import BARE, Plan, Tree
from trainers.data.allocation import further_solutions, unbiased_rate
from trainers.data.dynamic_sampling import dynamic_sampling
from trainers.data.plans import SECOND_ROUND, player_sampling, sampling_seed, step_plan
from trainers.data.step_problems import StepProblems
from trainers.learner.learner import Learner, owners
from trainers.methods.hooks import Methods
from trainers.metrics.proposal_lengths import FURTHER, budget, length_sentence
from trainers.metrics.rollouts import rollout_statistics
from trainers.rewards import solved
from trainers.runtime import zero3
from trainers.runtime.loggers import Stopwatch
from trainers.runtime.rollouts import Rollouts

Phase = Callable[[str], AbstractContextManager]
"""A name of `rlad.config.phases` -> what measures it."""


class RolloutPhases:
    """The players' samplers, the judge and the reasoner over them, and one method per phase that isn't one call."""

    def __init__(
        self,
        run: RunConfig,
        roles: Mapping[str, Role],
        learners: dict[str, Learner],
        problems: StepProblems,
        world: World | None,
        device: torch.device,
    ):
        self.run, self.config, self.problems, self.device = run, run.cotrain, problems, device
        self.learners = learners
        self.readers = {name: role for name, role in roles.items() if isinstance(role, TreeReader)}
        self.judge = Judge(run.verifier, world, run.problems.value_answers)
        proposer, solver = learners.get("abstraction", learners["solution"]), learners["solution"]
        prompts = proposer.policy.prompts, solver.policy.prompts
        self.reasoner = Reasoner(proposer.sampler, solver.sampler, *prompts, self.judge, world)
        self.methods = Methods(run, learners, self.reasoner, problems.train, world)
        self.paced = Rollouts(problems.draw, self.grow, self.judge)
        """The trees of one step after another."""

    def grow(self, guided: list[Tree], bare: list[Tree], step: int, clock: Stopwatch) -> None:
        """A rollout, from proposals to verdicts, on this rank alone."""
        self._grow(guided, bare, step_plan(self.run, step), step, clock.phase)

    def _grow(self, guided: list[Tree], bare: list[Tree], plan: Plan, step: int, phase: Phase) -> None:
        if overlaps(self.reasoner):
            self._flow(guided, bare, plan, step, phase)
            return
        with phase("propose"):
            self.reasoner.propose(guided, plan)
        with phase("gate"):
            self.reasoner.gate(guided)
        self.solve_and_judge(guided, bare, plan, step, phase)

    def _flow(self, guided: list[Tree], bare: list[Tree], plan: Plan, step: int, phase: Phase) -> None:
        """A phase ends with the last of its texts or verdicts; what overlaps it of later ones is in its own time."""
        beside = self._beside(guided, bare, plan, step)
        with Flow(self.reasoner, guided, plan, self.config.gate.enabled, beside) as flow:
            with phase("propose"):
                flow.propose()
            with phase("solve"):
                flow.solve()
                self.methods.solved(guided, plan, self.seed(step, 3))
            with phase("judge"):
                flow.judge()
        self._judge(guided, bare, plan, phase)

    def solve_and_judge(
        self, guided: list[Tree], bare: list[Tree], plan: Plan, step: int, phase: Phase = lambda name: nullcontext()
    ) -> None:
        """All solutions with their verdicts, of trees that have their abstractions."""
        with phase("solve"):
            self.solve(guided, bare, plan, step)
        self._judge(guided, bare, plan, phase)

    def _judge(self, guided: list[Tree], bare: list[Tree], plan: Plan, phase: Phase) -> None:
        """What has no verdict yet; with `cotrain.adaptive` a second round of solutions, by the first one's verdicts."""
        with phase("judge"):
            self.reasoner.judge(guided + bare)
        if not self.config.adaptive.first:
            return
        places = [(tree, index) for tree in guided for index, one in enumerate(tree.branches) if one.solutions]
        places = places if self.config.abstractions else [(tree, BARE) for tree in bare]
        with phase("solve"):
            rows = self.solve_further(places, plan)
        with phase("judge"):
            self.reasoner.judge(guided + bare)
            if not self.config.schedule.lag:  # whose solver pays, from a fixed number of solutions
                self._pay(places, rows)

    def solve_further(self, places: list[tuple[Tree, int]], plan: Plan) -> list[list[int]]:
        """What the first round has left of this rank's solutions, where they are least certain; the table by which."""
        settings, right = self.config.adaptive, [self._right(tree, index) for tree, index in places]
        budget = sum(plan.of(tree).solutions_of(index) - settings.first for tree, index in places)
        most = settings.most - settings.first
        rows = further_solutions(right, settings.first, budget, most, settings.prior)
        wanted = [(*place, row[own]) for place, row, own in zip(places, rows, right, strict=True)]
        sampling = replace(plan.solve, seed=plan.solve.seed + SECOND_ROUND)
        self.reasoner.solve_further(wanted, sampling, self.bare_task)
        return rows

    def _right(self, tree: Tree, index: int) -> int:
        return sum(solved(solution, self.config) for solution in tree.under(index))

    def _pay(self, places: list[tuple[Tree, int]], rows: list[list[int]]) -> None:
        """An abstraction earns the unbiased estimate of its success, which is not the share of right solutions here."""
        for (tree, index), row in zip(places, rows, strict=True):
            if index != BARE:
                further = sum(solution.further for solution in tree.under(index))
                tree.branches[index].reward = unbiased_rate(self._right(tree, index), further, row)

    def solve(self, guided: list[Tree], bare: list[Tree], plan: Plan, step: int) -> None:
        """Guided solutions where the gate let pass; bare ones for anchors, baselines and plain training."""
        beside = self._beside(guided, bare, plan, step)
        self.reasoner.solve(guided, plan, skip_leaks=self.config.gate.enabled, bare=beside)
        self.methods.solved(guided, plan, self.seed(step, 3))

    def _beside(self, guided: list[Tree], bare: list[Tree], plan: Plan, step: int) -> list[Bare]:
        seed = player_sampling(self.run, "solution", step, 2).seed
        samples = self.config.bare.solutions if self.config.abstractions else plan.first_of(BARE)
        return [Bare(bare, samples, seed, self.bare_task), Bare(guided, self.config.bare.baseline_samples, seed)]

    def dynamic_sampling(self, guided: list[Tree], bare: list[Tree], step: int) -> dict[str, float]:
        """Further problems for those without a signal, through the same phases; anchors are left alone."""
        alone = not self.config.abstractions

        def sample(number: int, missing: int) -> list[Tree]:
            trees = self.problems.further(missing, step)
            plan = step_plan(self.run, step, more=number)
            self._grow([] if alone else trees, trees if alone else [], plan, step, lambda name: nullcontext())
            return trees

        return dynamic_sampling(bare if alone else guided, self.config, self.device, sample)

    def judged(self, trees: list[Tree], step: int) -> dict[str, float | None]:
        """Second attempts and rewards, after the verdicts. Returns means over all ranks. Collective."""
        return self.methods.judged(trees, player_sampling(self.run, "solution", step, 7))

    def act(self, trees: list[Tree], step: int) -> None:
        """What the roles that read judged trees add to them, each sampled by its own player."""
        for number, (name, role) in enumerate(self.readers.items()):
            learner = self.learners[name]
            sampling = player_sampling(self.run, name, step, 4, more=number)
            role.act(trees, learner.policy.prompts, partial(learner.sampler.generate, sampling=sampling), self.run)

    @property
    def bare_task(self) -> str:
        """How a problem is solved without an abstraction."""
        return "one_pass" if self.config.one_pass else "plain"

    def seed(self, step: int, phase: int) -> int:
        return sampling_seed(self.run.seed, step, zero3.rank(), phase)

    def correct_solutions(self, problems: list[Problem]) -> list[str]:
        """Texts of the samplers' correct solutions without an abstraction; not counted as training rollouts."""
        trees = [Tree(problem) for problem in problems]
        sampling = player_sampling(self.run, "solution", 0, 3)
        self.reasoner.solve_bare(trees, self.run.instruments.gram_samples, sampling, self.bare_task)
        self.reasoner.judge(trees)
        self.judge.take_counters()
        return [solution.text for tree in trees for solution in tree.bare if solution.correct]

    def check_lengths(self) -> None:
        """Says before step 1 whether proposals end within abstraction.max_new_tokens, as far as there will be some.

        They are drawn from a seed of their own and thrown away. Collective; raises PlainError on every rank where none
        of them ends.
        """
        count = self.config.check_proposals
        if not count or "abstraction" not in self.learners:
            return
        most, number = budget(self.run)
        train = self.problems.train
        trees = [Tree(train[place * len(train) // count]) for place in range(count)]
        ids = partial(self.reasoner.list_ids, number=number) if number > 1 else self.reasoner.propose_ids
        prompts = [ids(tree) for tree in trees]
        tried = max(most, min(FURTHER * most, self._positions("abstraction") - max(map(len, prompts))))
        sampling = replace(player_sampling(self.run, "abstraction", 0, 0), max_new_tokens=tried)
        own = prompts[zero3.rank() :: zero3.world_size()]
        written = self.reasoner.proposer.generate(own, sampling) if own else []
        lengths = zero3.gather([one.generated if one.finish_reason == "stop" else None for one in written])
        said = length_sentence(lengths, self.run, tried)
        if zero3.rank() == 0:
            print(said, flush=True)

    def _positions(self, role: str) -> float:
        """Tokens that a player's model takes, without what a tool may put there; infinite where it does not say."""
        tool = tool_of(self.run.problems)
        described = self.learners[role].policy.model.config.get_text_config()
        return getattr(described, "max_position_embeddings", math.inf) - (tool.calls * tool.room if tool else 0)

    def validate(self, step: int) -> dict:
        """The pair on this rank's share of the validation problems: n distinct abstractions, one solution each."""
        plan = replace(step_plan(self.run, step), solutions=1)
        trees = self.reasoner.run(self.problems.validation[zero3.rank() :: zero3.world_size()], plan)
        return rollout_statistics(trees, self.config, self.device)["rollout"]

    def sleep(self) -> None:
        """The samplers' share of the GPUs is the trainer's now; the next rollout or publish wakes them."""
        for learner in owners(self.learners.values()):
            learner.sampler.sleep()

    def close(self) -> None:
        self.methods.close()
        self.judge.close()
        for learner in owners(self.learners.values()):
            learner.sampler.close()
