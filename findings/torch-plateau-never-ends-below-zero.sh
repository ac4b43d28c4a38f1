#!/usr/bin/env bash
# torch 2.13.0: ReduceLROnPlateau at its defaults never lowers the rate while the metric is negative and stands still or
# gets slowly worse: below zero "better by 0.01 %" is a value that is worse.
#
# Expected: mode="max" and a metric that does not rise for more than 10 epochs: the rate falls to a tenth, whatever the
# sign. A reward and the same reward minus 2 are one curve.
# Seen: rate after 1,000 epochs, from 0.1 (patience 10, threshold 1e-4 relative, as given):
#       metric                                            above zero   below zero   below zero, threshold_mode="abs"
#       max: constant 1 | constant -1                     1e-08        0.1          1e-08
#       max: falls by 0.005 % an epoch                    1e-08        0.1          1e-08
#       min: constant 1 | constant -1                     1e-08        0.1          1e-08
#       min: rises by 0.005 % of its size an epoch        1e-08        0.1          1e-08
#       In the second row -1 has become -1.051 by then, and the scheduler's `best` has gone along with it: it is the
#       worst value seen. num_bad_epochs is 0 all the time.
# Why it matters: mean rewards with a length or format penalty, log-likelihoods, negated losses, policy losses and ELBOs
# are negative. The schedule is then silently off, the run keeps its first rate to the end, and a reward that crosses
# zero changes the schedule's behaviour in the middle. Use threshold_mode="abs".
# Said where: the page gives the formula, best * (1 + threshold) for "max", next to "has stopped increasing" and "if the
# performance improves or remains the same, the learning rate is not adjusted"; the sign is not spoken of.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau


def after(mode, start, growth, **settings):
    """(rate, best, last metric, bad epochs) after 1,000 epochs of a metric that is multiplied by growth in each."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = ReduceLROnPlateau(optimizer, mode=mode, **settings)
    for epoch in range(1000):
        metric = start * growth**epoch
        scheduler.step(metric)
    return optimizer.param_groups[0]["lr"], scheduler.best, metric, scheduler.num_bad_epochs


print("torch", torch.__version__, "- expected in every row: about 1e-08 three times")
kept = True
for mode in ("max", "min"):
    for name, step in (("constant", 0.0), ("getting worse", 5e-5)):
        # Worse is smaller under "max": towards zero from above, away from zero from below. "min" turns it round.
        shrinks, grows = 1 - step, 1 + step
        above, below = (shrinks, grows) if mode == "max" else (grows, shrinks)
        positive, negative = after(mode, 1.0, above), after(mode, -1.0, below)
        absolute = after(mode, -1.0, below, threshold=1e-4, threshold_mode="abs")
        print(f"{mode} {name:13} above zero {positive[0]:.0e}   below zero {negative[0]:.0e} "
              f"(metric {negative[2]:.3f}, best {negative[1]:.3f})   below zero, abs {absolute[0]:.0e}")
        kept &= positive[0] < 2e-8 and absolute[0] < 2e-8 and negative[0] == 0.1
        kept &= negative[1] == negative[2] and negative[3] == 0
raise SystemExit(0 if kept else 1)
PY
