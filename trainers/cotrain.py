"""The two-policy RL loop. Run under the `deepspeed` launcher: `python -m trainers.launching train CONFIG`.

One step, in phases whose names are the same in code, metrics and trace: draw, propose, gate, solve, judge, credit,
update, publish, record.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import torch

from rlad.config import ROLES, WORLDS, RunConfig
from rlad.generation import Sampling
from rlad.players.adapters import add_adapter
from rlad.players.policy import make_policy
from rlad.problems import Problem, load_problems, make_world
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Tree
from trainers.credit.planning_marks import marked, planners
from trainers.credit.rows import abstraction_rows, merged, solution_rows
from trainers.data.cursor import Cursor
from trainers.data.dynamic_sampling import PassRates, refill
from trainers.launching.folder import started_run
from trainers.learner import checkpoint as checkpoints
from trainers.learner.parity import check_parity
from trainers.learner.update import Learner, update
from trainers.methods.hooks import Methods
from trainers.methods.schedules import learners as learners_of
from trainers.methods.schedules import rate
from trainers.metrics.instruments import Instruments
from trainers.metrics.rollouts import player_statistics, rollout_statistics, tree_record
from trainers.metrics.strategic_grams import frozen_grams, wanted
from trainers.runtime import zero3
from trainers.runtime.loggers import Events, JsonLines, Stopwatch, WandB
from trainers.runtime.samplers import make_sampler


class Cotrainer:
    """Both learners, the reasoner over their samplers, the data, and one method per phase that isn't one call."""

    def __init__(self, run: RunConfig, folder: Path):
        self.run, self.config, self.folder = run, run.cotrain, folder
        self.device = zero3.start(run.launch)
        self.world = make_world(run.problems) if run.problems.source in WORLDS else None
        self.problems = load_problems(run.problems, "train")
        self.validation = load_problems(run.problems, "validation") if self.config.validate_every else []
        self.cursor = Cursor(len(self.problems), run.seed)
        self.rates = PassRates(self.problems, self.config.retire_above, self.config.problems)
        self.learners: dict[str, Learner] = {}
        for role in self._roles():
            self.learners[role] = self._learner(role)
        self.judge = Judge(run.verifier, self.world)
        proposer, solver = self.learners.get("abstraction", self.learners["solution"]), self.learners["solution"]
        self.reasoner = Reasoner(
            proposer.sampler, solver.sampler, proposer.policy.prompts, solver.policy.prompts, self.judge, self.world
        )
        self.tokens = 0
        self.methods = Methods(self)
        grams = frozen_grams(run, folder, self.problems, self.world, self.correct_solutions) if wanted(run) else None
        self.instruments = Instruments(run, self.learners, grams, self.world is not None)

    def _roles(self) -> tuple[str, ...]:
        return ROLES if self.config.abstractions else ("solution",)

    def _learner(self, role: str) -> Learner:
        player = getattr(self.run, role)
        policy = make_policy(role, starting_model(self.run, role, self.folder), self.run, self.folder / "export" / role)
        # Full copies are taken before ZeRO-3 partitions the model in place; adapters have one base, so one reference.
        other = next(iter(self.learners.values()), None)
        if self.run.lora.rank and other is not None:
            reference = other.reference
        else:
            reference = copy.deepcopy(policy.model).to(self.device).eval().requires_grad_(False)
        add_adapter(policy.model, self.run.lora, len(ROLES) * self.run.seed + ROLES.index(role))
        sampler = make_sampler(self.run, policy, self.folder, self.device, other and other.sampler)
        settings = zero3.engine_config(
            self.run.zero,
            policy.model.dtype,
            player.lr,
            player.weight_decay,
            (player.beta1, player.beta2),
            player.max_grad_norm,
        )
        policy.model.to(self.device).train()
        engine = zero3.make_engine(policy.model, settings)
        return Learner(policy, player, engine, reference, sampler, self.device, player.entropy)

    def draw(self) -> tuple[list[Problem], list[Problem]]:
        """The step's problems of this rank: (those to propose for, those that stay bare)."""
        picked = [self.problems[i] for i in self.cursor.take(self.config.problems, self.rates.retired())]
        bare = len(picked) if not self.config.abstractions else round(self.config.bare.share * len(picked))
        # Every rank takes its stride of both kinds, so the work is spread as evenly as it divides.
        stride, ranks = zero3.rank(), zero3.world_size()
        return picked[bare:][stride::ranks], picked[:bare][ranks - 1 - stride :: ranks]

    def plan(self, step: int, first_seed: int = 0, refill: int = 0) -> Plan:
        sampling = {}
        for phase, role in enumerate(ROLES, first_seed):
            player = getattr(self.run, role)
            seed = self.seed(step, phase) + refill * 10**12
            sampling[role] = Sampling(player.temperature, player.max_new_tokens, seed)
        return Plan(
            self.config.abstractions,
            self.config.solutions,
            sampling["abstraction"],
            sampling["solution"],
            distinct=self.config.proposals == "distinct",
            draws=self.config.draws,
        )

    def seed(self, step: int, phase: int) -> int:
        """A different sampling seed per run, step, rank and phase."""
        return ((self.run.seed * 100_003 + step) * 1009 + zero3.rank()) * 11 + phase

    def solve(self, guided: list[Tree], bare: list[Tree], plan: Plan, step: int) -> None:
        """Guided solutions where the gate let pass; bare ones for anchors, baselines and plain training."""
        self.reasoner.solve(guided, plan, skip_leaks=self.config.gate.enabled)
        sampling = Sampling(plan.solve.temperature, plan.solve.max_new_tokens, self.seed(step, 2))
        samples = self.config.bare.solutions if self.config.abstractions else self.config.solutions
        self.reasoner.solve_bare(bare, samples, sampling, "one_pass" if self.config.one_pass else "plain")
        if self.config.bare.baseline_samples:
            self.reasoner.solve_bare(guided, self.config.bare.baseline_samples, sampling)
        self.methods.solved(guided, plan, self.seed(step, 3))

    def refill(self, guided: list[Tree], bare: list[Tree], step: int) -> dict[str, float]:
        """Further problems for those without a signal, through the same phases; anchors are left alone."""
        alone = not self.config.abstractions

        def sample(number: int, missing: int) -> list[Tree]:
            picked = self.cursor.take(missing, self.rates.retired())[zero3.rank() :: zero3.world_size()]
            trees = [Tree(self.problems[i]) for i in picked]
            plan = self.plan(step, refill=number)
            if not alone:
                self.reasoner.propose(trees, plan)
                self.reasoner.gate(trees)
            self.solve([] if alone else trees, trees if alone else [], plan, step)
            self.reasoner.judge(trees)
            return trees

        return refill(bare if alone else guided, self.config, self.device, sample)

    def correct_solutions(self, problems: list[Problem]) -> list[str]:
        """Texts of the samplers' correct solutions without an abstraction; not counted as training rollouts."""
        trees, player = [Tree(problem) for problem in problems], self.run.solution
        sampling = Sampling(player.temperature, player.max_new_tokens, self.seed(0, 3))
        task = "one_pass" if self.config.one_pass else "plain"
        self.reasoner.solve_bare(trees, self.run.instruments.gram_samples, sampling, task)
        self.reasoner.judge(trees)
        self.judge.take_counters()
        return [solution.text for tree in trees for solution in tree.bare if solution.correct]

    def validate(self, step: int) -> dict:
        """The pair on this rank's share of the validation problems: n distinct abstractions, one solution each."""
        plan = replace(self.plan(step), solutions=1)
        trees = self.reasoner.run(self.validation[zero3.rank() :: zero3.world_size()], plan)
        return rollout_statistics(trees, self.config, self.device)["rollout"]

    def update(self, rows: dict, step: int) -> dict[str, dict]:
        """Both rewards were computed before either player moves."""
        active = [role for role in learners_of(self.config.schedule, step) if role in self.learners]
        for learner in self.learners.values():
            learner.sampler.sleep()  # its share of the GPU is the trainer's now; the next rollout or publish wakes it
        for role in active:
            player = self.learners[role].config
            share = linear(step, self.config.steps, player.min_lr_ratio) * rate(self.config.schedule, step, role)
            zero3.set_lr(self.learners[role].engine, player.lr * share)
        return {role: update(self.learners[role], rows[role], self.run) for role in active}

    def publish(self, roles) -> float | None:
        """Sends new weights to the samplers and checks that they arrived. Returns the worst parity gap, nats."""
        gaps = []
        for role in roles:
            learner = self.learners[role]
            learner.version += 1
            zero3.publish(learner.engine, learner.sampler, learner.version, self.run.zero.bucket_size)
            gaps.append(check_parity(learner, self.probe[role], self.config.parity_threshold))
        return max(gaps, default=None)

    @cached_property
    def probe(self) -> dict[str, list[list[int]]]:
        """A few fixed prompts per role, the same on every rank and in every step."""
        questions = [problem.question for problem in self.problems[:8]]
        tasks = {"abstraction": "propose", "solution": "plain"}
        return {
            role: [learner.policy.prompts.ids(tasks[role], q) for q in questions]
            for role, learner in self.learners.items()
        }

    @cached_property
    def planners(self) -> dict:
        """Strategic grams of the players that learn by them; read once, after whatever mines them."""
        tokenizers = {role: learner.policy.tokenizer for role, learner in self.learners.items()}
        return planners(self.run, self.folder, tokenizers)

    def state(self, step: int) -> dict:
        return {
            "cursor": self.cursor.position,
            "tokens_generated_total": self.tokens,
            "versions": {role: learner.version for role, learner in self.learners.items()},
            "entropy_coefficients": {role: learner.entropy_coefficient for role, learner in self.learners.items()},
            "methods": self.methods.state(step),
            "pass_rates": self.rates.state(),
            "lora": vars(self.run.lora),
            "entropies": {role: learner.entropy for role, learner in self.learners.items()},
        }

    def save(self, step: int) -> None:
        folder = self.folder / "checkpoints"
        checkpoints.save(folder, step, self.learners, self.state(step), self.config.keep_checkpoints, self.methods.save)

    def restore(self) -> int:
        """Resumes from the newest complete checkpoint; returns the last finished step (0 = fresh)."""
        state = checkpoints.load_newest(self.folder / "checkpoints", self.learners, self.run.lora)
        if state is None:
            return 0
        self.cursor.position, self.tokens = state["cursor"], state["tokens_generated_total"]
        self.rates.restore(state["pass_rates"])
        for role, learner in self.learners.items():
            learner.version = state["versions"][role] - 1  # publishing counts it up again
            learner.entropy_coefficient = state["entropy_coefficients"][role]
            learner.entropy = state["entropies"][role]
        self.methods.restore(state["methods"], checkpoints.step_folder(self.folder / "checkpoints", state["step"]))
        self.publish(self.learners)
        return state["step"]

    def export(self) -> None:
        """Plain Hugging Face folders of both players. Collective."""
        for learner in self.learners.values():
            state = zero3.full_state(learner.engine, self.run.zero.bucket_size)
            if zero3.rank() == 0:
                learner.policy.export(state=state)


def linear(step: int, steps: int, final: float) -> float:
    """1 at the first step, `final` at the last, a straight line between.

    >>> [round(linear(step, 5, 0.2), 3) for step in (1, 3, 5)]
    [1.0, 0.6, 0.2]
    """
    return 1.0 - (1.0 - final) * (step - 1) / max(1, steps - 1)


def starting_model(run: RunConfig, role: str, folder: Path):
    """The model a player starts from: its warm-started own, the warm-started base, or what the configuration names."""
    config = copy.deepcopy(getattr(run, role).model or run.base)
    own = [] if run.lora.rank else [folder / "base" / role]  # adapters share one base
    for candidate in (*own, folder / "base"):
        if (candidate / "config.json").is_file() and getattr(run, role).model is None:
            config.path = str(candidate)
            break
    return config


def cotrain(run: RunConfig, folder: Path) -> None:
    """The loop."""
    trainer = Cotrainer(run, folder)
    config, writes = run.cotrain, zero3.rank() == 0
    metrics, samples = JsonLines(folder / "metrics.jsonl", writes), JsonLines(folder / "samples.jsonl", writes)
    events, clock = Events(folder / "events", writes), Stopwatch()
    wandb = WandB(folder, run.track.wandb, asdict(run), writes)
    step = trainer.restore()
    metrics.truncate_after(step)
    samples.truncate_after(step)
    while step < config.steps and not 0 < config.max_tokens <= trainer.tokens:
        step += 1
        clock.lap()
        offline = {}
        if trainer.methods.due(step):
            with clock.phase("offline"):
                offline = trainer.methods.before(step)
        with clock.phase("draw"):
            problems, bare_problems = trainer.draw()
            guided, bare = [Tree(p) for p in problems], [Tree(p) for p in bare_problems]
            plan = trainer.plan(step)
        with clock.phase("propose"):
            trainer.reasoner.propose(guided, plan)
        with clock.phase("gate"):
            trainer.reasoner.gate(guided)
        with clock.phase("solve"):
            trainer.solve(guided, bare, plan, step)
        with clock.phase("judge"):
            trainer.reasoner.judge(guided + bare)
        if config.refills:
            with clock.phase("refill"):
                refilled = trainer.refill(guided, bare, step)
        with clock.phase("judge"):
            trees = guided + bare
            rewards = trainer.methods.judged(trees, trainer.seed(step, 7))
        with clock.phase("credit"):
            trainer.rates.add(guided if config.abstractions else bare, config, trainer.device)
            rows = {
                "abstraction": merged(abstraction_rows(guided, config, run.abstraction)),
                "solution": merged(solution_rows(trees, config, run.solution)),
            }
            rows = marked(rows | trainer.methods.credited(rows), trainer.planners)
        with clock.phase("update"):
            updates = trainer.update(rows, step)
        with clock.phase("publish"):
            parity = trainer.publish([role for role, stats in updates.items() if stats["updated"]])
        with clock.phase("instruments"):
            measured = trainer.instruments.measure(step, trees, rows, updates)
        with clock.phase("record"):
            row = rollout_statistics(trees, config, trainer.device)
            if config.validate_every and step % config.validate_every == 0:
                row["validation"] = trainer.validate(step)
            trainer.tokens += row["tokens_generated"] + sum(phase.get("tokens", 0) for phase in offline.values())
            row |= {"step": step, "tokens_generated_total": trainer.tokens, "parity": parity}
            row |= {name: extra for name, extra in (("rewards", rewards), ("offline", offline)) if extra}
            if config.refills:
                row["refill"] = refilled
            for role in trainer.learners:
                row[role] = player_statistics(trees, role, config, trainer.device) | updates.get(role, {"updated": 0})
                row[role] |= {"instruments": measured[role]} if measured else {}
            row["rollout"] |= measured.get("rollout", {})
            row["verifier"] = trainer.judge.take_counters()
            if config.samples_every and step % config.samples_every == 0 and trees:
                samples.write(tree_record(trees[0], step, config))
            if step % config.checkpoint_every == 0 or step == config.steps:
                trainer.save(step)
        row["seconds"] = clock.lap()
        metrics.write(row)
        events.write(row, step)
        wandb.write(row, step)
        if writes:
            print(summary(row, config.steps), flush=True)
    trainer.export()
    events.close()
    wandb.close()
    trainer.methods.close()
    trainer.judge.close()
    for learner in trainer.learners.values():
        learner.sampler.close()


def summary(row: dict, steps: int) -> str:
    """One step in one line for the terminal."""
    parts = [f"co-training  step {row['step']:4d}/{steps}"]
    for role, word in (("abstraction", "π_abs"), ("solution", "π_sol")):
        player = row.get(role, {})
        numbers = [f"{name} {player[name]:.3f}" for name in ("reward", "entropy", "kl") if player.get(name) is not None]
        if numbers:
            parts.append(f"{word} " + " ".join(numbers))
    if row["rollout"]["coverage"] is not None:
        parts.append(f"coverage {row['rollout']['coverage']:.2f}")
    return "  |  ".join([*parts, f"{row['seconds']['total']:.1f} s"])


def main() -> None:
    cotrain(*started_run(__doc__))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
