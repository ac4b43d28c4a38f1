"""The solution player, π_sol(y|x,z): solves a problem with an abstraction in front of it (RLAD, 2510.02263)."""

from __future__ import annotations

from typing import ClassVar

from rlad.config.registry import role
from rlad.players.roles.base import Group, Role, Sample, Task

BOXED = "Reason step by step and put your final answer within \\boxed{}."
HINT = "A hint that may help; use it where it does:\n<abstraction>\n{abstraction}\n</abstraction>\n\n"
ATTEMPT = "Somebody wrote this solution:\n<solution>\n{attempt}\n</solution>\n\n"


@role("solution", source="2510.02263")
class SolutionRole(Role):
    """Reads the problem and an abstraction; is paid for being right."""

    symbol, title, probe = "π_sol", "solution player", "plain"
    solves = states_confidence = True
    own_tasks = ("plain", "guided", "critique", "refine")
    tasks: ClassVar = {
        "plain": Task("{question}\n\n" + BOXED, "<plain> {question} <sep>", short="{question}", thinking=True),
        "guided": Task(
            "{question}\n\n" + HINT + BOXED,
            "<guided> {question} <sep> {abstraction} <sep>",
            short="{question}\nHint: {abstraction}",
            thinking=True,
        ),
        "one_pass": Task(
            "{question}\n\nFirst write one short insight that helps to solve the problem, in "
            "<abstraction></abstraction>. Then solve the problem with it. " + BOXED,
            "<one_pass> {question} <sep>",
            short="{question}\nHint and solution?",
            thinking=True,
        ),
        "critique": Task(
            "{question}\n\n{hint}" + ATTEMPT + "Check it step by step: name the first step that is wrong, and why. "
            "Do not write a new solution. End with 'Conclusion: right' or 'Conclusion: wrong'.",
            "<critique> {question} <sep> {hint}{attempt} <sep>",
            thinking=True,
        ),
        "refine": Task(
            "{question}\n\n{hint}" + ATTEMPT + "What was said about it:\n<critique>\n{critique}\n</critique>\n\n"
            "Solve the problem again and do better. " + BOXED,
            "<refine> {question} <sep> {hint}{attempt} <sep> {critique} <sep>",
            thinking=True,
        ),
    }

    def groups(self, tree, pay):
        """Guided solutions, compared inside one abstraction or across the problem; without abstractions the plain ones.

        Refinements share the baseline of their group (the union of both), but are learnt through the shaped objective
        and carry no KL: they were not sampled from this prompt, and no estimator of the KL holds for them.
        """
        found, gamma = [], pay.config.critique.gamma
        followed = {id(s): branch.key for branch in tree.branches for s in [*branch.solutions, *branch.refined]}
        for solutions, refined in pay.attempts(tree):
            # Where abstractions are compared, the one that was followed is the strategy; under one, the text is.
            keys = {followed.get(id(s)) for s in solutions}
            way = (lambda s: followed.get(id(s), "")) if len(keys) > 1 else (lambda s: " ".join(s.text.split()))
            own = [
                Sample(s.prompt, s.completion, pay.solution(s), strategy=way(s), further=s.further) for s in solutions
            ]
            second = [
                Sample(s.prompt, s.completion, pay.solution(s), shaping=gamma, kl_weight=0.0, strategy=way(s))
                for s in refined
            ]
            found.append(Group(own + second))
        return found

    def anchors(self, tree, pay):
        """The solutions of a bare problem; baseline samples of other problems are only measured. Paid ones are no
        anchors but attempts."""
        if tree.draws or tree.branches or pay.config.abstractions == 0 or pay.config.bare.paid:
            return []
        return [Sample(s.prompt, s.completion, 0.0) for s in tree.bare]

    def written(self, tree):
        return [(s.text, s.completion, s.correct) for s in [*tree.solutions, *tree.bare]]

    def form(self, text):
        from rlad.entropy.formats import solution_format  # measurements are loaded where something is measured

        return solution_format(text)

    def taught(self, abstraction, solution):
        return [("guided", abstraction, solution), ("plain", None, solution)]

    def reads(self, run):
        critique, own = run.cotrain.critique, run.players[self.name].max_new_tokens
        shown = run.abstraction.max_new_tokens if run.cotrain.abstractions else 0
        return shown + (own + critique.max_new_tokens if critique.source != "none" else 0)

    def longest_task(self, run):
        shown = {"abstraction": "x"} if run.cotrain.abstractions else {}
        if run.cotrain.critique.source != "none":
            return "refine", {**shown, "attempt": "x", "critique": "x"}
        return ("guided", shown) if shown else ("plain", {})

    def group_size(self, run):
        step = run.cotrain
        trees = run.curriculum.trees(step.abstractions, step.solutions)
        first, name = step.adaptive.first, "cotrain.adaptive.first" if step.adaptive.first else "cotrain.solutions"
        if step.abstractions and step.solution_group == "problem":
            return min(n * (first or m) for n, m in trees), f"cotrain.abstractions x {name}"
        return min(first or m for _, m in trees), name

    def samples(self, run, problems, bare):
        step = run.cotrain
        return problems * max(max(1, n) * m for n, m in run.curriculum.trees(step.abstractions, step.solutions))
