"""What a solution or an abstraction earned, one file each: by verdict (RLAD, 2510.02263), and what may replace it.

A reward beyond the verdict is measured once, after judging, and kept on the solution or branch (`measure_rewards`);
everything downstream (credit, statistics, samples) reads rewards through `solution_reward` and `branch_rewards` only.
"""

from trainers.rewards.evidence import Evidence, Scorer, TokenScores
from trainers.rewards.measure import measure_rewards
from trainers.rewards.verdict import bare_accuracy, branch_rewards, branch_success, solution_reward, solved, success

__all__ = [
    "Evidence",
    "Scorer",
    "TokenScores",
    "bare_accuracy",
    "branch_rewards",
    "branch_success",
    "measure_rewards",
    "solution_reward",
    "solved",
    "success",
]
