"""A reward for short abstractions."""

from dataclasses import dataclass

from rlad.config.registry import key, reward


@dataclass
class BrevityKeys:
    """What words cost."""

    price: float = key(0.1, least=0)
    """What every word costs."""


@reward("brevity", keys=BrevityKeys, roles=("abstraction",))
def brevity(trees, evidence, keys):
    """1 less the price of the words."""
    branches = [branch for tree in trees for branch in tree.branches]
    for branch in branches:
        branch.reward = 1 - keys.price * len(branch.text.split())
    return {"words": (float(sum(len(branch.text.split()) for branch in branches)), float(len(branches)))}
