"""Marks that are true: whichever test starts a program must say so, because `--fast` leaves those tests out."""

import os

import pytest

OUTSIDE = ("browser", "process", "ranks", "vllm")
"""Marks of tests that start programs."""
NOT_FAST = (*OUTSIDE, "slow")
NEEDS = {
    "deepspeed": "ranks", "trainers.launching": "ranks", "rlad.generation.vllm.desk": "vllm", "vllm": "vllm",
    "node": "browser",
}  # fmt: skip
"""Programs and modules, and the mark that a test with such a child must carry."""
LIGHT = "rlad.verifier.pool.worker"
"""The verifier's workers start in a moment and are a part of whoever judges: they need no mark."""
running: list[pytest.Item] = []
"""The test that runs now."""
unmarked: dict[str, str] = {}
"""By test: what is wrong with its marks."""


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
