"""Critique-GRPO's second attempts (2506.03106): what failed is criticised, solved again, and joins its group.

The refinement is written under a prompt that shows attempt and critique, but learnt under the prompt of the attempt:
the question (with its abstraction, where the group had one), nothing else. Its row carries `shaping`, see
trainers/losses/shaped.py; its advantage comes from the union of the group and its refinements.

Where we differ from the authors' code: refinements are added, none replaces rollout 0; with `groups: all_wrong` only
groups without a success are refined, as their paper says (their code refines all). Their code as published marks the
refined tokens by a number of prefix tokens that is -1, which leaves a set of one with advantage 0; here a refinement is
an ordinary member of its group. Their script clips nothing; other rows here keep the configured loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rlad.config import CotrainConfig, RunConfig
from rlad.generation import Sampling
from rlad.players.prompts import filled
from rlad.players.roles.solution import HINT, SolutionRole
from rlad.problems import Problem
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Solution, Tree
from trainers.credit.groups import groups
from trainers.methods.critique_client import Teacher
from trainers.rewards import solved
from trainers.rewards.evidence import Counts


@dataclass
class Attempt:
    """A failed solution, where it belongs, and what was said about it."""

    tree: Tree
    abstraction: str | None
    home: list[Solution]
    """The refinements of its group."""
    solution: Solution
    critique: str = ""

    @property
    def problem(self) -> Problem:
        return self.tree.problem


Critic = Callable[[list[Attempt], Sampling], None]
"""Writes the attempts' critiques, given how the solver is sampled."""


def failures(trees: list[Tree], config: CotrainConfig) -> list[Attempt]:
    """What is to be refined: the failures of groups that are all wrong, or of any group."""
    found = []
    for tree in trees:
        for group in groups(tree, config):
            wrong = [s for s in group.attempts if not solved(s, config)]
            if config.critique.groups == "any" or len(wrong) == len(group.attempts):
                found += [Attempt(tree, group.abstraction, group.refined, s) for s in wrong]
    return found


def keep_best(refined: list[Solution], config: CotrainConfig) -> list[Solution]:
    """The k refinements that join the group: right ones first, then in the order they were written."""
    return sorted(refined, key=lambda s: not solved(s, config))[: config.critique.keep]


class Refiner:
    """Criticises failed solutions with the configured critic and solves again."""

    def __init__(self, run: RunConfig, reasoner: Reasoner):
        self.run, self.config, self.reasoner = run, run.cotrain.critique, reasoner
        self.prompts = reasoner.solve_prompts
        self.teacher = Teacher(self.config) if self.config.source == "teacher" else None
        self.critic: Critic = {"verifier": self._verdicts, "self": self._own, "teacher": self._taught}[
            self.config.source
        ]

    def __call__(self, trees: list[Tree], sampling: Sampling) -> Counts:
        """Adds refinements to the trees' groups. Returns how many there are and how many of them are right.

        sampling: of the solver in this step.
        """
        config = self.run.cotrain
        attempts = failures(trees, config)
        self.critic(attempts, sampling)
        prompts = [
            self.prompts.ids(
                "refine", a.problem.question, a.abstraction, attempt=a.solution.text.strip(), critique=a.critique
            )
            for a in attempts
        ]
        again = replace(sampling, seed=sampling.seed + 1)
        for attempt, completion in zip(attempts, self.reasoner.solver.generate(prompts, again), strict=True):
            attempt.home.append(self.reasoner.solution(attempt.solution.prompt, completion))
        self.reasoner.judge(trees)
        homes = {id(a.home): a for a in attempts}.values()
        for attempt in homes:
            kept = keep_best(attempt.home, config)
            attempt.tree.extra_tokens += sum(s.tokens for s in attempt.home) - sum(s.tokens for s in kept)
            attempt.home[:] = kept
        kept = [s for attempt in homes for s in attempt.home]
        right = float(sum(solved(s, config) for s in kept))
        total = float(sum(len(groups(tree, config)) for tree in trees))
        return {"refined_correct": (right, len(kept)), "refined_groups": (float(len(homes)), total)}

    def _verdicts(self, attempts: list[Attempt], sampling: Sampling) -> None:
        for attempt in attempts:
            attempt.critique = self.prompts.verdict_text(False, self._gold(attempt))

    def _own(self, attempts: list[Attempt], sampling: Sampling) -> None:
        prompts = [
            self.prompts.ids("critique", a.problem.question, a.abstraction, attempt=a.solution.text.strip())
            for a in attempts
        ]
        short = replace(sampling, max_new_tokens=self.config.max_new_tokens)
        for attempt, completion in zip(attempts, self.reasoner.solver.generate(prompts, short), strict=True):
            attempt.critique = self.prompts.read_critique(list(completion.token_ids))
            attempt.tree.extra_tokens += len(completion.token_ids)

    def _taught(self, attempts: list[Attempt], sampling: Sampling) -> None:
        """The teacher's words are not this run's tokens and are not counted."""
        asked = [teacher_prompt(a, self._gold(a)) for a in attempts]
        for attempt, text in zip(attempts, self.teacher(asked), strict=True):
            attempt.critique = text

    def _gold(self, attempt: Attempt) -> str | None:
        return attempt.problem.answer if self.config.show_gold else None

    def close(self) -> None:
        if self.teacher:
            self.teacher.close()


def teacher_prompt(attempt: Attempt, gold: str | None) -> str:
    """What a teacher is asked: in words, whatever tokenizer the players have."""
    template = SolutionRole.tasks["critique"].chat.replace("{hint}", HINT if attempt.abstraction else "")
    parts = {"question": attempt.problem.question, "abstraction": attempt.abstraction or ""}
    text = filled(template, parts | {"attempt": attempt.solution.text.strip()})
    return text + (f" The right answer is {gold}; do not reveal it." if gold else "")
