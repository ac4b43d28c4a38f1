"""The two-policy RL loop. Run under the `deepspeed` launcher: `python -m trainers.launching train CONFIG`.

One step, in phases whose names are the same in code, metrics and report (`rlad.config.phases`).
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch

from rlad.card import write_cards
from rlad.config import RunConfig, as_tree
from rlad.players.matmul import one_library
from rlad.players.roles import playing
from rlad.problems import world_of
from rlad.reasoning.tree import Tree
from trainers.credit.measurements import Measurements
from trainers.credit.phase import Credit
from trainers.credit.planning import credited_grams
from trainers.credit.standing import Standing
from trainers.data.step_problems import StepProblems
from trainers.launching.folder import started_run
from trainers.learner.assembly import export_player, make_learner
from trainers.learner.checkpoint import Checkpoints
from trainers.learner.checkpoint_writer import Writer
from trainers.learner.learner import Learner, owners
from trainers.learner.publishing import publish
from trainers.learner.scoring import hidden_states, reference_gaps
from trainers.learner.update import update, update_together
from trainers.losses.entropy import scheduled
from trainers.methods.schedules import checkpoint_due, done, grows_ahead, rate, straight
from trainers.methods.schedules import learners as learners_of
from trainers.metrics.alarms import Alarms, AlarmStop
from trainers.metrics.instruments import Instruments
from trainers.metrics.rollouts import player_statistics, rollout_statistics, step_summary, tree_record
from trainers.metrics.strategic_grams import frozen_grams, wanted
from trainers.metrics.teaching import teaching_shares
from trainers.rollout import RolloutPhases
from trainers.runtime import zero3
from trainers.runtime.loggers import Events, JsonLines, Stopwatch, WandB


class Cotrainer:
    """Both learners, the problems, the rollouts over both samplers, and one method per phase that isn't one call."""

    def __init__(self, run: RunConfig, folder: Path):
        self.run, self.config, self.folder = run, run.cotrain, folder
        self.device, world = zero3.start(run.launch), world_of(run.problems)
        self.problems, self.roles = StepProblems(run, folder), playing(run)
        self.learners = self._learners()
        self.rollout = RolloutPhases(run, self.roles, self.learners, self.problems, world, self.device)
        self.methods, self.tokens, self.progress = self.rollout.methods, 0, 0.0
        mined = (self.problems.train, world, self.rollout.correct_solutions)
        grams = frozen_grams(run, folder, *mined) if wanted(run) else None
        self.instruments = Instruments(run, self.roles, self.learners, grams, world is not None)
        self.alarms = Alarms(run.alarms, tuple(self.roles))
        tokenizers = {role: learner.policy.tokenizer for role, learner in self.learners.items()}
        measured = {role: self._measurements(learner) for role, learner in self.learners.items()}
        self.credit = Credit(run, self.roles, measured, credited_grams(run, grams, tokenizers))
        parts = {"run": self, "methods": self.methods, "credit": self.credit, "alarms": self.alarms}
        parts |= self.problems.parts
        kept, writer = self.config.keep_checkpoints, Writer(self.config.checkpoint_async, run.launch.timeout)
        forms = {"lora": run.lora, "steering": run.steering}
        self.checkpoints = Checkpoints(folder / "checkpoints", self.learners, parts, forms, kept, self.methods, writer)

    def _measurements(self, learner: Learner) -> Measurements:
        """What credit may ask of a player."""
        size = self.config.micro_batch
        return Measurements(
            self.device,
            partial(hidden_states, learner, micro_batch=size),
            partial(reference_gaps, learner, micro_batch=size),
            partial(self.standing, learner),
            partial(learner.policy.prompts.ids, self.rollout.bare_task),
        )

    def _learners(self) -> dict[str, Learner]:
        """The players in training, each with a few fixed prompts to check its sampler with."""
        questions = [problem.question for problem in self.problems.train[:8]]
        learners: dict[str, Learner] = {}
        for name, role in self.roles.items():
            other = next(iter(learners.values()), None)
            learner = learners[name] = make_learner(self.run, name, self.folder, self.device, other)
            learner.probe = [learner.policy.prompts.ids(role.probe, question) for question in questions]
        return learners

    @property
    def width(self) -> int:
        """Hidden size of the widest player."""
        return max(one.policy.model.config.get_text_config().hidden_size for one in self.learners.values())

    def room_for(self, trees: list[Tree]) -> bool:
        """Whether the token budget asks for another step behind that of these trees. Collective where it is limited."""
        if not self.config.max_tokens:
            return True
        (tokens,) = zero3.total([sum(tree.tokens for tree in trees)], self.device)
        return self.tokens + tokens < self.config.max_tokens

    def learning(self, step: int) -> list[str]:
        """The roles that learn in a step."""
        return [role for role in learners_of(self.config.schedule, step, tuple(self.roles)) if role in self.roles]

    def update(self, rows: dict, step: int) -> dict[str, dict]:
        """Both players' credit was computed before either moves."""
        self.versions = {name: learner.owner.version for name, learner in self.learners.items()}
        learning = self.learning(step)
        for role in learning:
            learner = self.learners[role]
            decay = straight(step, self.config.steps, learner.config.min_lr_ratio)
            control = self.credit.control(role)
            share = decay * rate(self.config.schedule, step, role) * control.rate
            zero3.set_lr(learner.model_engine, learner.config.lr * share)
            learner.kl_factor = control.kl
            if learner.config.entropy_final is not None:
                learner.entropy_coefficient = scheduled(learner.config, self.progress)
        if not self.config.shared_weights and self.config.shared_norm == "role":
            return {role: update(self.learners[role], rows[role], self.run) for role in learning}
        own = [rows[role] for role in learning]
        found = update_together([self.learners[role] for role in learning], own, self.run)
        return dict(zip(learning, found, strict=True))

    def publish(self, updates: dict[str, dict]) -> float | None:
        """Sends what has changed to the samplers; returns the worst parity gap, nats."""
        return publish([self.learners[role] for role, stats in updates.items() if stats["updated"]], self.run)

    def row(self, step: int, trees: list[Tree], rows: dict, updates: dict[str, dict]) -> dict:
        """The step's numbers but for those of methods and instruments; adds its tokens to the run's. Collective."""
        row = rollout_statistics(trees, self.config, self.device)
        self.tokens += row["tokens_generated"]
        row |= {"step": step, "tokens_generated_total": self.tokens}
        row |= {"bands": self.problems.curriculum.sizes()} if self.problems.curriculum else {}
        taught = teaching_shares({name: rows[name] for name in updates}, trees, self.device)
        for name, role in self.roles.items():
            row[name] = player_statistics(trees, role, self.credit.pay, self.device, self.versions[name])
            self.learners[name].reward = row[name]["reward"]
            row[name] |= updates.get(name, {"updated": 0}) | self.credit.numbers(name)
            row[name] |= {"teaching_tokens": taught[name]} if name in taught else {}
        row["rollout"]["teaching_tokens"] = sum(share or 0.0 for share in taught.values())
        row["verifier"] = self.rollout.judge.take_counters()
        return row

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
            size, lora = self.run.zero.bucket_size, self.run.lora
            state = zero3.full_state(owner.model_engine, size)
            adapter = zero3.learnt_state(owner.model_engine, size) if lora.rank else {}
            for learner in self.learners.values() if zero3.rank() == 0 else ():
                if learner.owner is owner:
                    export_player(learner.policy, state, adapter, lora)
        if zero3.rank() == 0:
            write_cards(self.run, self.folder)


def cotrain(run: RunConfig, folder: Path) -> None:
    """Trains to the end, from where the folder's newest checkpoint is."""
    trainer = Cotrainer(run, folder)
    # Rollouts beside updates multiply in another thread. For the whole run, so that a resumed one is rounded alike.
    with one_library(trainer.width) if run.launch.overlap else nullcontext(), trainer.checkpoints.writer:
        train_steps(trainer, run, folder)


def train_steps(trainer: Cotrainer, run: RunConfig, folder: Path) -> None:
    """The loop."""
    config, writes = run.cotrain, zero3.rank() == 0
    metrics, samples = JsonLines(folder / "metrics.jsonl", writes), JsonLines(folder / "samples.jsonl", writes)
    events, clock = Events(folder / "events", writes), Stopwatch()
    wandb = WandB(folder, run.track.wandb, as_tree(run), writes)
    step = trainer.resume()
    metrics.truncate_after(step)
    samples.truncate_after(step)
    if step == 0:
        trainer.rollout.check_lengths()
    while step < config.steps and not 0 < config.max_tokens <= trainer.tokens:
        step += 1
        trainer.progress = done(step, trainer.tokens, config)
        clock.lap()
        trainer.checkpoints.writer.check()
        extras: dict[str, dict] = {}
        if trainer.methods.due(step):
            with clock.phase("offline"):
                extras["offline"] = trainer.methods.before(step)
            trainer.tokens += sum(phase.get("tokens", 0) for phase in extras["offline"].values())
        guided, bare = trainer.rollout.paced.of(step, clock)
        if config.dynamic_sampling:
            with clock.phase("dynamic_sampling"):
                extras["dynamic_sampling"] = trainer.rollout.dynamic_sampling(guided, bare, step)
        trees = guided + bare
        with clock.phase("judge"):
            extras["rewards"] = trainer.rollout.judged(trees, step)
        if trainer.rollout.readers:
            with clock.phase("select"):
                trainer.rollout.act(trees, step)
        with clock.phase("credit"):
            trainer.rollout.sleep()
            trainer.problems.rates.add(guided if config.abstractions else bare, config, trainer.device)
        if grows_ahead(run, step + 1) and trainer.room_for(trees):
            trainer.rollout.paced.begin(step + 1, clock)
        with clock.phase("credit"):
            rows = trainer.credit(trees, trainer.learning(step), step)
            planning = trainer.credit.planning_shares(rows)
        trainer.instruments.begin(step, trees)
        with clock.phase("update"):
            updates = trainer.update(rows, step)
        extras["overlapped"] = trainer.rollout.paced.finish(clock)
        with clock.phase("publish"):
            parity = trainer.publish(updates)
        with clock.phase("instruments"):
            measured = trainer.instruments.measure(step, rows, updates)
            extras["overlapped"] |= trainer.instruments.lap()
        with clock.phase("record"):
            if config.validate_every and step % config.validate_every == 0:
                extras["validation"] = trainer.rollout.validate(step)
            row = trainer.row(step, trees, rows, updates) | {"parity": parity}
            row |= {name: extra for name, extra in extras.items() if extra}
            row["rollout"] |= measured.pop("rollout", {})
            for name in trainer.roles:
                row[name] |= planning.get(name, {})
                row[name] |= {"instruments": measured[name]} if measured else {}
            if config.samples_every and step % config.samples_every == 0 and trees:
                samples.write(tree_record(trees[0], step, run))
            raised, stop = trainer.alarm(row, step)
        if checkpoint_due(config, step):
            trainer.checkpoints.save(step, clock)
        row["seconds"] = clock.lap()
        metrics.write(row)
        events.write(row, step)
        wandb.write(row, step)
        if writes:
            lines = [step_summary(row, trainer.roles, config.steps), *(f"alarm: {sentence}" for sentence in raised)]
            print("\n".join(lines), flush=True)
        if stop:
            trainer.checkpoints.finish()
            raise AlarmStop(stop)
    trainer.export()
    trainer.checkpoints.finish()
    events.close()
    wandb.close()
    trainer.rollout.close()


def main() -> None:
    cotrain(*started_run(__doc__))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
