#!/usr/bin/env bash
# peft 0.21.2 (transformers 5.19.0, torch 2.13.0): switching the active LoRA adapter between forward and backward, even
# once, takes the gradient away from the adapter that was used; with reentrant gradient checkpointing the *other*
# adapter receives it.
#
# Expected: the graph was built with "abstraction", so backward() gives it its gradient, whatever is active; or an
# error.
# Seen (sum of |gradient| of abstraction, of solution; each loss was computed with abstraction active):
#       no switch                                   0.0286  0
#       switch to solution, backward                0       0         no error: the step is a no-op
#       the same, checkpointing use_reentrant=True  0       0.0329    solution learns from the abstraction's loss
#       the loss of each role, summed               0       0.0325    only the last active one learns
#       switch there and back again                 0.0286  0
# Why it matters: two policies as two adapters on one base is the cheap way to train a pair. Both losses and then one
# backward, or a pass of the other role before backward, silently trains one role only. Backward first, then switch.
# Said where: set_adapter documents that the active adapter gets requires_grad=True; that the others lose it, and that
# autograd asks for requires_grad when backward *runs*, is not said there.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 \
    transformers==5.19.0 tokenizers==0.23.3 safetensors==0.8.0 peft==0.21.2 accelerate==1.15.0
nice "$work/venv/bin/python" - <<'PY'
import warnings
import torch
from importlib.metadata import version
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

warnings.simplefilter("ignore")
print(*(f"{name} {version(name)}" for name in ("peft", "transformers", "torch")))
row = torch.arange(3, 12)[None]
shape = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
ROLES = ("abstraction", "solution")


def gradients(then, reentrant=None, both=False):
    """Loss with abstraction active, then the switches, then backward: the summed |gradient| of each adapter."""
    torch.manual_seed(0)
    base = LlamaForCausalLM(LlamaConfig(vocab_size=50, max_position_embeddings=32, use_cache=False, **shape))
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"]), adapter_name=ROLES[0])
    model.add_adapter(ROLES[1], LoraConfig(r=2, target_modules=["q_proj"]))
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        weight.data.normal_(0, 0.3) if "lora_" in name else None
    if reentrant is not None:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
    model.train().set_adapter(ROLES[0])
    loss = model(row, labels=row).loss
    for role in then:
        model.set_adapter(role)
    (loss + model(row, labels=row).loss if both else loss).backward()
    learnt = {name: w.grad.abs().sum().item() for name, w in model.named_parameters() if w.grad is not None}
    return {role: sum(value for name, value in learnt.items() if f".{role}." in name) for role in ROLES}


cases = dict(stay=gradients([]), switch=gradients([ROLES[1]]), checkpointed=gradients([ROLES[1]], reentrant=True))
cases |= dict(both=gradients([ROLES[1]], both=True), back=gradients([ROLES[1], ROLES[0]]))
for name, found in cases.items():
    print(f"{name:13}" + "  ".join(f"{role} {value:.4f}" for role, value in found.items()))
zeros = {name: tuple(value == 0 for value in found.values()) for name, found in cases.items()}
used, none, other = (False, True), (True, True), (True, False)
raise SystemExit(0 if zeros == dict(stay=used, switch=none, checkpointed=other, both=other, back=used) else 1)
PY
