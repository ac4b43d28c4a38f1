#!/usr/bin/env bash
# peft 0.21.2 (transformers 5.19.0, torch 2.13.0): with init_lora_weights="pissa" or "olora", disable_adapter() is not
# the base model but what is left of it after the principal part has moved into the adapter.
#
# Expected: the adapter is beside a frozen base, so switching it off gives the base: the reference policy of DPO and of
# KL-regularised RL, for the memory of no second model.
# Seen: largest difference of log-probs from the base before the first step:
#       init_lora_weights     adapter on   adapter off
#       True                  0            0
#       "orthogonal"          0            0
#       "pissa"               0            6.3
#       "olora"               0            7.1
#       No warning; the adapted model is exact, so a check of the policy alone passes.
# Why it matters: the KL to the "reference" is large at step 0 and its gradient pulls towards a model that nobody
# trained: the base without its largest singular directions. DPO's implicit rewards start away from 0. Changing one
# word of a configuration that worked is enough. Keep a copy of the base, or take the reference's log-probs before
# get_peft_model.
# Said where: the LoRA pages describe that these inits change the base weights and how to convert an adapter when saving
# it; those on disable_adapter and on reference models do not mention them.
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

print("peft", peft.__version__, "transformers", transformers.__version__, "torch", torch.__version__)
shape = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
row = torch.arange(3, 12)[None]


def base():
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=50, max_position_embeddings=32, initializer_range=0.3, **shape)
    return LlamaForCausalLM(config).eval()


def logp(model):
    with torch.no_grad():
        return model(row).logits.log_softmax(-1)


wanted, found = logp(base()), {}
for init in (True, "orthogonal", "pissa", "olora"):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        lora = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=init)
        model = get_peft_model(base(), lora).eval()
        on = (logp(model) - wanted).abs().max().item()
        with model.disable_adapter():
            off = (logp(model) - wanted).abs().max().item()
    found[init] = (on < 1e-3, off < 1e-3, len(said))
    print(f"{init!s:10} adapter on: {on:.4f}, off: {off:.4f} (expected 0 and 0), warnings: {len(said)}")
same, moved = (True, True, 0), (True, False, 0)
raise SystemExit(0 if found == {True: same, "orthogonal": same, "pissa": moved, "olora": moved} else 1)
PY
