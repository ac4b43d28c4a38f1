"""The verifier out of a wheel, beside sympy and mpmath and nothing else: an interpreter that has no other package."""

import importlib.util
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "rlad", "trainers", "evals")
BESIDE = ("sympy", "mpmath")
ROWS = [
    {"gold": "1/2", "pred": r"so it is $\boxed{0.5}$", "expected": True},
    {"gold": r"\frac{1}{3}", "pred": r"$\int_0^1 x^2 \, dx$", "expected": True},  # sympy decides
    {"gold": "3", "pred": "4", "expected": False},
]


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory):
    """A Python whose packages are the wheel's, sympy and mpmath."""
    here = tmp_path_factory.mktemp("alone")
    source = here / "source"
    source.mkdir()
    for part in PARTS:  # the build leaves folders in its source
        origin = ROOT / part
        if origin.is_dir():
            shutil.copytree(origin, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(here), str(source)]
    subprocess.run([*pip, *build], check=True)
    venv.create(here / "env", with_pip=False, symlinks=True)
    packages = next((here / "env").glob("lib*/python*/site-packages"))
    (wheel,) = here.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(packages), str(wheel)], check=True)
    for name in BESIDE:
        (packages / name).symlink_to(Path(importlib.util.find_spec(name).origin).parent)
    return here / "env" / "bin" / "python"


def run(interpreter, tmp_path, *arguments):
    return subprocess.run(
        [interpreter, *arguments], cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=True
    )


def test_a_file_is_judged(interpreter, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    done = run(interpreter, tmp_path, "-m", "rlad.verifier", str(rows), "--workers", "1")
    assert json.loads(done.stdout.splitlines()[-1])["accuracy"] == 1.0
    assert json.loads(done.stdout.splitlines()[1])["reason"] == "symbolic"


def test_nothing_else_is_there(interpreter, tmp_path):
    """The rest of rlad is in the wheel but cannot even be imported here: the test above proves what it says."""
    code = "import importlib.util as u; print([n for n in ('torch', 'omegaconf', 'rich', 'numpy') if u.find_spec(n)])"
    assert run(interpreter, tmp_path, "-c", code).stdout.strip() == "[]"
    code = "import sys, rlad.verifier; print([n for n in sys.modules if n[:5] == 'rlad.' and 'verifier' not in n])"
    assert run(interpreter, tmp_path, "-c", code).stdout.strip() == "[]"
