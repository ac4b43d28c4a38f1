"""Small runs that raise the alarms: which run raises which, and how it is configured."""

STOPPED = ("not_updated", "nonfinite", "leaks")
"""Alarms that end a run as well: a player's, the one that ends a run by default, a rollout's."""
GOLDS = {"leaks": "1729", "verifier": r"\frac{1}{"}
"""Runs on files in which every problem has this gold."""
STILL = ["solution.entropy_coef=0", "abstraction.entropy_coef=0", "solution.kl_coef=0", "abstraction.kl_coef=0"]
RUNS = {
    # Nothing is trained on: an untrained pair is never right, and there are no bare problems.
    "speechless": (["not_updated"], ["cotrain.bare.share=0", "cotrain.drop_constant_groups=true"]),
    "still": (["zero_gradient", "unfinished"], [*STILL, "alarms.unfinished=0.5"]),
    "overflowing": (["nonfinite"], ["solution.entropy_coef=1e39", "alarms.nonfinite=1"]),
    "drifting": (["kl"], ["cotrain.updates_per_rollout=2", "solution.lr=0.01", "alarms.kl=1e-9"]),
    "narrowing": (
        ["entropy", "length"],
        ["cotrain.steps=7", "solution.entropy_coef=-9", "solution.lr=0.05", "alarms.entropy=0.9", "alarms.length=1.01"],
    ),
    "leaks": (["leaks", "duplicates"], ["alarms.duplicates=0.5"]),
    "verifier": (["verifier", "zero_reward", "constant_groups", "planning"], ["solution.hicra=0.2"]),
}
"""The alarms that a run raises, and how it is configured."""
