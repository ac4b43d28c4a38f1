#!/usr/bin/env bash
# torch 2.13.0: in a group of eight samples that all earned the reward 0.1, (r - mean) / (std + eps) is not zero, and
# with eps = 1e-8 it is 0.42: the same order as the advantages of groups that do differ.
#
# Expected: equal rewards, so std == 0, so advantage 0 and the group teaches nothing; "drop groups with std == 0"
# (DAPO's dynamic sampling) catches every such group.
# Seen: the float32 mean of eight times 0.1 is off by 7.5e-9, which is also the size of the std: their ratio is about 1,
#       and only eps hides it. Advantage of each of the eight, all with one sign: -0.42 at eps 1e-8, -0.0074 at 1e-6,
#       -7e-5 at 1e-4. Of the constant groups of 2 to 64 samples with rewards 0, .1, ... 2, std == 0 misses 648 of
#       1,323, and the largest advantage among them is 0.96 (a group half right, half wrong has 0.94).
#       With rewards 0 and 1 nothing happens, so tests with binary rewards pass; it begins with a format bonus of 0.1,
#       a length penalty, partial credit.
# Why it matters: late in training most groups are constant. Each then pushes *every* one of its samples down (or up, by
# the direction of a rounding) with a weight that eps alone decides, and dynamic sampling keeps it. Compare rewards
# with max == min, not std with 0, and set the advantage of constant groups to 0.
# Said where: the page of torch.std says nothing of rounding. Subtracting the first reward before normalising removes
# it.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import torch

print("torch", torch.__version__)


def advantages(rewards, eps):
    return (rewards - rewards.mean()) / (rewards.std() + eps)


eight = torch.full((8,), 0.1)
got = {eps: advantages(eight, eps)[0].item() for eps in (1e-8, 1e-6, 1e-4)}
for eps, value in got.items():
    print(f"eight rewards of 0.1, eps {eps}: expected 0, got {value:.2e} for each of the eight")
differing = torch.tensor([0.1] * 4 + [1.1] * 4)
print(f"for comparison, a group half right: {advantages(differing, 1e-8).abs().max():.2f}")
missed, worst = [], 0.0
for size in range(2, 65):
    for tenths in range(0, 21):
        group = torch.full((size,), tenths / 10)
        if group.std() != 0:
            missed.append((size, tenths / 10))
            worst = max(worst, advantages(group, 1e-8).abs().max().item())
print(f"constant groups of 2..64 with rewards 0, .1, ... 2 that std == 0 misses: {len(missed)} of {63 * 21}")
print(f"largest advantage among them at eps 1e-8: {worst:.2f}")
binary = [s for s, r in missed if r in (0.0, 1.0)]
print(f"of those with reward 0 or 1: {len(binary)}")
fixed = max(abs(advantages(torch.full((s,), r) - r, 1e-8)).max().item() for s, r in missed)
print(f"after subtracting the first reward: {fixed}")
raise SystemExit(0 if got[1e-8] < -0.3 and len(missed) > 100 and not binary and fixed == 0 else 1)
PY
