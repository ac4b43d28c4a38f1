"""Checkpoint folders as files: their order, what makes one complete, and whether it can be read.

A folder becomes a checkpoint with its file COMPLETE, which lists every other file with its size in bytes. Before that
file is written all others are on the disk, not only in the system's memory.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from pathlib import Path

MARK = "COMPLETE"
UNREADABLE = "UNREADABLE"
"""What the mark is renamed to when the folder turns out to be damaged."""


def complete_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first: in the order of their steps, which is not the order of their names."""
    found = {path.parent: re.fullmatch(r"step_(\d+)", path.parent.name) for path in folder.glob(f"step_*/{MARK}")}
    return sorted((path for path, match in found.items() if match), key=lambda path: int(found[path][1]))


def step_folder(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` is.

    >>> [step_folder(Path("checkpoints"), step).name for step in (50, 123456)]
    ['step_00050', 'step_123456']
    """
    return folder / f"step_{step:05d}"


def sync(path: Path) -> None:
    """Puts a file, or a folder's list of names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Puts everything in the folder, and the folder's own name, on the disk."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)
    sync(folder.parent)


def complete(target: Path, state: dict) -> None:
    """Writes `state` and then the mark; what the ranks wrote must be on the disk (`sync_tree`) before."""
    (target / "state.json").write_text(json.dumps(state, indent=1))
    sync(target / "state.json")
    sizes = {str(path.relative_to(target)): path.stat().st_size for path in sorted(target.rglob("*")) if path.is_file()}
    partial = target / f".{MARK}"
    partial.write_text(json.dumps(sizes, indent=1))
    sync(partial)
    partial.replace(target / MARK)
    sync(target)


def remove(target: Path) -> None:
    """Removes a checkpoint; one that is half removed is no checkpoint any more."""
    (target / MARK).unlink(missing_ok=True)
    shutil.rmtree(target, ignore_errors=True)


def keep_newest(folder: Path, count: int) -> None:
    """Removes all complete checkpoints but the newest `count`."""
    for old in complete_checkpoints(folder)[:-count]:
        remove(old)


def point_latest(folder: Path, target: Path) -> None:
    """Makes the link `latest` name a complete checkpoint, at every moment."""
    link = folder / f".latest-{os.getpid()}"
    link.symlink_to(target.name)
    link.replace(folder / "latest")


def unreadable(target: Path, rank: int) -> str | None:
    """Why the rank cannot read the checkpoint: a file missing or cut short, or one of its own damaged. None if it can.

    Every rank reads its own archives once for their checksums, because DeepSpeed's loading is collective: a rank that
    failed in the middle of it would leave the others waiting.
    """
    try:
        for name, size in json.loads((target / MARK).read_text() or "{}").items():
            if (found := (target / name).stat().st_size) != size:
                return f"{name} has {found} of {size} bytes"
        json.loads((target / "state.json").read_text())
        own = (f"rng_rank{rank}.pt", f"*/*/*zero_pp_rank_{rank}_mp_rank_*.pt")  # none, if fewer ranks wrote it
        for path in sorted(path for pattern in own for path in target.glob(pattern)):
            with zipfile.ZipFile(path) as archive:
                if damaged := archive.testzip():
                    return f"{path.relative_to(target)} is damaged at '{damaged}'"
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        return " ".join(str(error).split())
    return None
