"""What training pays for the pair's texts, as the roles ask for it.

Nothing is computed here: a solution's pay is its reward (trainers/rewards), a draw's comes from draws.py.
"""

from __future__ import annotations

from rlad.config import RunConfig
from rlad.reasoning.tree import Solution, Tree
from trainers.credit.draws import draw_rewards
from trainers.credit.groups import compared
from trainers.rewards import solution_reward


class StepPay:
    """The pay of a step, as the roles ask for it (`rlad.players.roles.Pay`)."""

    def __init__(self, run: RunConfig):
        self.config, self.diversity = run.cotrain, run.abstraction.diversity

    def solution(self, solution: Solution) -> float:
        return solution_reward(solution, self.config)

    def draws(self, tree: Tree) -> list[float | None]:
        return draw_rewards(tree, self.config, self.diversity)

    def attempts(self, tree: Tree) -> list[tuple[list[Solution], list[Solution]]]:
        return [(group.attempts, group.refined) for group in compared(tree, self.config)]
