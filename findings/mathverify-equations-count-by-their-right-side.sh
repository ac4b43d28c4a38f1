#!/usr/bin/env bash
# math-verify 0.9.0 (latex2sympy2_extended 1.11.0): an equation answers a plain gold by its right side, whatever is on
# the left; several assignments answer as a set, so x=1, y=2 is right by "2, 1"; and of two equations with one solution
# some are equal and some are not.
#
# Expected: "x = 5" may count as 5 (an assignment); an equation that merely ends in 5 does not, and values keep their
# names.
# Seen: gold 5: right by y=5, and by 2x=5 (x is 2.5), x+2=5 (x is 3), x+y=5, 2+2=5; wrong by 5=2+2.
#       gold x=1, y=2: right by y=2, x=1, by 2,1 and by (2,1), which swaps the values; wrong by x=2, y=1.
#       gold x=3: right by x+2=5, wrong by 2x=6.
# Why it matters: a solver that stops at an intermediate equation inside \boxed{} is rewarded as often as the equation
# happens to end in the gold, and RL finds such endings; systems of equations with swapped values are "right".
# Ask golds and answers for values only, and check that what is in the box has no equals sign.
# Said where: verify() speaks of "assignment simplification" in its note on symmetry; nothing says that the left side
# may be any expression. "In strict mode variables matter" is true between two equations only.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile math-verify==0.9.0 latex2sympy2_extended==1.11.0 sympy==1.14.0 \
    antlr4-python3-runtime==4.13.2
nice "$work/venv/bin/python" - <<'PY'
import logging
from importlib.metadata import version
from math_verify import parse, verify

logging.disable(logging.WARNING)
print("math-verify", version("math-verify"))
boxed = lambda text: parse(r"\boxed{" + text + "}", parsing_timeout=None)
rows = [  # gold, answer, what a reader expects, what happens
    ("5", "y=5", True, True),
    ("5", "2x=5", False, True),
    ("5", "x+2=5", False, True),
    ("5", "x+y=5", False, True),
    ("5", "2+2=5", False, True),
    ("5", "5=2+2", False, False),
    ("x=1, y=2", "y=2, x=1", True, True),
    ("x=1, y=2", "2,1", False, True),
    ("x=1, y=2", "(2,1)", False, True),
    ("x=1, y=2", "x=2, y=1", False, False),
    ("x=3", "x+2=5", True, True),
    ("x=3", "2x=6", True, False),
]
changed = 0
for gold, answer, expected, seen in rows:
    verdict = verify(boxed(gold), boxed(answer), timeout_seconds=None)
    print(f"gold {gold:9} answer {answer:9} expected {expected!s:5} got {verdict}")
    changed += verdict is not seen
raise SystemExit(1 if changed else 0)
PY
