"""The abstraction player, π_abs(z|x): writes a short strategy for a problem, never its answer (RLAD, 2510.02263)."""

from __future__ import annotations

from typing import ClassVar

from rlad.config.registry import role
from rlad.players.roles.base import Demonstration, Group, Role, Sample, Task

DEMONSTRATED = 8
"""Most abstractions of a demonstrated list."""


@role("abstraction", source="2510.02263", starting={"max_new_tokens": 16})
class AbstractionRole(Role):
    """Reads the problem; is paid by how often the solution player succeeds with what it wrote."""

    symbol, title, probe = "π_abs", "abstraction player", "propose"
    judged, proposes = False, True
    tasks: ClassVar = {
        "propose": Task(
            "{question}\n\nDo not solve this problem and do not reveal its answer. Write one short, reusable insight "
            "(a fact, a lemma, a strategy or a pitfall) that would help someone else to solve it. Answer with the "
            "insight only.",
            "<propose> {question} <sep>",
            short="{question}\nHint?",
        ),
        "propose_set": Task(
            "{question}\n\nDo not solve this problem and do not reveal its answer. Write a list of {number} short, "
            "reusable insights (facts, lemmas, strategies or pitfalls) that would each help someone else to solve it. "
            "Make them as different from each other as you can: each should lead to another way of solving the "
            "problem. One insight per line, nothing else.",
            "<propose_set> {number} {question} <sep>",
        ),
    }

    def plays(self, run):
        return super().plays(run) and run.cotrain.abstractions > 0 and run.cotrain.proposals != "reference"

    def groups(self, tree, pay):
        """All draws of a problem are one group.

        Duplicate draws stay as samples of the gradient (only their solving was shared), so the kept set's bias towards
        rare proposals does not enter. With one abstraction per problem there is no group: A = R - b(x), which is its
        reward (the configuration then demands `subtract_bare`).
        """
        if not tree.draws:
            return []
        rewards = zip(tree.draws, pay.draws(tree), strict=True)
        forms = {i: branch.key for i, branch in enumerate(tree.branches)}
        samples = [
            Sample(draw.prompt, draw.completion, reward, strategy=forms.get(draw.branch, draw.text))
            for draw, reward in rewards
        ]
        return [Group(samples, compared=pay.config.abstractions > 1)]

    def written(self, tree):
        return [(draw.text, draw.completion, None) for draw in tree.draws]

    def form(self, text):
        from rlad.entropy.formats import abstraction_format  # measurements are loaded where something is measured

        return abstraction_format(text)

    def group_size(self, run):
        step = run.cotrain
        least = min(n for n, _ in run.curriculum.trees(step.abstractions, step.solutions))
        if step.proposals == "joint":
            return least, "cotrain.abstractions"
        return max(least, step.draws), "cotrain.draws"

    def temperature(self, run):
        return run.sweep.propose_temperature

    def taught(self, abstraction, solution):
        return [("propose", None, abstraction)]

    def reads(self, run):
        """In a list, the items before the last one."""
        step = run.cotrain
        return run.abstraction.max_new_tokens * (step.abstractions - 1) if step.proposals == "joint" else 0

    def longest_task(self, run):
        return ("propose_set", {"number": "8"}) if run.cotrain.proposals == "joint" else (self.probe, {})

    def offers(self, task, problem):
        return len(problem.abstractions) > 1

    def demonstrate(self, task, problem, world, right, rng):
        """A list of a world's different demonstrated abstractions, or of the data's in any order, and how many they
        are; None without two of them."""
        wanted = rng.randint(2, DEMONSTRATED)
        if world is None:
            texts = rng.sample(problem.abstractions, min(wanted, len(problem.abstractions)))
            texts = [" ".join(text.split()) for text in texts]  # a line each
        else:
            drawn: dict[str, str] = {}
            for _ in range(4 * wanted):
                text = world.propose(problem, rng)
                drawn.setdefault(world.canonical_abstraction(text), text)
            texts = list(drawn.values())[:wanted]
        if len(texts) < 2:
            return None
        return Demonstration({"number": str(len(texts))}, chat="\n".join(texts), world=" <sep> ".join(texts))

    def samples(self, run, problems, bare):
        step = run.cotrain
        most = max(n for n, _ in run.curriculum.trees(step.abstractions, step.solutions))
        return problems * (max(most, step.draws) if step.proposals == "distinct" else most)
