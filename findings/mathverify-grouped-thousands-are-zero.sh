#!/usr/bin/env bash
# math-verify 0.9.0 (latex2sympy2_extended 1.11.0): a number written the SI way, 12\,000, is read as 12 times 000,
# and a number written the programmer's way, 1e3, as 1 times Euler's e times 3.
#
# Expected: the verifier knows 12,000 and 12{,}000, so the thin space of \boxed{12\,000} (ISO 80000, most French,
# German and Scandinavian texts, many a model trained on them) is a group separator, too; 1e3 is 1000 or unreadable.
# Seen: \boxed{12\,000} and \boxed{12 000} against the gold 12000: wrong. Against the gold *0*: right.
#       \boxed{1e3} against 1000: wrong, against 8.15484548537714 (3e): right; 2.5e-3 is 2.5e - 3 = 3.7957....
#       Nothing warns: both parse, so "share of answers that parsed" stays at 100 %.
# Why it matters: every reward of a problem with a large answer depends on the notation the model happens to use, and
# RL then teaches notation. A gold that is itself written 12\,000 makes every 0 right. Rewrite such numerals before
# parsing, in golds and in answers.
# Said where: nowhere in the docstrings of parse() and verify(). math_verify/parser.py knows groups with spaces, but in
# *plain* text only (parse("12 000") is 12000, the last row below): what stands in \boxed{} or $...$ goes to the LaTeX
# grammar instead, in which juxtaposition is multiplication and e is the constant.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile math-verify==0.9.0 latex2sympy2_extended==1.11.0 \
    sympy==1.14.0 antlr4-python3-runtime==4.13.2
nice "$work/venv/bin/python" - <<'PY'
from importlib.metadata import version
from math_verify import parse, verify

print("math-verify", version("math-verify"), "sympy", version("sympy"))
boxed = lambda text: parse(r"\boxed{" + text + "}", parsing_timeout=None)
rows = [  # gold, answer, what a reader expects, what happens
    ("12000", "12,000", True, True),
    ("12000", r"12{,}000", True, True),
    ("12000", r"12\,000", True, False),
    ("12000", "12 000", True, False),
    ("0", r"12\,000", False, True),
    ("1000", "1e3", True, False),
    ("8.15484548537714", "1e3", False, True),
    ("0.0025", "2.5e-3", True, False),
]
changed = 0
for gold, answer, expected, seen in rows:
    verdict = verify(boxed(gold), boxed(answer), timeout_seconds=None)
    print(f"gold {gold:17} answer {answer:9} read as {boxed(answer)[0]!s:12} expected {expected!s:5} got {verdict}")
    changed += verdict is not seen
plain = verify(*(parse(text, parsing_timeout=None) for text in ("12000", "12 000")), timeout_seconds=None)
print(f"without \\boxed: gold 12000, answer 12 000: {plain}")
raise SystemExit(1 if changed or not plain else 0)
PY
