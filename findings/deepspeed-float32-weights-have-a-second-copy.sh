#!/usr/bin/env bash
# deepspeed 0.19.8 (torch 2.13.0, one process): under ZeRO-3 float32 weights get a float32 master copy of themselves,
# 4 bytes a weight that nothing reads but the optimiser. The source means to leave the copy out in just this case.
#
# Expected: masters are for 16-bit weights. Where weights are float32 already, ZeRO-3's own comment says that no other
# copy is needed, so a weight costs 16 bytes with gradient and Adam's two moments.
# Seen: the "fp16" partition of a float32 model and its master have equal values in two storages: 20 bytes a weight.
#       The branch that shares them asks whether the partition's device equals the optimiser's, and that one is a
#       string ("cpu", on a GPU "cuda:0"): torch.device("cpu") == "cpu" is False, without a warning.
# Why it matters: whoever trains in float32 (CPUs, small models, autocast, parity tests) and plans memory by the paper's
# 16 bytes meets a quarter more; per rank it is 4 bytes times the weights over the ranks.
# Said where: nowhere; the branch is in __init__'s loop over sub-groups in runtime/zero/stage3.py. ZeRO-3's
# optimizer.device is made by get_accelerator().current_device_name(), which returns text.
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

for kernel in deepspeed.ops.__compatible_ops__:
    deepspeed.ops.__compatible_ops__[kernel] = False  # nothing here needs a compiled kernel
os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT="29719")
deepspeed.init_distributed("gloo", verbose=False)
print("deepspeed", deepspeed.__version__, "torch", torch.__version__)
model = torch.nn.Linear(1000, 1000, bias=False)
config = dict(train_micro_batch_size_per_gpu=1, zero_optimization=dict(stage=3), zero_allow_untested_optimizer=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
engine = deepspeed.initialize(model=model, optimizer=optimizer, config=config)[0]
zero = engine.optimizer
(weights,), (masters,) = zero.fp16_partitioned_groups_flat, zero.fp32_partitioned_groups_flat
same, shared = torch.equal(weights, masters), weights.data_ptr() == masters.data_ptr()
print(f"weights {weights.dtype}, masters {masters.dtype}, equal values: {same}, one storage: {shared}")
print(f"weights' device {weights.device!r}, optimiser's {zero.device!r}, equal: {weights.device == zero.device}")
engine.backward(engine(torch.ones(1, 1000)).sum())
engine.step()
moments = [t for t in zero.optimizer.state[masters].values() if torch.is_tensor(t) and t.numel() == masters.numel()]
kept = {t.data_ptr(): t.nbytes for t in (weights, masters, *moments)}
print(f"{sum(kept.values()) / masters.numel():.0f} bytes a weight between steps, of which gradients none")
again = torch.equal(zero.fp16_partitioned_groups_flat[0], zero.fp32_partitioned_groups_flat[0])
print(f"after a step: equal values: {again}")
wrong = same and again and not shared and isinstance(zero.device, str) and sum(kept.values()) == 16 * masters.numel()
raise SystemExit(0 if wrong else 1)
PY
