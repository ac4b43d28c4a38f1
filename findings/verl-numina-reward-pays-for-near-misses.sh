#!/usr/bin/env bash
# verl 0.9.1: the reward for six data sources of NuminaMath pays for an answer that is off by less than 0.01 %, also of
# an integer, for a hundred times or a hundredth of the gold, and for one whose brackets stand elsewhere.
#
# Expected: default_compute_score(data_source, answer, gold) compares exactly; those golds are integers and formulas.
# Seen: gold              boxed answer       reward
#       20000             20001              1
#       1000007           1000008            1
#       2024              2024.1             1
#       12                1200, 0.12         1
#       50                5000, 0.5          1
#       100               1                  1
#       2(x+1)            2x+1               1
#       (x+1)(x-1)        x+1x-1             1
#       \frac{1}{x+1}     \frac{1}{x}+1      1
#       12                13                 0
#       20000             20003              0
#       \frac{1}{2}       50                 0    (its gold is no plain number)
#       The same through the data source "math_dapo", behind "Answer:": all 0. But 1,2 and 1,2,3 earn 1 for the golds 12
#       and 123, and x=5, y=3 earns 1 for the gold 3: what stands behind the last = counts, and commas go.
# Why it matters: rounding in one's head, forgetting a percentage and dropping brackets are just the mistakes that such
# training should remove; here they are paid like the right answer, and the longer the gold, the larger the part of near
# misses. Counting problems of competitions have large integers. Name another data source or a reward of your own.
# Said where: nowhere; math_equal in verl/utils/reward_score/prime_math/grader.py has tolerance=1e-4 and
# include_percentage=True as defaults, and compares what is left without ( ) { }.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 ray==2.60.0 tensordict==0.10.0 \
    transformers==5.10.4 omegaconf==2.3.0 codetiming==1.4.0 pylatexenc==2.11 sympy==1.14.0
nice "$work/venv/bin/pip" install -qq --no-compile --no-deps verl==0.9.1
cd "$work"
nice "$work/venv/bin/python" - <<'PY'
from importlib.metadata import version
from verl.utils.reward_score import default_compute_score

numina, dapo = "numina_olympiads", "math_dapo"


def reward(source, gold, answer):
    """1 or 0 for a solution that ends in the answer, as the data source writes answers."""
    text = f"Answer: {answer}" if source == dapo else rf"Step 2: so it is \boxed{{{answer}}}."
    score = default_compute_score(source, text, gold)
    return int((score["score"] if isinstance(score, dict) else score) > 0)


print("verl", version("verl"), "sympy", version("sympy"))
near = [("20000", "20001"), ("1000007", "1000008"), ("2024", "2024.1")]
scaled = [("12", "1200"), ("12", "0.12"), ("50", "5000"), ("50", "0.5"), ("100", "1")]
brackets = [("2(x+1)", "2x+1"), ("(x+1)(x-1)", "x+1x-1"), (r"\frac{1}{x+1}", r"\frac{1}{x}+1")]
refused = [("12", "13"), ("20000", "20003"), (r"\frac{1}{2}", "50")]
seen = [(numina, *pair, 1) for pair in near + scaled + brackets]
seen += [(numina, *pair, 0) for pair in refused] + [(dapo, *pair, 0) for pair in near + scaled + brackets]
seen += [(dapo, "12", "1,2", 1), (dapo, "123", "1,2,3", 1), (dapo, "3", "x=5, y=3", 1)]
changed = 0
for source, gold, answer, wanted in seen:
    got = reward(source, gold, answer)
    print(f"{source:16} gold {gold:13} answer {answer:14} expected 0, got {got}")
    changed += got != wanted or reward(source, gold, gold) != 1
raise SystemExit(1 if changed else 0)
PY
