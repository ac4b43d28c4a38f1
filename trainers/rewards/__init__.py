"""What a solution or an abstraction earned, one file each: by verdict (RLAD, 2510.02263), and what may replace it.

A reward beyond the verdict is measured once, after judging, and kept on the solution or branch (`measure_rewards`);
everything downstream (credit, statistics, samples) reads rewards through `solution_reward` and `branch_rewards` only.
What an abstraction earned is not yet what its draws are paid: set credit and the gate's penalty come in
trainers/credit/draws.py.

Rewards are verdict, rlcr, random, hill, r3, vote and belief; measure.py runs those that a run names, evidence.py is
what they may ask for, voters.py what vote and belief share.
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
