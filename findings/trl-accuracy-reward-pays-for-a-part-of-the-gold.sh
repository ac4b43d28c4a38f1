#!/usr/bin/env bash
# trl 1.16.0 (math-verify 0.9.0): accuracy_reward reads a gold without dollar signs as the first plain number in it, so
# with the gold 2\sqrt{3} the answer 2 earns 1 and the answer 2\sqrt{3} earns 0.
#
# Expected: "solution: list of the raw-text solutions", with \frac{1}{3} as the docstring's example, so golds are the
# text of an answer column; a gold that cannot be read gives None and is skipped, as it says.
# Seen: gold             read as   reward of the gold itself, boxed   reward of what it was read as, boxed
#       \frac{1}{3}      1/3       1                                  1   (the example)
#       2\sqrt{3}        2         0                                  1
#       \ln 2            2         0                                  1
#       2^{10}           2         0                                  1
#       1+\sqrt{5}       1         0                                  1
#       3+4i             3         0                                  1
#       5\pi             5         0                                  1
#       10!              10        0                                  1
#       10^{-7}          10        0                                  1
#       (-\infty, 3)     3         0                                  1
#       \sqrt{2}, (1,2), \frac{\pi}{4}, \pi, A: None, every sample of the problem is skipped
#       The same golds between dollars ($2\sqrt{3}$): the gold itself 1, the number 0, in all rows.
# Why it matters: answer columns of MATH-500 and its like are such texts. The rows that are learnt at all are integers
# and fractions, so training looks healthy, and on a part of the rest a policy that breaks off its answer is paid and
# the right one is not. Put dollars around golds, and check that every gold earns 1 against itself before a run.
# Said where: math-verify's page says that LaTeX has to stand in an environment ($...$, \boxed{}); TRL's docstrings do
# not, and reasoning_accuracy_reward and get_cosine_scaled_reward read golds alike. The answer's side knows only LaTeX
# (trl/rewards/accuracy_rewards.py), the gold's side also plain numbers, by math-verify's defaults.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile math-verify==0.9.0 latex2sympy2_extended==1.11.0 \
    sympy==1.14.0 antlr4-python3-runtime==4.13.2 transformers==5.19.0
nice "$work/venv/bin/pip" install -qq --no-compile --no-deps trl==1.16.0
nice "$work/venv/bin/python" - <<'PY'
from importlib.metadata import version
from trl.rewards import accuracy_reward

print(*(f"{name} {version(name)}" for name in ("trl", "math-verify", "sympy")))


def reward(gold, answer):
    """What TRL pays for a completion that ends in the boxed answer."""
    return accuracy_reward([[{"role": "assistant", "content": rf"So it is \boxed{{{answer}}}."}]], [gold])[0]


seen = {
    r"\frac{1}{3}": r"\frac{1}{3}",
    r"2\sqrt{3}": "2",
    r"\ln 2": "2",
    "2^{10}": "2",
    r"1+\sqrt{5}": "1",
    "3+4i": "3",
    r"5\pi": "5",
    "10!": "10",
    "10^{-7}": "10",
    r"(-\infty, 3)": "3",
}
changed = 0
for gold, number in seen.items():
    raw = reward(gold, gold), reward(gold, number)
    wrapped = reward(f"${gold}$", gold), reward(f"${gold}$", number)
    print(f"gold {gold:13} itself: expected 1, got {raw[0]:.0f}; {number:11}: {raw[1]:.0f}; between dollars {wrapped}")
    same = gold == number
    changed += raw != (float(same), 1.0) or wrapped != (1.0, float(same))
for gold in (r"\sqrt{2}", "(1,2)", r"\frac{\pi}{4}", r"\pi", "A"):
    raw, wrapped = reward(gold, gold), reward(f"${gold}$", gold)
    print(f"gold {gold:13} itself: expected 1, got {raw}; between dollars {wrapped}")
    changed += raw is not None or wrapped != 1.0
raise SystemExit(1 if changed else 0)
PY
