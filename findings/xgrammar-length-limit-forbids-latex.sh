#!/usr/bin/env bash
# xgrammar 0.2.8 (the default behind vLLM's structured outputs): a JSON schema string with maxLength, minLength or a
# pattern can hold no backslash, no quotation mark and no line break; without them it can.
#
# Expected: {"type": "string", "maxLength": 200} means up to 200 characters, written with JSON's escapes where needed.
# Seen: can the model write it?            plain   \frac{1}{2}   say "x"   two lines
#       {"type": "string"}                 yes     yes           yes       yes
#       ... maxLength 200                  yes     no            no        no
#       ... minLength 1                    yes     no            no        no
#       ... pattern ^[\s\S]*$              yes     no            no        no
#       And a name in "required" that "properties" does not declare may be left out: {"a": 1} is complete for
#       required ["a", "zz"]. Both without a warning.
# Why it matters: "at most 200 characters" is the natural schema for an abstraction, a hint or an answer. The mask then
# silently forbids every LaTeX command: the model writes frac{1}{2} or gives up, rewards fall, log-probs are taken under
# another distribution, and no sample is ever invalid. Limit tokens instead of characters, or trim afterwards.
# Said where: mlc-ai/xgrammar issue 800 (open since August 2026) reports the lost escapes; the documentation lists
# minLength, maxLength and pattern as supported, and a model's owner sees only text without backslashes. JSON Schema
# counts characters of the decoded string.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 transformers==5.19.0 pydantic==2.14.3
nice "$work/venv/bin/pip" install -qq --no-compile --no-deps xgrammar==0.2.8 apache-tvm-ffi==0.1.15.post2
nice "$work/venv/bin/python" - <<'PY'
import json
from importlib.metadata import version
import xgrammar

tokens = [chr(code) for code in range(32, 127)] + ["\n", "</s>"]
compiler = xgrammar.GrammarCompiler(xgrammar.TokenizerInfo(tokens, stop_token_ids=[len(tokens) - 1]))


def can_write(schema, text):
    grammar = compiler.compile_json_schema(json.dumps(schema))
    matcher = xgrammar.GrammarMatcher(grammar, terminate_without_stop_token=True)
    return matcher.accept_string(text) and matcher.is_terminated()


print("xgrammar", version("xgrammar"), "torch", version("torch"))
texts = ["plain", r"\frac{1}{2}", 'say "x"', "two\nlines"]
limits = [{}, {"maxLength": 200}, {"minLength": 1}, {"pattern": r"^[\s\S]*$"}]
got = []
for limit in limits:
    got.append([can_write({"type": "string"} | limit, json.dumps(text)) for text in texts])
    print(f"{limit!s:26} expected {[True] * 4} for {texts}, got {got[-1]}")
schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "zz"]}
incomplete = can_write(schema, '{"a": 1}')
print(f"required a and zz, {{'a': 1}} complete: expected False, got {incomplete}")
raise SystemExit(0 if got == [[True] * 4] + [[True] + [False] * 3] * 3 and incomplete else 1)
PY
