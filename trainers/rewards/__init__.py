"""Both players' rewards: by verdict (RLAD, 2510.02263), and what may replace or shape it.

A reward beyond the verdict is measured once, after judging, and kept on the solution or branch (`measure`); everything
downstream (groups, advantages, statistics, samples) reads rewards through `solution_reward` and `draw_rewards` only.
"""

from trainers.rewards.evidence import Evidence, Scorer, TokenScores
from trainers.rewards.registry import ABSTRACTION_REWARDS, SOLUTION_REWARDS, measure
from trainers.rewards.verdict import bare_accuracy, branch_success, draw_rewards, solution_reward, solved

__all__ = [
    "ABSTRACTION_REWARDS",
    "SOLUTION_REWARDS",
    "Evidence",
    "Scorer",
    "TokenScores",
    "bare_accuracy",
    "branch_success",
    "draw_rewards",
    "measure",
    "solution_reward",
    "solved",
]
