"""The Python quickstart runs as it is written, block after block."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from two_ranks import environment

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "quickstart.md"


def blocks():
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


@pytest.mark.ranks
def test_the_quickstart_runs(tmp_path):
    *code, serving = blocks()
    assert len(code) == 4 and "serve(run" in serving
    program = "\n".join(code).replace('"name=toy"', f'"name=toy", "runs_dir={tmp_path}"')
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "correct True" in done.stdout and re.search(r"\d+ tokens", done.stdout)
    served(serving, tmp_path / "toy")


def served(block, run):
    """Runs the last block until it says where it serves, then ends it as a user would."""
    program = f"run = {str(run)!r}\n{block}"
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        line = next(line for line in process.stdout if "is served at http://127.0.0.1:" in line)
        assert str(run) in line
    finally:
        os.killpg(process.pid, signal.SIGTERM)
    process.stdout.read()
    assert process.wait(timeout=60) == 0
