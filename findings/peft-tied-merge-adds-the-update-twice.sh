#!/usr/bin/env bash
# peft 0.21.2 (transformers 5.19.0, torch 2.13.0): LoRA on the embeddings of a model with tied embeddings, with
# ensure_weight_tying=True, trains and reloads correctly, and merge_and_unload() adds the update twice.
#
# Expected: ensure_weight_tying makes the adapters of embedding and head one, so merging adds B A once to the one
# shared matrix and the merged model computes what the adapted one did.
# Seen: adapted against reloaded adapter: logits equal. Adapted against merged: off by 17.0; the shared matrix moved by
#       exactly 2.000 times the update (once for embed_tokens, once for lm_head: the tensor is the same). The merged
#       folder saves and loads consistently, i.e. consistently wrong. merge_and_unload warns that tied layers "can lead
#       to complications", in the same words with and without ensure_weight_tying.
# Why it matters: small models (Qwen3-0.6B, SmolLM2, Llama-3.2-1B, Gemma) are tied, LoRA with embeddings is how new
# special tokens are learnt, and merging is the step before vLLM. Evaluation through peft looks right, the served
# model is another one. Compare logits before and after every merge.
# Said where: the docstring of ensure_weight_tying says that adapters of tied layers are tied; of merging it says
# nothing.
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
shape = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
base = LlamaForCausalLM(LlamaConfig(vocab_size=50, max_position_embeddings=32, tie_word_embeddings=True, **shape))
lora = LoraConfig(r=2, target_modules=["embed_tokens"], ensure_weight_tying=True)
model = get_peft_model(base, lora).eval()
torch.manual_seed(1)
for name, weight in model.named_parameters():
    weight.data.normal_(0, 0.3) if "lora_" in name else None
row = torch.arange(3, 12)[None]
embedding = model.base_model.model.model.embed_tokens
before, update = embedding.weight.detach().clone(), embedding.get_delta_weight("default").detach()
with torch.no_grad():
    adapted = model(row).logits
    merged = model.merge_and_unload()
    off = (merged(row).logits - adapted).abs().max().item()
    times = ((merged.model.embed_tokens.weight - before) / update).median().item()
    merged.model.embed_tokens.weight.copy_(before + update)
    once = (merged(row).logits - adapted).abs().max().item()
tied = merged.lm_head.weight is merged.model.embed_tokens.weight
print(f"merged logits off from adapted ones: expected 0, got {off:.1f} (largest logit {adapted.max():.1f})")
print(f"update added to the shared matrix: expected 1 time, got {times:.3f}; still tied: {tied}")
print(f"added once by hand: {once:.1e}")
raise SystemExit(0 if off > 1 and abs(times - 2) < 1e-3 and once < 1e-3 and tied else 1)
PY
