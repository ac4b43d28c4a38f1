#!/usr/bin/env bash
# peft 0.21.2 (transformers 5.19.0, torch 2.13.0): add_weighted_adapter(combination_type="linear") with weights 0.5 and
# 0.5 is not the mean of two LoRA updates; of an adapter with itself it is twice that adapter.
#
# Expected: a linear combination of adapters is the linear combination of what they add to the weights, so the mean of
# an adapter with itself is that adapter.
# Seen: error of the combined update relative to the wanted one (two random adapters of rank 4):
#       weights               linear   cat
#       a with a, .5 and .5   1.00     0       (norm 2.00 times the wanted one)
#       a and b, .5 and .5    1.01     0
#       a and b, 1 and 1      1.01     0
#       a and b, 1 and -1     1.02     0
#       Nothing is printed.
# Why it matters: averaging the adapters of several seeds or of the last checkpoints, and subtracting an adapter, are
# done with exactly this call. (B1 + B2)(A1 + A2) contains B1 A2 and B2 A1: noise as large as the update itself, and
# where the adapters agree (checkpoints of one run) the mean is twice as strong, i.e. a step far beyond either. Use
# "cat", which is exact and has the sum of the ranks.
# Said where: the method's docstring only asks for equal ranks. Each factor is weighted by the root of the weight and
# summed by itself in _generalized_task_arithmetic_weighted_adapter of tuners/lora/model.py.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 \
    transformers==5.19.0 tokenizers==0.23.3 safetensors==0.8.0 peft==0.21.2 accelerate==1.15.0
nice "$work/venv/bin/python" - <<'PY'
import warnings
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

warnings.simplefilter("ignore")
print("peft", peft.__version__, "transformers", transformers.__version__, "torch", torch.__version__)
torch.manual_seed(0)
shape = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
base = LlamaForCausalLM(LlamaConfig(vocab_size=50, max_position_embeddings=32, **shape))
lora = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj"])
model = get_peft_model(base, lora, "first")
model.add_adapter("second", lora)
for name, weight in model.named_parameters():
    weight.data.normal_(0, 0.1) if "lora_B" in name else None
layer = model.base_model.model.model.layers[0].self_attn.q_proj
update = {name: layer.get_delta_weight(name) for name in ("first", "second")}
cases = [("first", "first", 0.5, 0.5)]
cases += [("first", "second", *pair) for pair in ((0.5, 0.5), (1, 1), (1, -1))]
errors = {"linear": [], "cat": []}
for number, (one, other, left, right) in enumerate(cases):
    wanted = left * update[one] + right * update[other]
    for kind, seen in errors.items():
        model.add_weighted_adapter([one, other], [left, right], f"{kind}{number}", combination_type=kind)
        got = layer.get_delta_weight(f"{kind}{number}")
        seen.append(((got - wanted).norm() / wanted.norm()).item())
        print(f"{left} {one} {right:+} {other}, {kind}: expected error 0, got {seen[-1]:.2f},",
              f"norm {(got.norm() / wanted.norm()).item():.2f} of the wanted one")
doubled = abs(errors["linear"][0] - 1) < 1e-3
raise SystemExit(0 if doubled and min(errors["linear"]) > 0.5 and max(errors["cat"]) < 1e-3 else 1)
PY
