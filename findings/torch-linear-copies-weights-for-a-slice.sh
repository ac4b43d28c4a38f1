#!/usr/bin/env bash
# torch 2.13.0 (CPU, a processor with AVX-512): a frozen bfloat16 linear layer that is given the last positions of a batch,
# hidden[:, -1:], copies its weights once for every row.
#
# Expected: a layer costs the same whether its input was cut out of a larger tensor or not, up to a copy of that input.
# Seen: Linear(576, 49152) of 16 rows: 2 MB and .006 s where they lie in one piece, 886 MB and 1.4 s as a slice. float32
#       under torch.set_float32_matmul_precision("medium") does it too where oneDNN takes it (AMD: 1.8 GB, 2.2 s).
# Why it matters: that is transformers' `logits_to_keep=1`, so every prefill of a language model: 300 prompts of a model of
# 135 million parameters take 35 GB for a moment. `.contiguous()` before the head ends it. It needs three dimensions and
# weights that ask for no gradient; with a gradient torch makes one product.
# Said where: torch.matmul's page speaks of broadcast batches, not of a copy; Linear's and transformers' pages of neither.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
grep -qw avx512bw /proc/cpuinfo || { echo "needs a processor with AVX-512; nothing was run"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5
cat >"$work/slice.py" <<'PY'
import torch

torch.set_num_threads(1)


def now(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))


def peak(states):
    """MB above what is resident that a product takes on the way."""
    open("/proc/self/clear_refs", "w").write("5")
    before = now("VmRSS:")
    head(states)
    return round((now("VmHWM:") - before) / 1e3)


with torch.inference_mode():
    head = torch.nn.Linear(576, 49152, bias=False).to(torch.bfloat16)
    last = torch.zeros(16, 40, 576, dtype=torch.bfloat16)[:, -1:]
    head(last[:1])  # what is loaded at a first product
    print(peak(last.contiguous()), peak(last))
PY
read -r whole slice < <(nice "$work/venv/bin/python" "$work/slice.py")
echo "MB on the way, expected about the same: in one piece $whole, as a slice $slice"
((whole < 100 && slice > 400))
