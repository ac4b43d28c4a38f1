#!/usr/bin/env bash
# torch 2.13.0 (CPU): torch.multinomial(p, n, replacement=True) never draws rare entries that stand behind the bulk of
# the mass, and draws the same entries at the right rate when they stand before it.
#
# Expected: 152,000 tokens, one with probability .9997, the rest 2e-9 each (3e-4 together): among 20 million draws the
# rest turns up about 6,080 times, wherever the likely token stands in the vocabulary.
# Seen: likely token first: 0 times. Likely token last: 6,050 times. In float64: 610 in a tenth of the draws (608
#       expected). Drawn once per row (num_samples=1), as often as expected: that path is a race of exponentials, not a
#       cumulative sum.
# Why it matters: sampling many first tokens or branches of one prompt with one call (num_samples=m), prioritised
# replay over millions of rollouts, particle resampling. The tail is where exploration lives, importance weights of
# the missing tokens are never seen, and which tail is lost depends on token ids: low ids are frequent in BPE
# vocabularies, so the rare half of the vocabulary is the half that goes. Draw row by row or in float64.
# Said where: not in the page of torch.multinomial. Source: aten/src/ATen/native/cpu/MultinomialKernel.cpp sums p in the
# dtype of p and searches the sum with a uniform draw; float32 near 1 resolves 6e-8.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import torch

torch.manual_seed(0)
size, draws = 152_000, 20_000_000
probs = torch.full((size,), 2e-9)
probs[0] = 1 - 2e-9 * (size - 1)
tail = probs[1:].double().sum().item()
first = torch.multinomial(probs, draws, replacement=True).ne(0).sum().item()
last = torch.multinomial(probs.flip(0), draws, replacement=True).ne(size - 1).sum().item()
double = torch.multinomial(probs.double(), draws // 10, replacement=True).ne(0).sum().item()
print("torch", torch.__version__)
print(f"expected tail draws {draws * tail:.0f}: likely token first {first}, last {last}")
print(f"float64, likely token first: {double} in a tenth of the draws, expected {draws * tail / 10:.0f}")

# A tail that can be drawn row by row in seconds: one token of .9997 before 1,000 others that share 3e-4.
short = torch.full((1001,), 3e-7)
short[0] = 1 - 3e-4
ones = torch.multinomial(short.expand(200_000, -1), 1).ne(0).sum().item()
print(f"num_samples=1, 200,000 rows: {ones} tail draws, expected {200_000 * 3e-4:.0f}")
within = lambda count, mean: abs(count - mean) < 6 * mean**0.5
kept = first == 0 and within(last, draws * tail) and within(double, draws * tail / 10) and within(ones, 60)
raise SystemExit(0 if kept else 1)
PY
