#!/usr/bin/env bash
# accelerate 1.15.0 (torch 2.13.0): with use_seedable_sampler=True a shuffled DataLoader begins with the same batch
# every time it is iterated, until some loop has asked it for one batch more than there are.
#
# Expected: shuffle=True gives a new order whenever the loader is iterated, as torch does and as accelerate does without
# the option, whose docstring says that it makes results fully reproducible.
# Seen: 100 prompts in 25 batches of 4; five phases, each in its own loop over the loader:
#       batches taken per phase                     prompts seen after five phases, of 100
#                                                   without the option   with it
#       next(iter(loader)), one batch               19                   4
#       itertools.islice(loader, 10)                94                   40
#       itertools.islice(loader, 25), all of them   five orders          one order, five times
#       a for loop to its end                       five orders          five orders
#       loader.set_epoch(phase) before each phase brings five orders back.
# Why it matters: reinforcement learning takes a few batches of prompts per phase and begins again, and a run that ends
# epochs at a step limit breaks out of its loop. Training then never leaves its first prompts, and its reward rises, as
# it would when they are learnt by heart. The Trainer of transformers has the option on by default (AcceleratorConfig),
# and those who copy its settings into a loop of their own get it.
# Said where: nowhere; the epoch that seeds the order is counted up at the end of __iter__ (accelerate/data_loader.py),
# which a loop that is left early does not reach.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 accelerate==1.15.0
nice "$work/venv/bin/python" - <<'PY'
from itertools import islice
import accelerate
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, set_seed
from torch.utils.data import DataLoader

print("accelerate", accelerate.__version__, "torch", torch.__version__)


def phases(seedable, take, tell_epoch=False):
    """The prompts that each of five phases takes from a prepared, shuffled loader over 100."""
    set_seed(0)
    accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(use_seedable_sampler=seedable))
    loader = accelerator.prepare(DataLoader(range(100), batch_size=4, shuffle=True))
    found = []
    for phase in range(5):
        if tell_epoch:
            loader.set_epoch(phase)
        found.append(torch.cat(list(take(loader))).tolist())
    return found


ways = {
    "next(iter(loader))": lambda loader: [next(iter(loader))],
    "islice(loader, 10)": lambda loader: islice(loader, 10),
    "islice(loader, 25)": lambda loader: islice(loader, 25),
    "for loop to the end": lambda loader: loader,
}
measured = {}
for name, take in ways.items():
    for seedable in (False, True):
        got = phases(seedable, take)
        measured[name, seedable] = (len(set(sum(got, []))), len({tuple(order) for order in got}))
    plain, option = measured[name, False], measured[name, True]
    print(f"{name:20} prompts {plain[0]}, with the option {option[0]}; orders, expected 5: {plain[1]}, {option[1]}")
told = len({tuple(order) for order in phases(True, ways["islice(loader, 10)"], tell_epoch=True)})
print("islice(loader, 10) after set_epoch(phase), with the option:", told, "orders")
stuck = [measured[name, True] for name in list(ways)[:3]] == [(4, 1), (40, 1), (100, 1)]
fine = all(measured[name, False][1] == 5 for name in ways) and measured["for loop to the end", True] == (100, 5)
raise SystemExit(0 if stuck and fine and told == 5 else 1)
PY
