#!/usr/bin/env bash
# deepspeed 0.19.8 (torch 2.13.0, fp32, one process): two engine.backward() calls before one engine.step() add up under
# ZeRO 0, keep only the last under ZeRO 1 and 2, and under ZeRO 3 do the one or the other by where the forwards stand.
#
# Expected: gradients accumulate until step(), as in torch, or the second backward is refused. train_batch_size,
# micro batch and gradient_accumulation_steps=1 are the same everywhere.
# Seen: loss A moves weight 0, loss B weight 1 by one each; weights moved after one step (SGD, rate 1, no clipping):
#                                                     ZeRO 0   ZeRO 1   ZeRO 2   ZeRO 3
#       backward(A(x)), backward(B(x))                [1, 1]   [0, 1]   [0, 1]   [1, 1]
#       a = A(x), b = B(x), backward(a), backward(b)  [1, 1]   [0, 1]   [0, 1]   [0, 1]
#       backward(A(x) + B(x))                         [1, 1]   [1, 1]   [1, 1]   [1, 1]
#       No warning; loss, gradient norm (1.0 instead of 1.41) and global_steps look normal.
# Why it matters: policy loss and KL, or the losses of two roles, go backward one by one to save memory. Whether the
# first one counts depends on the ZeRO stage, so a run that is correct on a small test (stage 0 or 3) drops the policy
# gradient on stage 2. Sum the losses.
# Said where: the docstring of backward() is silent, that of engine.coalesce_grad_reduction() (ZeRO 1 to 3) shows that
# several calls need it. Source: stage3.py copies unless micro_step_id > 0, which is raised at the next *forward*;
# stage_1_and_2.py reduces at every boundary, and with one accumulation step every backward is one.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
export DS_ACCELERATOR=cpu DS_BUILD_OPS=0
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 deepspeed==0.19.8
nice "$work/venv/bin/python" - <<'PY'
import os
import deepspeed
import deepspeed.ops
import torch
from deepspeed.utils import safe_get_full_fp32_param

for kernel in deepspeed.ops.__compatible_ops__:
    deepspeed.ops.__compatible_ops__[kernel] = False  # nothing here needs a compiled kernel
os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT="29713")
deepspeed.init_distributed("gloo", verbose=False)
one, two = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])


def moved(stage, way):
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1, bias=False)
    config = dict(train_batch_size=1, gradient_clipping=0.0, zero_optimization=dict(stage=stage))
    config |= dict(zero_allow_untested_optimizer=True, wall_clock_breakdown=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    engine = deepspeed.initialize(model=model, optimizer=optimizer, config=config)[0]
    weight = engine.module.weight
    read = lambda: (safe_get_full_fp32_param(weight) if stage else weight.detach()).clone().flatten()
    before = read()
    if way == "in turn":
        engine.backward(engine(one).sum())
        engine.backward(engine(two).sum())
    elif way == "forwards first":
        losses = [engine(one).sum(), engine(two).sum()]
        for loss in losses:
            engine.backward(loss)
    else:
        engine.backward(engine(one).sum() + engine(two).sum())
    engine.step()
    return [round(value) for value in (before - read()).tolist()]


both, last = [1, 1], [0, 1]
seen = {"in turn": [both, last, last, both], "forwards first": [both, last, last, last], "summed": [both] * 4}
got = {way: [moved(stage, way) for stage in range(4)] for way in seen}
print("deepspeed", deepspeed.__version__, "torch", torch.__version__, "- expected [1, 1] everywhere, ZeRO 0, 1, 2, 3:")
for way, weights in got.items():
    print(f"{way:15}", *weights)
raise SystemExit(0 if got == seen else 1)
PY
