"""How a pair reasons: the tree's types, its growth in whole batches or in overlapping requests, budget, vote, leaks.

Rollouts and sweeps send whole phases for many problems at once (`Reasoner`). A server has somebody waiting for each
problem, so there every request goes out as soon as it can (`Explorer`). Both grow the same `Tree` by the same rules.
"""
