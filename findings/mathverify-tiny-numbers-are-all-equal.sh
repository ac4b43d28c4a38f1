#!/usr/bin/env bash
# math-verify 0.9.0 (latex2sympy2_extended 1.11.0, sympy 1.14.0): numbers are compared by their absolute difference, so
# all that are small are one: 1/52! = -1/60!, the electron's charge is that of a positron and also Planck's constant.
#
# Expected: exact answers are compared exactly ("symbolic equality ... could lead to false positives" otherwise, says
# the source), and decimal ones by their digits: 1.6 x 10^-19 has two.
# Seen: gold               answer              verify()
#       \frac{1}{52!}      -\frac{1}{60!}      True    (also with numeric_precision=60)
#       2^{-60}            3^{-60}             True    (False with numeric_precision=60)
#       1-2^{-60}          1+2^{-61}           True
#       e^{-40}            -e^{-50}            True
#       1.6\times10^{-19}  -1.6\times10^{-19}  True
#       1.6\times10^{-19}  6.6\times10^{-34}   True
#       1.6\times10^{-19}  0.0                 True
#       1.6\times10^{-19}  0                   False
#       0.0000003          -0.0000004          True
#       3.0\times10^{-7}   4.0\times10^{-7}    False   (an expression, not a number: as far as 1e-15)
#       \frac{1}{2305843009213693952}  \frac{1}{1152921504606846976}  False  (the same as powers of two: True)
# Why it matters: physics and chemistry golds are often small, as are probabilities of long runs and shuffles. A model
# is paid for any of them, with either sign, and an evaluation of such a set measures whether an exponent was negative
# enough. Scale golds to their unit, or compare logarithms or ratios.
# Said where: the docstring of verify() has float_rounding=6, "number of decimal places to round floats to", and
# numeric_precision=15 with "if you know the evaluated expressions will be small, you should increase this"; that it
# holds for exact answers, too, and that it does not help factorials, is nowhere.
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
seen = [
    (r"\frac{1}{52!}", r"-\frac{1}{60!}", True, True),
    ("2^{-60}", "3^{-60}", True, False),
    ("1-2^{-60}", "1+2^{-61}", True, False),
    ("e^{-40}", "-e^{-50}", True, False),
    (r"1.6\times10^{-19}", r"-1.6\times10^{-19}", True, False),
    (r"1.6\times10^{-19}", r"6.6\times10^{-34}", True, False),
    (r"1.6\times10^{-19}", "0.0", True, True),
    (r"1.6\times10^{-19}", "0", False, False),
    ("0.0000003", "-0.0000004", True, True),
    (r"3.0\times10^{-7}", r"4.0\times10^{-7}", False, False),
    (r"\frac{1}{2305843009213693952}", r"\frac{1}{1152921504606846976}", False, False),
]
changed = 0
for gold, answer, normal, more in seen:
    got = [
        verify(boxed(gold), boxed(answer), numeric_precision=digits, timeout_seconds=None) for digits in (15, 60)
    ]
    print(f"gold {gold:29} answer {answer:29} expected False, got {got[0]}, with 60 digits {got[1]}")
    changed += got != [normal, more]
raise SystemExit(1 if changed else 0)
PY
