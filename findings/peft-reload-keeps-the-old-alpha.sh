#!/usr/bin/env bash
# peft 0.21.2 (transformers 5.19.0, torch 2.13.0): load_adapter() under a name that exists loads the weights and keeps
# the old adapter's alpha; hotswap_adapter() computes with the new alpha and saves the old one.
#
# Expected: after loading a folder the model computes what the folder's adapter computes, and saving it again writes
# that adapter; or an error, since the two configurations differ.
# Seen: the model was made with lora_alpha=8, the folder holds the same ranks and modules with lora_alpha=32. Largest
#       difference of log-probs from the folder's adapter:
#       load_adapter(folder, "fresh") and set_adapter    0
#       load_adapter(folder, "default")                  0.28      "All keys matched successfully"
#       hotswap_adapter(model, folder, "default")        0
#       the same, then save_pretrained and from_pretrained   0.28
# Why it matters: a rollout worker that reloads the newest adapter under its one name is right as long as every trainer
# has its alpha. A sweep over alpha, or an adapter trained elsewhere, is then evaluated at a quarter of its strength: a
# weaker model, no error, matching keys. Delete the adapter before loading, or compare the configurations.
# Said where: nowhere; the folder's configuration is read only if the name is new.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 \
    transformers==5.19.0 tokenizers==0.23.3 safetensors==0.8.0 peft==0.21.2 accelerate==1.15.0
nice "$work/venv/bin/python" - <<'PY'
import os
import tempfile
import warnings
import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils.hotswap import hotswap_adapter
from transformers import LlamaConfig, LlamaForCausalLM

warnings.simplefilter("ignore")
print("peft", peft.__version__, "transformers", transformers.__version__, "torch", torch.__version__)
shape = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
row = torch.arange(3, 12)[None]

def base():
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, max_position_embeddings=32, **shape)).eval()

def adapted(alpha):
    return get_peft_model(base(), LoraConfig(r=4, lora_alpha=alpha, target_modules=["q_proj", "v_proj"])).eval()

def logp(model):
    return model(row).logits.log_softmax(-1).detach()

with tempfile.TemporaryDirectory() as root:
    folder, again = os.path.join(root, "folder"), os.path.join(root, "again")
    model = adapted(32)
    for name, weight in model.named_parameters():
        weight.data.normal_(0, 0.1) if "lora_B" in name else None
    model.save_pretrained(folder)
    wanted = logp(model)
    off = lambda model: round((logp(model) - wanted).abs().max().item(), 4)
    fresh, same, swapped = adapted(8), adapted(8), adapted(8)
    fresh.load_adapter(folder, "fresh")
    fresh.set_adapter("fresh")
    print("load_adapter under the old name says:", same.load_adapter(folder, "default"))
    hotswap_adapter(swapped, folder, "default", torch_device="cpu")
    swapped.save_pretrained(again)
    found = {"new name": off(fresh), "old name": off(same), "swapped": off(swapped)}
    found["swapped, saved, loaded"] = off(PeftModel.from_pretrained(base(), again).eval())
alphas = [model.peft_config["default"].lora_alpha for model in (same, swapped)]
print("difference from the folder's adapter, expected 0 everywhere:", found, "| alpha kept:", alphas)
right = found["new name"] < 1e-4 and found["swapped"] < 1e-4 and alphas == [8, 8]
raise SystemExit(0 if right and found["old name"] > 0.05 and found["swapped, saved, loaded"] > 0.05 else 1)
PY
