"""The abstraction player, π_abs(z|x): writes a short strategy for a problem, never its answer (RLAD, 2510.02263)."""

from __future__ import annotations

from typing import ClassVar

from rlad.config.registry import role
from rlad.players.roles.base import Group, Role, Sample, Task


@role("abstraction", source="2510.02263", starting={"max_new_tokens": 16})
class Abstraction(Role):
    """Reads the problem; is paid by how often the solution player succeeds with what it wrote."""

    symbol, title, probe = "π_abs", "abstraction player", "propose"
    judged, proposes = False, True
    tasks: ClassVar = {
        "propose": Task(
            "{question}\n\nDo not solve this problem and do not reveal its answer. Write one short, reusable insight "
            "(a fact, a lemma, a strategy or a pitfall) that would help someone else to solve it. Answer with the "
            "insight only.",
            "<propose> {question} <sep>",
        )
    }

    def plays(self, run):
        return super().plays(run) and run.cotrain.abstractions > 0

    def groups(self, tree, pay):
        """All draws of a problem are one group.

        Duplicate draws stay as samples of the gradient (only their solving was shared), so the kept set's bias towards
        rare proposals does not enter. With one abstraction per problem there is no group: A = R - b(x), which is its
        reward (the configuration then demands `subtract_bare`).
        """
        if not tree.draws:
            return []
        rewards = zip(tree.draws, pay.draws(tree), strict=True)
        samples = [Sample(draw.prompt, draw.completion, reward) for draw, reward in rewards]
        return [Group(samples, compared=pay.config.abstractions > 1)]

    def written(self, tree):
        return [(draw.text, draw.completion, None) for draw in tree.draws]

    def form(self, text):
        from rlad.entropy.formats import abstraction_format  # measurements are loaded where something is measured

        return abstraction_format(text)

    def group_size(self, run):
        return max(run.cotrain.abstractions, run.cotrain.draws), "cotrain.draws"

    def temperature(self, run):
        return run.sweep.propose_temperature

    def taught(self, abstraction, solution):
        return [("propose", None, abstraction)]

    def samples(self, run, problems, bare):
        step = run.cotrain
        return problems * (step.draws if step.proposals == "distinct" else step.abstractions)
