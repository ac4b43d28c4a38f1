#!/usr/bin/env bash
# mathruler 0.1.0 (pylatexenc 2.11, sympy 1.14.0), the grader of EasyR1, made after the published one of PRM800K: a
# fraction becomes numerator / denominator without brackets, so 1+x is right where the gold is 1/(1+x).
#
# Expected: LaTeX is turned into an expression of equal value before sympy compares the two.
# Seen: gold                  answer                         expected  got
#       \frac{1+\sqrt{5}}{2}  1+\frac{\sqrt{5}}{2}           wrong     right
#       \frac{1+\sqrt{5}}{2}  (1+\sqrt{5})/2                 right     wrong
#       \frac{1+\sqrt{5}}{2}  \frac{\sqrt{5}+1}{2}           right     wrong
#       \frac{1}{1+x}         1+x                            wrong     right
#       \frac{3}{2\pi}        \frac{3\pi}{2}                 wrong     right
#       \frac{3}{2\pi}        3/(2\pi)                       right     wrong
#       2^{n+1}               2^n+1                          wrong     right
#       \sqrt[3]{2}           \sqrt{2}                       wrong     right
#       \binom{5}{2}          52                             wrong     right
# Why it matters: golds with a sum in a numerator or a product in a denominator are ordinary (the golden ratio, roots of
# a quadratic, probabilities with pi). On them the reward is wrong in both directions: it pays for a slip of algebra and
# nothing for a correct rearrangement, so RL learns the gold's typography. No error is raised, every answer "parsed".
# Said where: pylatexenc's README says that latex_to_text makes readable text; no grader built upon it says that the
# text has another value. LatexNodes2Text().latex_to_text(r"\frac{1}{1+x}") is "1/1+x".
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --no-compile pylatexenc==2.11 sympy==1.14.0 mpmath==1.3.0 tqdm==4.70.1
"$work/venv/bin/pip" install -qq --no-compile --no-deps mathruler==0.1.0
"$work/venv/bin/python" - <<'PY'
from importlib.metadata import version
from mathruler.grader import grade_answer
from pylatexenc.latex2text import LatexNodes2Text

print(*(f"{name} {version(name)}" for name in ("mathruler", "pylatexenc", "sympy")))
golden = r"\frac{1+\sqrt{5}}{2}"
rows = [  # gold, answer, equal in value, what happens
    (golden, golden, True, True),
    (golden, r"1+\frac{\sqrt{5}}{2}", False, True),
    (golden, r"(1+\sqrt{5})/2", True, False),
    (golden, r"\frac{\sqrt{5}+1}{2}", True, False),
    (r"\frac{1}{1+x}", "1+x", False, True),
    (r"\frac{1}{1+x}", "1/(1+x)", True, False),
    (r"\frac{3}{2\pi}", r"\frac{3\pi}{2}", False, True),
    (r"\frac{3}{2\pi}", r"3/(2\pi)", True, False),
    ("2^{n+1}", "2^n+1", False, True),
    ("e^{2x}", "e^2x", False, True),
    (r"\sqrt[3]{2}", r"\sqrt{2}", False, True),
    (r"\binom{5}{2}", "52", False, True),
]
changed = 0
for gold, answer, expected, seen in rows:
    verdict = grade_answer(answer, gold)
    print(f"gold {gold:21} answer {answer:21} expected {expected!s:5} got {verdict}")
    changed += verdict is not seen
text = LatexNodes2Text().latex_to_text(r"\frac{1}{1+x}")
print(r"\frac{1}{1+x} as text:", text)
raise SystemExit(1 if changed or text != "1/1+x" else 0)
PY
