"""Problems with known success probabilities, and what would be sampled for them: pools for budget policies."""

import numpy as np

from evals.budget import Pool


def simulated(problems, seed, n=10, m=2, levels=(0.05, 0.2, 0.4, 0.8), follow=0.9, wrong=12, popular=0.0):
    """Pools of n abstractions x m solutions; the right answer is 0.

    An abstraction of log π_abs z leads to it with odds level / (1 - level) * exp(z + 3), else to one of `wrong` others;
    in the share `popular` of the cases to the same one. A solution follows with probability `follow`.
    """
    rng = np.random.default_rng(seed)
    pools = []
    for _ in range(problems):
        level, proposals, answers = rng.choice(levels), rng.normal(-3, 1, n), []
        for z in proposals:
            q = 1 / (1 + (1 - level) / level * np.exp(-(z + 3)))
            other = 1 if rng.random() < popular else int(rng.integers(1, wrong + 1))
            lead = 0 if rng.random() < q else other
            answers.append(tuple(lead if rng.random() < follow else int(rng.integers(1, wrong + 1)) for _ in range(m)))
        pools.append(
            Pool(
                tuple(proposals.tolist()),
                tuple(range(5, 5 + n)),
                tuple(answers),
                tuple(tuple(a == 0 for a in row) for row in answers),
                tuple(tuple(int(t) for t in rng.integers(20, 30, m)) for _ in range(n)),
            )
        )
    return pools
