"""The two-policy RL loop. Run under the `deepspeed` launcher: `python -m trainers.launching train CONFIG`.

One step, in phases whose names are the same in code, metrics and report (`rlad.config.phases`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from rlad.card import write_cards
from rlad.config import CotrainConfig, RunConfig, as_tree
from rlad.players.roles import TreeReader, playing
from rlad.problems import Problem, load_problems, world_of
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Bare, Reasoner
from rlad.reasoning.tree import Plan, Tree
from trainers.credit.measurements import Measurements
from trainers.credit.phase import Credit
from trainers.credit.planning import credited_grams
from trainers.credit.standing import Standing
from trainers.data.curriculum import Curriculum, read_measured
from trainers.data.cursor import Cursor
from trainers.data.dynamic_sampling import PassRates, dynamic_sampling
from trainers.data.plans import player_sampling, sampling_seed, step_plan
from trainers.launching.folder import started_run
from trainers.learner.assembly import make_learner
from trainers.learner.checkpoint import Checkpoints
from trainers.learner.learner import Learner, owners
from trainers.learner.publishing import publish
from trainers.learner.scoring import hidden_states, reference_gaps
from trainers.learner.update import update, update_together
from trainers.losses.entropy import scheduled
from trainers.methods.hooks import Methods
from trainers.methods.schedules import checkpoint_due, grows_ahead, rate
from trainers.methods.schedules import learners as learners_of
from trainers.metrics.alarms import Alarms, AlarmStop
from trainers.metrics.instruments import Instruments
from trainers.metrics.rollouts import player_statistics, rollout_statistics, step_summary, tree_record
from trainers.metrics.strategic_grams import frozen_grams, wanted
from trainers.runtime import zero3
from trainers.runtime.loggers import Events, JsonLines, Stopwatch, WandB
from trainers.runtime.rollouts import Rollouts


class Cotrainer:
    """Both learners, the reasoner over their samplers, the data, and one method per phase that isn't one call."""

    def __init__(self, run: RunConfig, folder: Path):
        self.run, self.config, self.folder = run, run.cotrain, folder
        self.device = zero3.start(run.launch)
        self.world = world_of(run.problems)
        self.problems = load_problems(run.problems, "train")
        self.validation = load_problems(run.problems, "validation") if self.config.validate_every else []
        self.cursor = Cursor(len(self.problems), run.seed)
        self.curriculum = self._curriculum()
        self.rates = PassRates(self.problems, self.config.retire_above, self.config.problems, self.curriculum)
        self.roles = playing(run)
        self.readers = {name: role for name, role in self.roles.items() if isinstance(role, TreeReader)}
        self.learners = self._learners()
        self.judge = Judge(run.verifier, self.world, run.problems.value_answers)
        self.reasoner = self._reasoner()
        self.rollouts = Rollouts(self.draw, self.grow, self.judge)
        self.tokens = 0
        self.progress = 0.0
        self.methods = Methods(run, self.learners, self.reasoner, self.problems, self.world)
        grams = frozen_grams(run, folder, self.problems, self.world, self.correct_solutions) if wanted(run) else None
        self.instruments = Instruments(run, self.roles, self.learners, grams, self.world is not None)
        size = self.config.micro_batch
        measured = {
            role: Measurements(
                self.device,
                partial(hidden_states, learner, micro_batch=size),
                partial(reference_gaps, learner, micro_batch=size),
                partial(self.standing, learner),
                partial(learner.policy.prompts.ids, self.bare_task),
            )
            for role, learner in self.learners.items()
        }
        self.alarms = Alarms(run.alarms, tuple(self.roles))
        tokenizers = {role: learner.policy.tokenizer for role, learner in self.learners.items()}
        self.credit = Credit(run, self.roles, measured, credited_grams(run, grams, tokenizers))
        parts = {"run": self, "cursor": self.cursor, "pass_rates": self.rates}
        parts |= {"methods": self.methods, "credit": self.credit, "alarms": self.alarms}
        parts |= {"curriculum": self.curriculum} if self.curriculum else {}
        kept = self.config.keep_checkpoints
        forms = {"lora": run.lora, "steering": run.steering}
        self.checkpoints = Checkpoints(folder / "checkpoints", self.learners, parts, forms, kept, self.methods)

    def _learners(self) -> dict[str, Learner]:
        """The players in training, each with a few fixed prompts to check its sampler with."""
        questions = [problem.question for problem in self.problems[:8]]
        learners: dict[str, Learner] = {}
        for name, role in self.roles.items():
            other = next(iter(learners.values()), None)
            learner = learners[name] = make_learner(self.run, name, self.folder, self.device, other)
            learner.probe = [learner.policy.prompts.ids(role.probe, question) for question in questions]
        return learners

    def _reasoner(self) -> Reasoner:
        proposer, solver = self.learners.get("abstraction", self.learners["solution"]), self.learners["solution"]
        return Reasoner(
            proposer.sampler, solver.sampler, proposer.policy.prompts, solver.policy.prompts, self.judge, self.world
        )

    def _curriculum(self) -> Curriculum | None:
        if not self.run.curriculum.active:
            return None
        return Curriculum(self.run.curriculum, self.problems, read_measured(self.folder), self.config.problems)

    def draw(self, step: int) -> tuple[list[Tree], list[Tree]]:
        """The step's problems of this rank: (those to propose for, those that stay bare)."""
        picked = self.trees(self.cursor.take(self.config.problems, self.rates.skipped(step)))
        bare = len(picked) if not self.config.abstractions else round(self.config.bare.share * len(picked))
        # Every rank takes its stride of both kinds, so the work is spread as evenly as it divides.
        stride, ranks = zero3.rank(), zero3.world_size()
        return picked[bare:][stride::ranks], picked[:bare][ranks - 1 - stride :: ranks]

    def trees(self, picked: list[int]) -> list[Tree]:
        """Trees to grow for problems, with the n and m of their bands."""
        shape = self.curriculum.shape if self.curriculum else lambda index: None
        return [Tree(self.problems[index], shape=shape(index)) for index in picked]

    def grow(self, guided: list[Tree], bare: list[Tree], step: int, clock: Stopwatch) -> None:
        """A rollout, from proposals to verdicts, on this rank alone."""
        plan = step_plan(self.run, step)
        with clock.phase("propose"):
            self.reasoner.propose(guided, plan)
        with clock.phase("gate"):
            self.reasoner.gate(guided)
        with clock.phase("solve"):
            self.solve(guided, bare, plan, step)
        with clock.phase("judge"):
            self.reasoner.judge(guided + bare)

    def room_for(self, trees: list[Tree]) -> bool:
        """Whether the token budget asks for another step behind that of these trees. Collective where it is limited."""
        if not self.config.max_tokens:
            return True
        (tokens,) = zero3.total([sum(tree.tokens for tree in trees)], self.device)
        return self.tokens + tokens < self.config.max_tokens

    def solve(self, guided: list[Tree], bare: list[Tree], plan: Plan, step: int) -> None:
        """Guided solutions where the gate let pass; bare ones for anchors, baselines and plain training."""
        seed = player_sampling(self.run, "solution", step, 2).seed
        samples = self.config.bare.solutions if self.config.abstractions else self.config.solutions
        beside = [Bare(bare, samples, seed, self.bare_task), Bare(guided, self.config.bare.baseline_samples, seed)]
        self.reasoner.solve(guided, plan, skip_leaks=self.config.gate.enabled, bare=beside)
        self.methods.solved(guided, plan, self.seed(step, 3))

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

    def dynamic_sampling(self, guided: list[Tree], bare: list[Tree], step: int) -> dict[str, float]:
        """Further problems for those without a signal, through the same phases; anchors are left alone."""
        alone = not self.config.abstractions

        def sample(number: int, missing: int) -> list[Tree]:
            picked = self.cursor.take(missing, self.rates.skipped(step))[zero3.rank() :: zero3.world_size()]
            trees = self.trees(picked)
            plan = step_plan(self.run, step, more=number)
            if not alone:
                self.reasoner.propose(trees, plan)
                self.reasoner.gate(trees)
            self.solve([] if alone else trees, trees if alone else [], plan, step)
            self.reasoner.judge(trees)
            return trees

        return dynamic_sampling(bare if alone else guided, self.config, self.device, sample)

    def correct_solutions(self, problems: list[Problem]) -> list[str]:
        """Texts of the samplers' correct solutions without an abstraction; not counted as training rollouts."""
        trees = [Tree(problem) for problem in problems]
        sampling = player_sampling(self.run, "solution", 0, 3)
        self.reasoner.solve_bare(trees, self.run.instruments.gram_samples, sampling, self.bare_task)
        self.reasoner.judge(trees)
        self.judge.take_counters()
        return [solution.text for tree in trees for solution in tree.bare if solution.correct]

    def validate(self, step: int) -> dict:
        """The pair on this rank's share of the validation problems: n distinct abstractions, one solution each."""
        plan = replace(step_plan(self.run, step), solutions=1)
        trees = self.reasoner.run(self.validation[zero3.rank() :: zero3.world_size()], plan)
        return rollout_statistics(trees, self.config, self.device)["rollout"]

    def learning(self, step: int) -> list[str]:
        """The roles that learn in a step."""
        return [role for role in learners_of(self.config.schedule, step, tuple(self.roles)) if role in self.roles]

    def sleep(self) -> None:
        """The samplers' share of the GPUs is the trainer's now; the next rollout or publish wakes them."""
        for learner in owners(self.learners.values()):
            learner.sampler.sleep()

    def update(self, rows: dict, step: int) -> dict[str, dict]:
        """Both players' credit was computed before either moves."""
        learning = self.learning(step)
        for role in learning:
            learner = self.learners[role]
            decay = _linear(step, self.config.steps, learner.config.min_lr_ratio)
            control = self.credit.control(role)
            share = decay * rate(self.config.schedule, step, role) * control.rate
            zero3.set_lr(learner.model_engine, learner.config.lr * share)
            learner.kl_factor = control.kl
            if learner.config.entropy_final is not None:
                learner.entropy_coefficient = scheduled(learner.config, self.progress)
        if not self.config.shared_weights:
            return {role: update(self.learners[role], rows[role], self.run) for role in learning}
        own = [rows[role] for role in learning]
        found = update_together([self.learners[role] for role in learning], own, self.run)
        return dict(zip(learning, found, strict=True))

    def publish(self, updates: dict[str, dict]) -> float | None:
        """Sends what has changed to the samplers; returns the worst parity gap, nats."""
        return publish([self.learners[role] for role, stats in updates.items() if stats["updated"]], self.run)

    def standing(self, learner: Learner) -> Standing:
        """Where a player stands, for those of its methods that look."""
        return Standing(learner.entropy, learner.reward, self.progress)

    def state(self) -> dict:
        return {"tokens_generated_total": self.tokens}

    def restore(self, state: dict) -> None:
        self.tokens = state["tokens_generated_total"]

    def resume(self) -> int:
        """Goes on from the newest complete checkpoint; returns the last finished step (0 = fresh)."""
        step = self.checkpoints.load_newest()
        if step:
            publish(self.learners.values(), self.run, probe=True)
        return step

    def alarm(self, row: dict, step: int) -> tuple[list[str], str | None]:
        """(alarms that this step raises, why the run must stop), decided on rank 0 for all. Collective."""
        raised, stop = [], None
        if zero3.rank() == 0:
            try:
                raised = self.alarms.check(row, self.learning(step))
            except AlarmStop as error:
                stop = str(error)
        return zero3.from_first((raised, stop))

    def export(self) -> None:
        """Plain Hugging Face folders of all players, each with the whole model. Collective."""
        for owner in owners(self.learners.values()):
            state = zero3.full_state(owner.model_engine, self.run.zero.bucket_size)
            for learner in self.learners.values() if zero3.rank() == 0 else ():
                if learner.owner is owner:
                    learner.policy.export(state=state)
        if zero3.rank() == 0:
            write_cards(self.run, self.folder)

    def close(self) -> None:
        self.methods.close()
        self.judge.close()
        for learner in owners(self.learners.values()):
            learner.sampler.close()


def _linear(step: int, steps: int, final: float) -> float:
    """1 at the first step, `final` at the last, a straight line between.

    >>> [round(_linear(step, 5, 0.2), 3) for step in (1, 3, 5)]
    [1.0, 0.6, 0.2]
    """
    return 1.0 - (1.0 - final) * (step - 1) / max(1, steps - 1)


def done(step: int, tokens: int, config: CotrainConfig) -> float:
    """Share of the training that lies before `step`, 0 to 1: of the steps or of the token budget, the further one.

    >>> done(1, 0, CotrainConfig(steps=5)), done(5, 0, CotrainConfig(steps=5))
    (0.0, 1.0)
    >>> done(2, 300, CotrainConfig(steps=5, max_tokens=400))
    0.75
    """
    spent = tokens / config.max_tokens if config.max_tokens else 0.0
    return min(1.0, max((step - 1) / max(1, config.steps - 1), spent))


def cotrain(run: RunConfig, folder: Path) -> None:
    """The loop."""
    trainer = Cotrainer(run, folder)
    config, writes = run.cotrain, zero3.rank() == 0
    metrics, samples = JsonLines(folder / "metrics.jsonl", writes), JsonLines(folder / "samples.jsonl", writes)
    events, clock = Events(folder / "events", writes), Stopwatch()
    wandb = WandB(folder, run.track.wandb, as_tree(run), writes)
    step = trainer.resume()
    metrics.truncate_after(step)
    samples.truncate_after(step)
    while step < config.steps and not 0 < config.max_tokens <= trainer.tokens:
        step += 1
        trainer.progress = done(step, trainer.tokens, config)
        clock.lap()
        extras: dict[str, dict] = {}
        if trainer.methods.due(step):
            with clock.phase("offline"):
                extras["offline"] = trainer.methods.before(step)
            trainer.tokens += sum(phase.get("tokens", 0) for phase in extras["offline"].values())
        guided, bare = trainer.rollouts.of(step, clock)
        if config.dynamic_sampling:
            with clock.phase("dynamic_sampling"):
                extras["dynamic_sampling"] = trainer.dynamic_sampling(guided, bare, step)
        with clock.phase("judge"):
            extras["rewards"] = trainer.methods.judged(guided + bare, trainer.seed(step, 7))
        if trainer.readers:
            with clock.phase("select"):
                trainer.act(guided + bare, step)
        with clock.phase("credit"):
            trainer.sleep()
            trainer.rates.add(guided if config.abstractions else bare, config, trainer.device)
        if grows_ahead(run, step + 1) and trainer.room_for(guided + bare):
            trainer.rollouts.begin(step + 1, clock)
        with clock.phase("credit"):
            rows = trainer.credit(guided + bare, trainer.learning(step))
            planning = trainer.credit.planning_shares(rows)
        with clock.phase("update"):
            versions = {name: learner.owner.version for name, learner in trainer.learners.items()}
            updates = trainer.update(rows, step)
        beside = trainer.rollouts.finish(clock)
        with clock.phase("publish"):
            parity = trainer.publish(updates)
        with clock.phase("instruments"):
            measured = trainer.instruments.measure(step, guided + bare, rows, updates)
        with clock.phase("record"):
            trees = guided + bare
            row = rollout_statistics(trees, config, trainer.device)
            if config.validate_every and step % config.validate_every == 0:
                row["validation"] = trainer.validate(step)
            trainer.tokens += row["tokens_generated"]
            row |= {"step": step, "tokens_generated_total": trainer.tokens, "parity": parity}
            row |= {name: extra for name, extra in extras.items() if extra}
            row |= {"overlapped": beside} if beside else {}
            row |= {"bands": trainer.curriculum.sizes()} if trainer.curriculum else {}
            for name, role in trainer.roles.items():
                row[name] = player_statistics(trees, role, trainer.credit.pay, trainer.device, versions[name])
                trainer.learners[name].reward = row[name]["reward"]
                row[name] |= updates.get(name, {"updated": 0}) | planning.get(name, {}) | trainer.credit.numbers(name)
                row[name] |= {"instruments": measured[name]} if measured else {}
            row["rollout"] |= measured.get("rollout", {})
            row["verifier"] = trainer.judge.take_counters()
            if config.samples_every and step % config.samples_every == 0 and trees:
                samples.write(tree_record(trees[0], step, run))
            raised, stop = trainer.alarm(row, step)
            if checkpoint_due(config, step):
                trainer.checkpoints.save(step)
        row["seconds"] = clock.lap()
        metrics.write(row)
        events.write(row, step)
        wandb.write(row, step)
        if writes:
            lines = [step_summary(row, trainer.roles, config.steps), *(f"alarm: {sentence}" for sentence in raised)]
            print("\n".join(lines), flush=True)
        if stop:
            raise AlarmStop(stop)
    trainer.export()
    events.close()
    wandb.close()
    trainer.close()


def main() -> None:
    cotrain(*started_run(__doc__))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
