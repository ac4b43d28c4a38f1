"""The marks are true: a test that starts a program without saying so fails; `--fast` leaves out those that say it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import marks
import pytest

TESTS = Path(__file__).parent
ALL = ("PASSED", "FAILED", "ERROR")
INNER = """
import subprocess, sys
import pytest

def test_silent():
    subprocess.run([sys.executable, "-c", ""])

@pytest.mark.process
def test_honest():
    subprocess.run([sys.executable, "-c", ""])

@pytest.mark.process
def test_ranks():
    subprocess.run(["echo", "trainers.launching"])

@pytest.mark.slow
def test_slow(): ...

def test_pure(): ...
"""


@pytest.fixture(scope="module")
def inner(tmp_path_factory):
    """Runs pytest over a few made-up tests below the suite's own conftest; which ran, which failed, what was said."""
    folder = tmp_path_factory.mktemp("inner")
    shutil.copy(TESTS / "conftest.py", folder)
    (folder / "test_inner.py").write_text(INNER)
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    env = alone | {"PYTHONPATH": str(TESTS / "helpers")}

    def outcomes(*words):
        without = ["-p", "no:cacheprovider", "-p", "no:schemathesis"]  # the latter is imported before any test
        command = [sys.executable, "-m", "pytest", "-rA", "-q", *without, *words, str(folder)]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        rows = [line.split() for line in done.stdout.splitlines() if line.startswith(ALL)]
        ran, bad = ({row[1].split("::")[1] for row in rows if row[0] in words} for words in (ALL, ALL[1:]))
        return ran, bad, done.stdout

    return outcomes


@pytest.mark.process
def test_a_program_started_without_its_mark_fails_the_test(inner):
    ran, bad, output = inner()
    assert ran == {"test_silent", "test_honest", "test_ranks", "test_slow", "test_pure"}
    assert bad == {"test_silent", "test_ranks"}
    assert "test_silent lacks the mark 'process': it started" in output
    assert "test_ranks lacks the mark 'ranks': it started echo trainers.launching" in output


@pytest.mark.process
def test_fast_leaves_out_what_is_marked(inner):
    ran, bad, output = inner("--fast")
    assert (ran, bad) == ({"test_silent", "test_pure"}, {"test_silent"})
    assert "3 deselected" in output


@pytest.mark.parametrize(
    ("command", "mark"),
    [
        (["/usr/bin/python", "-m", "rlad.generation.vllm.desk"], "vllm"),
        (["/x/bin/vllm", "serve"], "vllm"),
        (["/x/bin/python", "/x/tests/helpers/engine_forks.py", "/x/socket"], "vllm"),
        (["/x/bin/python", "/x/bin/vllm", "serve"], "vllm"),
        (["bash", "launch.sh", "setup", "--with", "vllm"], "process"),
        (["/x/bin/deepspeed", "--num_accelerators", "2"], "ranks"),
        (["/x/playwright/driver/node", "run-driver"], "browser"),
        (["/usr/bin/python3.11", "-m", "rlad.serving"], "process"),
    ],
)
def test_every_kind_of_program_has_its_mark(command, mark):
    assert marks.missing_mark(command, {"slow"}) == mark
    assert marks.missing_mark(command, {mark}) is None


def test_what_libraries_ask_of_the_system_and_the_verifiers_workers_need_no_mark():
    for command in (["uname", "-p"], ["python", "-c", "from rlad.verifier.pool.worker import main; main()"]):
        assert marks.missing_mark(command, set()) is None


class Item:
    """What `deal` asks of a test."""

    def __init__(self, path, *names, fixtures=()):
        self.path, self.names, self.fixturenames, self.group = path, names, fixtures, None

    def get_closest_marker(self, name):
        return name if name in self.names else None

    def add_marker(self, mark):
        (self.group,) = mark.args


def test_workers_get_files_whole_and_everything_on_shared_ranks_in_one_piece():
    shared = ("warm", "ranks")
    made = [
        Item("a", "ranks", fixtures=shared), Item("b"), Item("c"), Item("d", "ranks", "vllm", fixtures=shared),
        Item("c", "process"), Item("e", "ranks"), Item("a"), Item("f", "ranks", fixtures=shared),
    ]  # fmt: skip
    marks.deal(made)
    assert [(item.path, item.group) for item in made] == [
        ("a", "ranks"), ("f", "ranks"), ("d", "vllm"), ("e", "e"), ("c", "c"), ("c", "c"), ("a", "a"), ("b", "b"),
    ]  # fmt: skip
