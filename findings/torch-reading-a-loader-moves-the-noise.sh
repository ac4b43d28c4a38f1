#!/usr/bin/env bash
# torch 2.13.0: starting to iterate over a DataLoader takes a number from the global random stream, also with
# shuffle=False and no workers, so evaluating in the middle of training changes the training that follows.
#
# Expected: a loader that shuffles nothing, augments nothing and has no workers is a plain loop over its rows.
# Seen: the same model, seed and rows, 20 steps with dropout; a pass over a validation loader after step 10, or not:
#       weights in the end     equal?
#       no pass / no pass      yes
#       no pass / pass         no
#       no pass / pass over DataLoader(..., generator=torch.Generator())   yes
#       One number is taken per iter(), not per batch, so length and batch size of the validation set do not matter,
#       but how often one evaluates does.
# Why it matters: "the same run, evaluated more often" is another run: other dropout, other samples from a policy that
# draws from the global stream. Ablations that differ in evaluation alone differ in weights, and a resumed run that
# skips the evaluation at its first step is not the uninterrupted one. Give every loader its own generator.
# Said where: the page of torch.utils.data says that generator is used for shuffling and to make base_seed "for
# workers"; that base_seed is drawn without workers, and from the global stream, is in _BaseDataLoaderIter.__init__.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import torch
from torch.utils.data import DataLoader

rows = torch.arange(60.0).reshape(20, 3) / 60


def trained(validation):
    """The weights after 20 steps with dropout; `validation` is read once, after the tenth."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step, row in enumerate(rows):
        optimizer.zero_grad()
        (model(row) - 1).square().sum().backward()
        optimizer.step()
        if step == 10 and validation is not None:
            list(validation)
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


plain = trained(None)
loaders = {
    "none": None,
    "20 batches": DataLoader(rows, shuffle=False, num_workers=0),
    "one batch": DataLoader(rows, batch_size=20, shuffle=False, num_workers=0),
    "20 batches, own generator": DataLoader(rows, shuffle=False, num_workers=0, generator=torch.Generator()),
}
ends = {name: trained(loader) for name, loader in loaders.items()}
print("torch", torch.__version__, "- weights after training, against those without a validation pass; expected: equal")
for name, end in ends.items():
    print(f"{name}: equal {torch.equal(end, plain)}, largest difference {(end - plain).abs().max():.3f}")
alike = torch.equal(ends["20 batches"], ends["one batch"])
equal = [torch.equal(end, plain) for end in ends.values()]
raise SystemExit(0 if equal == [True, False, False, True] and alike else 1)
PY
