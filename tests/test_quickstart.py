"""The Python quickstart runs as it is written, block after block."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from two_ranks import LIMIT, command, environment

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "quickstart.md"


def blocks():
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


@pytest.mark.ranks
def test_the_quickstart_runs(tmp_path):
    """Ranks and workers are forks (quickstart_program.py). The last block serves until its user ends it."""
    code = blocks()
    assert len(code) == 5 and "serve(run" in code[-1]
    program = tmp_path / "quickstart.py"
    program.write_text("\n".join(code).replace('"name=toy"', f'"name=toy", "runs_dir={tmp_path}"'))
    process = subprocess.Popen(
        command("quickstart_program.py", str(program)), cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    said = []
    for line in process.stdout:
        said.append(line)
        if "is served at http://127.0.0.1:" in line:
            break
    os.killpg(process.pid, signal.SIGTERM)
    process.stdout.read()
    told = "".join(said)
    assert process.wait(timeout=LIMIT) == 0, told[-6000:]
    assert "correct True" in told and re.search(r"\d+ tokens", told) and str(tmp_path / "toy") in said[-1]
