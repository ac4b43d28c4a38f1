"""Marks that are true: whichever test starts a program must say so, because `--fast` leaves those tests out."""

import os

import pytest

OUTSIDE = ("browser", "process", "ranks", "vllm")
"""Marks of tests that start programs."""
NOT_FAST = (*OUTSIDE, "slow")
NEEDS = {
    "deepspeed": "ranks", "trainers.launching": "ranks", "rlad.generation.vllm.desk": "vllm", "vllm": "vllm",
    "engine_forks.py": "vllm", "node": "browser",
}  # fmt: skip
"""Programs and modules, and the mark that a test with such a child must carry."""
LIGHT = "rlad.verifier.pool.worker"
"""The verifier's workers start in a moment and are a part of whoever judges: they need no mark."""
TOGETHER = ("ranks", "vllm")
"""All tests over vLLM run in one worker, one after another, and so do those that share two ranks (the fixture `ranks`):
they want much of the machine."""
running: list[pytest.Item] = []
"""The test that runs now."""
unmarked: dict[str, str] = {}
"""By test: what is wrong with its marks."""


def deal(items: list[pytest.Item]) -> None:
    """Groups tests for workers that run side by side, and puts first what takes longest.

    A group is all tests of one mark of TOGETHER, or what is left of a file, whose fixtures its tests share: those
    first that start ranks of their own, then those that start other programs.
    """
    programs = {item.path for item in items if any(item.get_closest_marker(name) for name in NOT_FAST)}
    places = {}
    for item in items:
        marked = [name for name in TOGETHER if item.get_closest_marker(name)][-1:]
        together = marked and (marked != ["ranks"] or "ranks" in item.fixturenames)
        group = marked[0] if together else str(item.path)
        launches = len(TOGETHER) + (0 if marked else 1 if item.path in programs else 2)
        places[item] = TOGETHER.index(group) if together else launches
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=places.__getitem__)


def missing_mark(command: list[str], marks: set[str]) -> str | None:
    """The mark that a test which starts this command lacks; what libraries ask of the system (`uname`) needs none."""
    words = [os.path.basename(word) for word in command]
    module = command[command.index("-m") + 1 :][:1] if "-m" in command else []
    wanted = next((NEEDS[word] for word in [*words[:2], *module] if word in NEEDS), None)
    if wanted is not None:
        return None if wanted in marks else wanted
    ours = words[0] in ("bash", "sh") or words[0].startswith("python")
    return "process" if ours and LIGHT not in " ".join(command) and not marks & set(OUTSIDE) else None


def watch(event: str, arguments: tuple) -> None:
    """Notes every program that a test starts without the mark for it; the interpreter calls this (sys.addaudithook)."""
    if event != "subprocess.Popen" or not running:
        return
    words, item = arguments[1], running[-1]
    command = words.split() if isinstance(words, str) else [os.fsdecode(word) for word in words]
    lacking = missing_mark(command, {mark.name for mark in item.iter_markers()})
    if lacking is not None:
        unmarked[item.nodeid] = f"lacks the mark '{lacking}': it started {' '.join(command)[:200]}"
