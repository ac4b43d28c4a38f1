#!/usr/bin/env bash
# math-verify 0.9.0: "the same answer" is neither symmetric nor transitive, so a majority vote that groups answers with
# verify() has a winner that depends on the order in which the samples came back.
#
# Expected: answers that verify() calls equal form classes, as for any equality; 50, 50% and 0.5 fall into two of them.
# Seen: 50 = 50%, 50% = 0.5, but 50 != 0.5 (a percentage equals both its value and its digits).
#       The gold 1,2 accepts (2,1), the gold (2,1) does not accept 1,2; and 1<x<2 accepts (1,2), not the reverse.
#       Seven samples 50%, 50, 50, 50, 0.5, 0.5, 0.5 grouped greedily by their first member: one group of 7 when 50%
#       comes first, groups of 4 and 3 when it comes last, and then the winner is 50 or 0.5 by the order alone.
# Why it matters: self-consistency, answer clustering, "pass@k of distinct answers" and semantic entropy all assume an
# equivalence relation. Group on a canonical form, or compare each sample with the gold only (gold first).
# Said where: the docstring of verify() says that it is not symmetric for assignments and for inequality against
# interval. It says the opposite for the rest: "in strict mode [the default] ... sets are not comparable with tuples",
# and nothing of percentages, which math_verify/grader.py compares both as values and as bare digits.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile math-verify==0.9.0 latex2sympy2_extended==1.11.0 \
    sympy==1.14.0 antlr4-python3-runtime==4.13.2
nice "$work/venv/bin/python" - <<'PY'
from collections import Counter
from importlib.metadata import version
from itertools import permutations
from math_verify import parse, verify

print("math-verify", version("math-verify"), "sympy", version("sympy"))
boxed = lambda text: parse(r"\boxed{" + text + "}", parsing_timeout=None)
same = lambda gold, answer: verify(boxed(gold), boxed(answer), timeout_seconds=None)
chain = [same("50", r"50\%"), same(r"50\%", "0.5"), same("50", "0.5")]
print("50 = 50%, 50% = 0.5, 50 = 0.5: expected True False False (or all alike), got", *chain)
sides = [same("1,2", "(2,1)"), same("(2,1)", "1,2"), same("1<x<2", "(1,2)"), same("(1,2)", "1<x<2")]
print("1,2 ~ (2,1) and back, 1<x<2 ~ (1,2) and back: expected pairs alike, got", *sides)


def groups(samples):
    """Greedy grouping: a sample joins the first group whose first member it equals."""
    found = []
    for sample in samples:
        for group in found:
            if table[group[0], sample]:
                group.append(sample)
                break
        else:
            found.append([sample])
    return sorted(((g[0], len(g)) for g in found), key=lambda pair: -pair[1])


texts = ["50", r"50\%", "0.5"]
table = {(a, b): same(a, b) for a in texts for b in texts}
samples = [r"50\%"] + ["50"] * 3 + ["0.5"] * 3
winners = Counter(str(groups(order)) for order in set(permutations(samples)))
for outcome, count in winners.most_common():
    print(f"{count:4} of {sum(winners.values())} orders -> groups {outcome}")
raise SystemExit(0 if chain == [True, True, False] and sides == [True, False, True, False] and len(winners) > 2 else 1)
PY
