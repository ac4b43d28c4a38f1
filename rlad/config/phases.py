"""The stages of a run, and the phases of a training step: what its stopwatch may measure and reports of a run read."""

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
    "wait",
    "publish",
    "instruments",
    "record",
    "checkpoint_wait",
    "checkpoint",
)
"""In the order of a step. `offline` (the lagged solver is renewed, players are fine-tuned), `dynamic_sampling` and
`select` (roles that read judged trees write about them) are there only where the configuration asks for them, `wait`
(for the next step's rollout, where that goes on beside this step's update) only with `launch.overlap`; `judge` is
everything from verdicts to rewards. Where a sampler takes requests while others run, phases overlap, and a second
belongs to the first of `propose`, `solve` and `judge` that is not over; `gate` is inside `propose` then. A step that
ends with a checkpoint waits until the one before is on the disk (`checkpoint_wait`) and copies (`checkpoint`; with
`cotrain.checkpoint_async=false` it writes)."""

STAGES = ("distill", "warmstart", "curriculum", "train", "sweep", "report")
"""What a run may consist of, in this order; each is a verb of ./launch.sh."""
