#!/usr/bin/env bash
# math-verify 0.9.0 (latex2sympy2_extended 1.11.0, sympy 1.14.0): an answer that is a sequence of letters is read as
# their product, so any order of the letters is right: VI for IV, THH for HTH, each of six rankings for CAB.
#
# Expected: \boxed{CAB} against \boxed{ABC} is compared as the text that it is, or at least isn't equal.
# Seen: gold      answer     read as                     verdict
#       IV        VI         I*v                         right (Roman numerals)
#       XL        LX         l*x                         right
#       HTH       THH        h*h*t                       right (tosses of a coin)
#       CAB       all six orders of A, B, C              right (a ranking, an order of events)
#       C, A, B   A, B, C    {a, b, c}                   right (a list is a set)
#       1011_2    1011_3     1011                        right (the base is dropped), but 11 is wrong
#       \text{HTH}  \text{THH}  hth, thh                 wrong, as it should be
# Why it matters: rankings, schedules, sequences of moves, words and numerals are golds of competition problems. On them
# the reward pays for naming the right letters in any order: a chance of 1 where a guess has 1/6, and whether a problem
# is affected depends on whether its gold was typeset with \text{}. Split such golds off before verifying.
# Said where: the README speaks of sets and intervals; nowhere of words. Letters side by side are factors to the LaTeX
# grammar, every symbol commutes and is lower-cased, and a digit's subscript is read and thrown away.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --no-compile math-verify==0.9.0 latex2sympy2_extended==1.11.0 \
    sympy==1.14.0 antlr4-python3-runtime==4.13.2
"$work/venv/bin/python" - <<'PY'
from importlib.metadata import version
from itertools import permutations
from math_verify import parse, verify

print(*(f"{name} {version(name)}" for name in ("math-verify", "latex2sympy2_extended", "sympy")))
boxed = lambda text: parse(r"\boxed{" + text + "}", parsing_timeout=None)
right = lambda gold, answer: verify(boxed(gold), boxed(answer), timeout_seconds=None)
rows = [  # gold, answer, what a reader expects, what happens
    ("IV", "VI", False, True),
    ("XL", "LX", False, True),
    ("HTH", "THH", False, True),
    ("C, A, B", "A, B, C", False, True),
    ("1011_2", "1011_3", False, True),
    ("1011_2", "11", True, False),
    (r"\text{HTH}", r"\text{THH}", False, False),
    (r"\text{HTH}", "HTH", True, True),
    ("C > A > B", "C > B > A", False, False),
]
changed = 0
for gold, answer, expected, seen in rows:
    verdict = right(gold, answer)
    print(f"gold {gold:10} answer {answer:10} read as {boxed(answer)[0]!s:20} expected {expected!s:5} got {verdict}")
    changed += verdict is not seen
orders = ["".join(order) for order in permutations("ABC")]
accepted = [order for order in orders if right("CAB", order)]
print("gold CAB: expected only CAB to be right, got", accepted)
raise SystemExit(1 if changed or accepted != orders else 0)
PY
