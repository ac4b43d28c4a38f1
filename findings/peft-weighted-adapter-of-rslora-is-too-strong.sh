#!/usr/bin/env bash
# peft 0.21.2 (transformers 5.19.0, torch 2.13.0): add_weighted_adapter() of one rsLoRA adapter with weight 1 is that
# adapter times the root of its rank, eight times at rank 64; and what it trained beside the matrices is left out.
#
# Expected: one adapter with weight 1.0 is the adapter itself.
# Seen: size of the new update over size of the old one, the same for combination_type svd, linear and cat:
#       rank 4,  LoRA / rsLoRA    1 / 2
#       rank 16, LoRA / rsLoRA    1 / 4
#       rank 64, LoRA / rsLoRA    1 / 8
#       Largest difference of log-probs between the model with the old adapter and with the new one (plain LoRA):
#       modules_to_save=["lm_head"]          3     (the new adapter has the head of the base model)
#       trainable_token_indices=[3, 4]       0.7   (and the base model's embeddings)
# Why it matters: weighted adapters average checkpoints or players. With rsLoRA a mean of weights 0.5 and 0.5 is then
# several times stronger than either: text falls apart, and one blames merging. A trained head or chat token is missing
# without a word. Divide the weights by the root of the rank and copy the rest, or merge the matrices oneself.
# Said where: nowhere. The new adapter gets lora_alpha = r, a scale of 1 only without use_rslora, which it keeps.
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
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

warnings.simplefilter("ignore")
transformers.logging.set_verbosity_error()
shape = dict(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
row = torch.arange(3, 20)[None]


def trained(**settings):
    """A small model with an adapter after three steps of training."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=50, max_position_embeddings=32, **shape))
    model = get_peft_model(model, LoraConfig(lora_alpha=8, target_modules=["q_proj", "v_proj"], **settings))
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=0.02)
    for _ in range(3):
        optimizer.zero_grad()
        model(row, labels=row).loss.backward()
        optimizer.step()
    return model.eval()


ways, ratios = ("svd", "linear", "cat"), {}
for rank in (4, 16, 64):
    for rooted in (False, True):
        model = trained(r=rank, use_rslora=rooted)
        layer = model.base_model.model.model.layers[0].self_attn.v_proj
        size = lambda name: layer.get_delta_weight(name).norm().item()
        for way in ways:
            model.add_weighted_adapter(["default"], [1.0], way, combination_type=way)
            ratios[rank, rooted, way] = round(size(way) / size("default"), 3)
        print(f"rank {rank:2}, rsLoRA {rooted}: expected 1, got", [ratios[rank, rooted, way] for way in ways])
off = []
for beside in ({}, {"modules_to_save": ["lm_head"]}, {"trainable_token_indices": [3, 4]}):
    model = trained(r=4, **beside)
    wanted = model(row).logits.log_softmax(-1)
    model.add_weighted_adapter(["default"], [1.0], "one", combination_type="linear")
    model.set_adapter("one")
    off.append((model(row).logits.log_softmax(-1) - wanted).abs().max().item())
    print("trained beside the matrices:", beside, f"expected a difference of 0, got {off[-1]:.2g}")
kept = all(abs(ratio / (rank**0.5 if rooted else 1) - 1) < 0.01 for (rank, rooted, _), ratio in ratios.items())
raise SystemExit(0 if kept and off[0] < 1e-4 and min(off[1:]) > 0.05 else 1)
PY
