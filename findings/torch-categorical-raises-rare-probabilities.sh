#!/usr/bin/env bash
# torch 2.13.0: torch.distributions.Categorical(probs=p) counts every probability below the machine's epsilon as that
# epsilon: log_prob is never below -15.9 in float32 and -4.84 in bfloat16, and below that the gradient is zero.
#
# Expected: "probs (Tensor): event probabilities", so log_prob is the log of them, at worst with the rounding of the
# dtype: float32 holds 1e-38 and bfloat16 too. Categorical(logits=p.log()) is the same distribution.
# Seen: log_prob of p =           1e-3     1e-6     1e-8     1e-10    1e-20   by probs= in float32
#                                 -6.91   -13.82   -15.94   -15.94   -15.94   (logits=: -18.42, -23.03, -46.05)
#                                 -4.84    -4.84    -4.84    -4.84    -4.84   in bfloat16
#       The softmax of 152,000 logits, normal with deviation 1, by probs=: in bfloat16 all have log_prob -4.84, and the
#       entropy is 4.84; in float32 it is 11.43. validate_args, on by default, finds nothing wrong.
#       Gradient of log_prob of a token of p = 2e-9: (0, 0, 0) by probs=, (-0.99, 1.00, -0.01) by logits=.
# Why it matters: rare tokens are those that importance weights, KL and clipping are about. With this class the ratio of
# two policies on a token that both hold below epsilon is exactly 1, a KL against a reference has a ceiling, and
# reinforcing a rare sample teaches nothing, without a NaN that would show it. "probs after softmax" in bfloat16 is what
# a model in bfloat16 gives by default: the entropy bonus is then that of a vocabulary of 128. Pass logits.
# Said where: not in the class's page. torch/distributions/utils.py clamps in probs_to_logits; the docstring of
# clamp_probs there says that the bound is "the smallest representable positive number for the input data type".
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import torch
from torch.distributions import Categorical

print("torch", torch.__version__)
rare = torch.tensor([1e-3, 1e-6, 1e-8, 1e-10, 1e-20])
probs = torch.cat([rare, 1 - rare.sum()[None]])
tokens = torch.arange(len(rare))
exact = rare.log()
single = Categorical(probs=probs).log_prob(tokens)
half = Categorical(probs=probs.bfloat16()).log_prob(tokens).float()
logits = Categorical(logits=probs.log()).log_prob(tokens)
for name, row in ("expected", exact), ("probs=, float32", single), ("probs=, bfloat16", half), ("logits=", logits):
    print(f"{name:17}", *(f"{value:8.2f}" for value in row.tolist()))
floor = [torch.finfo(dtype).eps for dtype in (torch.float32, torch.bfloat16)]
floored = torch.allclose(single, rare.clamp(min=floor[0]).log()) and torch.allclose(logits, exact, atol=1e-4)
floored &= torch.allclose(half, rare.clamp(min=floor[1]).log(), atol=0.02)

torch.manual_seed(0)
policy = torch.randn(152_000).softmax(-1)
entropy = [Categorical(probs=policy.to(dtype)).entropy().item() for dtype in (torch.float32, torch.bfloat16)]
every = Categorical(probs=policy.bfloat16()).log_prob(torch.arange(len(policy))).unique()
print(f"152,000 tokens: entropy {entropy[0]:.2f} in float32, {entropy[1]:.2f} in bfloat16")
print(f"log-probs from {policy.min().log():.2f} to {policy.max().log():.2f}, in bfloat16 {every.tolist()}")

gradients = []
for make in (lambda x: Categorical(probs=x.softmax(-1)), lambda x: Categorical(logits=x)):
    scores = torch.tensor([0.0, -20.0, -5.0], requires_grad=True)
    make(scores).log_prob(torch.tensor(1)).backward()
    gradients.append(scores.grad)
print("gradient of a rare token's log_prob: probs=", *gradients[0].tolist(), "logits=", *gradients[1].tolist())
kept = floored and entropy[0] > 11 and entropy[1] < 5 and len(every) == 1
raise SystemExit(0 if kept and not gradients[0].any() and gradients[1][1] > 0.99 else 1)
PY
