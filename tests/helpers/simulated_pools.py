"""Problems with known success probabilities, and what would be sampled for them: pools for budget policies."""

import numpy as np

from evals.samples.trees import Draws, Grown, Guided, Samples
from evals.spending.pools import Pool


def simulated(
    problems, seed, n=10, m=2, levels=(0.05, 0.2, 0.4, 0.8), follow=0.9, wrong=12, popular=0.0, select="majority",
    keys=None,
):  # fmt: skip
    """Pools of n abstractions x m solutions; the right answer is 0.

    An abstraction of log π_abs z leads to it with odds level / (1 - level) * exp(z + 3), else to one of `wrong` others;
    in the share `popular` of the cases to the same one. A solution follows with probability `follow`.
    """
    rng = np.random.default_rng(seed)
    pools = []
    for _ in range(problems):
        level, proposals, branches = rng.choice(levels), rng.normal(-3, 1, n), []
        for number, z in enumerate(proposals):
            q = 1 / (1 + (1 - level) / level * np.exp(-(z + 3)))
            other = 1 if rng.random() < popular else int(rng.integers(1, wrong + 1))
            lead = 0 if rng.random() < q else other
            answers = [lead if rng.random() < follow else int(rng.integers(1, wrong + 1)) for _ in range(m)]
            tokens = [int(t) for t in rng.integers(20, 30, m)]
            verdicts = ["incorrect" if answer else "correct" for answer in answers]
            texts = [f"{number}, {i}" for i in range(m)]
            solutions = Samples(texts, tokens, [-1.0] * m, verdicts, answers, [-1.0] * m)
            branches.append(Guided(f"z{number}", False, solutions))
        names = [branch.abstraction for branch in branches]
        draws = Draws(names, list(range(5, 5 + n)), list(range(n)), [min(0.0, float(z)) for z in proposals])
        pools.append(Pool(Grown(draws, branches), select, keys))
    return pools
