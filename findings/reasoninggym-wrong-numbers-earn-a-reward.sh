#!/usr/bin/env bash
# reasoning-gym 0.1.25: the verifier of a third of its tasks, arithmetic among them, pays for every text that contains
# the gold, by its share of the characters: -12082 and 120820 earn 0.83 where the gold is 12082.
#
# Expected: score_answer is an exact check of a number ("verifiable rewards"): 1 for the gold, 0 for another number.
# Seen: mean reward of 200 problems (seed 42)   gold   -gold   gold0   1gold   gold + 1
#       chain_sum                               1.00   0.73    0.73    0.72    0.00
#       basic_arithmetic                        1.00   0.77    0.77    0.77    0.00
#       leg_counting                            1.00   0.74    0.74    0.74    0.00
#       simple_equations                        1.00   0.65    0.65    0.65    0.00
#       gcd                                     1.00   0.52    0.52    0.52    0.00
#       -12082 earns more than "The answer is 12082" (0.26). 33 of the registry's 106 tasks inherit this scorer; some,
#       such as chain_sum and products, have one of their own like it.
# Why it matters: mean reward is not accuracy: a model with every sign wrong has 0.7, above one that is exactly right in
# two of three problems. Advantages within a group prefer the wrong sign to an honest miss by one, longer numbers pay
# more because one wrong digit is a smaller share, and a sentence around the right number is worse than a wrong one.
# Threshold at 1.0 for accuracy, and extract the number before scoring.
# Said where: the class's docstring says when to override score_answer, not what it pays; the README has only == 1.0.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --no-compile reasoning-gym==0.1.25 numpy==2.4.6 sympy==1.14.0
"$work/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version
from statistics import mean
import reasoning_gym
from reasoning_gym.dataset import ProceduralDataset
from reasoning_gym.factory import DATASETS

print("reasoning-gym", version("reasoning-gym"))
answers = {  # how a text is made of the gold
    "gold": lambda gold: gold,
    "-gold": lambda gold: "-" + gold,
    "gold0": lambda gold: gold + "0",
    "1gold": lambda gold: "1" + gold,
    "gold + 1": lambda gold: str(int(gold) + 1),
    "The answer is gold": lambda gold: f"The answer is {gold}",
}
changed = 0
for task in ("chain_sum", "basic_arithmetic", "leg_counting", "simple_equations", "gcd"):
    rows = list(data := reasoning_gym.create_dataset(task, seed=42, size=200))
    paid = {name: mean(data.score_answer(make(row["answer"]), row) for row in rows) for name, make in answers.items()}
    print(f"{task:17} expected 1 0 0 0 0 1, got", *(f"{name}: {reward:.2f} " for name, reward in paid.items()))
    changed += paid["gold"] != 1 or min(paid["-gold"], paid["gold0"], paid["1gold"]) < 0.5
    changed += paid["gold + 1"] > 0.01 or paid["The answer is gold"] > 0.35
inherited = sum(kind.score_answer is ProceduralDataset.score_answer for kind, _ in DATASETS.values())
print(f"{inherited} of {len(DATASETS)} tasks inherit this scorer")
raise SystemExit(1 if changed or inherited < 20 else 0)
PY
