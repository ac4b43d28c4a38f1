#!/usr/bin/env bash
# orjson 3.13.0: loads() reads an integer of more than 64 bits as a float and goes on, so a wrong answer of 24 digits
# equals the right one; dumps() refuses the same integer. json, msgspec and pydantic-core read it exactly.
#
# Expected: what json.loads gives (Python's integers have any length), or an error, as dumps() raises one for the same
# integer: "Integer exceeds 64-bit range".
# Seen: text                               json, msgspec, pydantic-core   orjson
#       18446744073709551615 (2**64 - 1)   exact                          exact
#       18446744073709551616 (2**64)       exact                          1.8446744073709552e+19
#       620448401733239439360000 (24!)     exact                          6.204484017332394e+23
#       24! against 24! + 1, + 1000, + 10**7: different for the three, equal for orjson. And 24! read by orjson is not
#       24! computed in Python: int() of what comes back for 25! ends in ...6055303168 instead of ...5984000000.
# Why it matters: factorials, binomials, powers and Fibonacci numbers are what counting problems ask for. orjson is put
# in for json to write and read rollouts, golds and a reward server's requests faster. If both sides come through it,
# each answer that agrees in 16 digits is paid; if one side does, the right answer is wrong, and the next file holds
# 6.204484017332394e23. Answers of up to 19 digits behave, so tests pass. Keep golds and answers as text.
# Said where: the page names the range of integers as what orjson "serializes and deserializes"; what loads() does above
# it is not said, and it calls itself correct.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile orjson==3.13.0 msgspec==0.22.0 pydantic-core==2.50.4
nice "$work/venv/bin/python" - <<'PY'
import json
import math

import msgspec
import orjson
import pydantic_core

readers = {"json": json.loads, "msgspec": msgspec.json.decode, "pydantic-core": pydantic_core.from_json}
readers["orjson"] = orjson.loads
gold = math.factorial(24)
print("orjson", orjson.__version__, "- expected: every reader exact, wrong answers different")
kept = True
for name, read in readers.items():
    got = {text: read(str(number)) for text, number in (("2**64-1", 2**64 - 1), ("2**64", 2**64), ("24!", gold))}
    paid = [step for step in (1, 1000, 10**7) if read(str(gold + step)) == got["24!"]]
    right = got["24!"] == gold
    print(f"{name:13}", got, "| wrong by this much and equal:", paid, "| equals 24! of Python:", right)
    if name == "orjson":
        kept &= got["2**64-1"] == 2**64 - 1 and isinstance(got["2**64"], float) and len(paid) == 3 and not right
    else:
        kept &= right and got["2**64"] == 2**64 and not paid
print("25! through orjson:", int(orjson.loads(str(math.factorial(25)))), "instead of", math.factorial(25))
try:
    orjson.dumps(gold)
    kept = False
except TypeError as error:
    print("dumps(24!):", error)
raise SystemExit(0 if kept else 1)
PY
