#!/usr/bin/env bash
# peft 0.21.2 (transformers 5.19.0): on a mixture of experts target_modules="all-linear", and the names gate_proj,
# up_proj, down_proj, leave out linear layers that have these names: the dense layers and shared experts of DeepSeek,
# GLM and Qwen3. "all-linear" adapts the router as well. On Qwen2-MoE the same words take the shared experts only.
#
# Expected: "all linear/Conv1D modules are chosen"; a list of names takes the modules with these names; the routed
# experts, which transformers 5 keeps as one parameter, come on top or are not there, for all models alike.
# Seen: adapted (+) or not (-)            dense layer   shared experts   routed experts   router
#       deepseek_v3, glm4_moe  all-linear      -              -                +            +
#                              the names       -              -                +            -
#       qwen3_moe              all-linear      -              .                +            +
#       (has no shared ones)   the names       -              .                +            -
#       qwen2_moe              all-linear      .              +                -            -
#                              the names       .              +                -            -
#       The first three get a RuntimeWarning of a rank_pattern and an alpha_pattern that matched nothing; no other word.
# Why it matters: the recipe "LoRA on all linear layers" trains another part of each model. In DeepSeek and GLM every
# token passes the shared experts and the first dense layers, in Qwen2-MoE the routed experts hold most of the weights:
# those stay frozen. A router that learns with the policy moves tokens to other experts, so log-probs of rollout and
# training drift apart, the well-known trouble of RL on such models. Print the adapted names before a run.
# Said where: the help of target_modules says all linear modules. peft/utils/transformers_weight_conversion.py replaces
# the names by parameters of the experts ("gate" by the router's weight) and drops them as modules; upstream has an
# open report for names with a full path.
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
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

print("peft", peft.__version__, "transformers", transformers.__version__)
small = dict(vocab_size=64, hidden_size=32, intermediate_size=48, moe_intermediate_size=16, num_hidden_layers=2)
small |= dict(num_attention_heads=4, num_key_value_heads=4, num_experts_per_tok=2, pad_token_id=0)
some = dict(n_routed_experts=4, n_group=1, topk_group=1, first_k_dense_replace=1)
latent = dict(q_lora_rank=8, kv_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=4, v_head_dim=8)
kinds = {
    "deepseek_v3": some | latent,
    "glm4_moe": some | dict(head_dim=8),
    "qwen3_moe": dict(num_experts=4, head_dim=8, mlp_only_layers=[0]),
    "qwen2_moe": dict(num_experts=4, shared_expert_intermediate_size=16),
}
parts = {"dense layer": "layers.0.mlp.down_proj", "shared experts": "mlp.shared_expert"}
parts |= {"routed experts": "mlp.experts", "router": "mlp.gate."}
words = {"all-linear": "all-linear", "the names": ["gate_proj", "up_proj", "down_proj"]}
seen = {"deepseek_v3": "--++ --+-", "glm4_moe": "--++ --+-", "qwen3_moe": "-.++ -.+-", "qwen2_moe": ".+-- .+--"}
changed = 0
for kind, word, was in [row for kind, signs in seen.items() for row in zip((kind,) * 2, words, signs.split())]:
    base = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **small, **kinds[kind]))
    there = " ".join(name for name, _ in base.named_parameters())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = get_peft_model(base, LoraConfig(r=2, target_modules=words[word]))
    adapted = " ".join(name for name, _ in model.named_parameters() if "lora_" in name)
    got = "".join("." if part not in there else "+" if part in adapted else "-" for part in parts.values())
    says = {str(note.message).split(" keys")[0] for note in told}
    print(f"{kind:12} {word:11}", *(f"{part} {sign}  " for part, sign in zip(parts, got)), "warnings:", sorted(says))
    changed += got != was
raise SystemExit(1 if changed else 0)
PY
