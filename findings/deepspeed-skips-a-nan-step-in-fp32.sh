#!/usr/bin/env bash
# deepspeed 0.19.8 (torch 2.13.0, one process): in fp32, where there is no loss scale, ZeRO 1 to 3 throw a step with one
# NaN gradient away, together with the good micro-batches before and after it, and say OVERFLOW in one log line of rank
# 0; ZeRO 0 applies it. Nothing is raised or returned.
#
# Expected: skipping belongs to fp16's dynamic loss scale. In fp32 a NaN loss gives NaN weights at once, as in torch
# (and so is noticed), whatever the ZeRO stage.
# Seen: 8 micro-batches a step (gradient_accumulation_steps=8), the third one's loss is NaN:
#       ZeRO 0          weights NaN, skipped_steps 0, and NaN after the next step
#       ZeRO 1, 2, 3    weights unchanged, skipped_steps 1, global_steps 1, and the reported gradient norm is *inf*
#                       though no gradient was infinite; the next step works. The learning rate scheduler was not
#                       stepped (0.1 instead of 0.05), so the schedule lags behind whoever counts calls of step().
# Why it matters: a verifier bug, log(0) or an empty mask in one of 8 rows costs the whole batch, every time, and the
# run looks healthy: rewards are logged, step numbers rise, the policy stands still. Watch skipped_steps and refuse a
# non-finite loss yourself. Moving a run from ZeRO 0 to 1 changes its failure from NaN everywhere to one log line.
# Said where: the configuration page speaks of skipped steps under fp16 and of bf16's check_grad_overflow. Source:
# engine.py switches the overflow check *off* in fp32; step() of stage_1_and_2.py (unless bf16) and of stage3.py brings
# it back through is_invalid_grad_norm() and then writes inf as the norm.
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
os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT="29714")
deepspeed.init_distributed("gloo", verbose=False)
print("deepspeed", deepspeed.__version__, "torch", torch.__version__)
row = torch.ones(1, 2)


def step(engine, bad):
    for micro in range(8):
        engine.backward(engine(row).sum() * (float("nan") if micro == bad else 1.0))
        engine.step()


def trial(stage):
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1, bias=False)
    config = dict(train_micro_batch_size_per_gpu=1, gradient_accumulation_steps=8, zero_optimization=dict(stage=stage))
    config |= dict(zero_allow_untested_optimizer=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    halve = lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    engine = deepspeed.initialize(model=model, optimizer=optimizer, lr_scheduler=halve, config=config)[0]
    read = lambda: (safe_get_full_fp32_param(model.weight) if stage else model.weight.detach()).clone()
    before = read()
    step(engine, bad=2)
    after, norm, rate = read(), engine.get_global_grad_norm(), engine.get_lr()[0]
    step(engine, bad=None)
    state = "NaN" if after.isnan().any() else "unchanged" if torch.equal(before, after) else "moved"
    then = "NaN" if read().isnan().any() else "moved" if not torch.equal(after, read()) else "unchanged"
    print(f"ZeRO {stage}: weights {state}, norm {norm}, skipped {engine.skipped_steps}, rate {rate}; next step: {then}")
    return state, engine.skipped_steps, engine.global_steps, rate, then


got = [trial(stage) for stage in range(4)]
silent = ("unchanged", 1, 2, 0.1, "moved")
raise SystemExit(0 if got == [("NaN", 0, 2, 0.05, "NaN"), silent, silent, silent] else 1)
PY
