"""The phases of a training step: what its stopwatch may measure, and what reports of a run read."""

PHASES = (
    "offline",
    "draw",
    "propose",
    "gate",
    "solve",
    "judge",
    "dynamic_sampling",
    "select",
    "credit",
    "update",
    "publish",
    "instruments",
    "record",
)
"""In the order of a step. `offline` (the lagged solver is renewed, players are fine-tuned), `dynamic_sampling` and
`select` (roles that read judged trees write about them) are there only where the configuration asks for them; `judge`
is everything from verdicts to rewards."""
