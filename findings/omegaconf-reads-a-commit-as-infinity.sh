#!/usr/bin/env bash
# OmegaConf 2.4.0 (PyYAML 6.0.3): a short git commit such as 7e15162 becomes infinity, in a field declared `str`, from a
# file that PyYAML itself wrote and reads back as the string.
#
# Expected: `revision: str` keeps what was typed; at worst YAML 1.1's own rules apply, by which 7e15162 is a string
# (a float needs a dot there), so yaml.safe_dump leaves it unquoted.
# Seen: yaml.safe_dump -> `revision: 7e15162` -> yaml.safe_load '7e15162' -> OmegaConf.load inf -> merged into the
#       structured field: the *string* 'inf'. Likewise 12e4567 on the command line (from_dotlist) -> 'inf', 4112e12 ->
#       '4112000000000000.0', tag=0.10 -> '0.1', tag=007 -> '7', start=12:30 -> '750' (sexagesimal).
#       About 1 commit abbreviated to 7 characters in 54 is digits, one e, digits; nothing is raised or logged.
# Why it matters: `model.revision`, `data.version`, run names and checkpoint tags are exactly such strings. A sweep
# written by one tool with yaml.safe_dump and read with OmegaConf/Hydra loads another revision, or none.
# Said where: the structured-config page says that values are converted to the field's type, not that they are parsed
# *before* the type is known. omegaconf/_yaml.py replaces PyYAML's float pattern by a wider one, under which what PyYAML
# dumps unquoted is a number. Version 2.4 warns of implicit conversions when a field is assigned, not when a file or
# the command line is merged. OmegaConf.save quotes such strings; yaml.safe_dump does not.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile omegaconf==2.4.0 PyYAML==6.0.3
nice "$work/venv/bin/python" - <<'PY'
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
import yaml
from omegaconf import OmegaConf


@dataclass
class Model:
    revision: str = "main"


print("omegaconf", version("omegaconf"), "PyYAML", yaml.__version__)
file = Path(tempfile.mkdtemp()) / "model.yaml"
file.write_text(yaml.safe_dump({"revision": "7e15162"}))
schema = OmegaConf.structured(Model)
raw, typed = OmegaConf.load(file).revision, OmegaConf.merge(schema, OmegaConf.load(file)).revision
print("file:", file.read_text().strip(), "| PyYAML:", repr(yaml.safe_load(file.read_text())["revision"]))
print(f"expected '7e15162' twice, got {raw!r} untyped and {typed!r} in a field of type str")
file.unlink(), file.parent.rmdir()
seen = {"12e4567": "inf", "4112e12": "4112000000000000.0", "0.10": "0.1", "007": "7", "12:30": "750"}
got = {text: OmegaConf.merge(schema, OmegaConf.from_dotlist([f"revision={text}"])).revision for text in seen}
for text in seen:
    print(f"revision={text}: expected {text!r}, got {got[text]!r}")
digits = "0123456789"
share = sum(10**6 for place in range(1, 6)) / 16**7
print(f"share of 7-digit commits that are digits, e, digits: {share:.3f}")
raise SystemExit(0 if raw == float("inf") and typed == "inf" and got == seen else 1)
PY
