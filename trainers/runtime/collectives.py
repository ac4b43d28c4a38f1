"""DeepSpeed's shared-memory collectives of CPU ranks: compiled once, afterwards loaded as they are.

DeepSpeed would ask `ninja` at every start whether its library is up to date. Another path to the same environment or
another `ninja` on PATH then compiles it again without a word, and a `lock` file that a killed process left lets every
later rank wait for ever. Here the library stands in a folder that is named after what it is made of, and appears there
whole. Whoever compiles it holds a lock of the kernel's, which ends with its holder, however that ends.

`python -m trainers.runtime.collectives` compiles it where that has not been done; the set-up does. With --built it only
asks, and exit code 1 says that it has not been done.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import deepspeed
import torch
from deepspeed.ops.op_builder.builder import OpBuilder
from deepspeed.ops.op_builder.cpu import ShareMemCommBuilder
from torch.utils import cpp_extension

FOLDER = "TORCH_EXTENSIONS_DIR"
"""The variable that says where compiled extensions stand; `.venv/torch_extensions` without it."""
UNFINISHED = "compiling-"


def root() -> Path:
    """The folder of compiled extensions."""
    return Path(os.environ.get(FOLDER) or Path(sys.prefix, "torch_extensions"))


def library(where: Path) -> Path:
    """Where the library stands below `where`: a name for its sources and for the Python and torch it is made for."""
    builder = ShareMemCommBuilder()
    made_of = [torch.__version__, deepspeed.__version__, sys.implementation.cache_tag, platform.machine()]
    sources = [Path(builder.deepspeed_src_path(name)).read_bytes() for name in builder.sources()]
    digest = hashlib.sha256(b"\0".join([*map(str.encode, made_of), *sources])).hexdigest()[:12]
    return where / f"{builder.name}-{digest}" / f"{builder.name}.so"


def load(timeout: float) -> ModuleType:
    """Loads the library, which DeepSpeed then finds loaded; it is compiled first where nobody has (see `compiled`)."""
    if ShareMemCommBuilder.NAME in OpBuilder._loaded_ops:
        return OpBuilder._loaded_ops[ShareMemCommBuilder.NAME]
    path = compiled(root(), timeout)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    OpBuilder._loaded_ops[path.stem] = module  # where `load` of DeepSpeed's builders looks first
    return module


def compiled(where: Path, timeout: float) -> Path:
    """The library below `where`, compiled by this process or by another one that is waited for.

    Raises TimeoutError after `timeout` seconds of waiting.
    """
    path = library(where)
    if not path.is_file():
        where.mkdir(parents=True, exist_ok=True)
        with _alone(where, timeout):
            if not path.is_file():  # nor has whoever was waited for compiled it
                _compile(path)
    return path


@contextmanager
def _alone(where: Path, timeout: float) -> Iterator[None]:
    """Holds the lock of `where`, and says for whom it waits."""
    deadline, said = time.monotonic() + timeout, False
    with (where / "compiling.lock").open("a+") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                lock.seek(0)
                waited_for = f"{lock.read() or 'another process'}, which compiles DeepSpeed's collectives in {where}"
            if not said:
                print(f"Waiting for {waited_for} (at most {timeout:g} s).", file=sys.stderr, flush=True)
                said = True
            if time.monotonic() > deadline:
                raise TimeoutError(f"Waited {timeout:g} s for {waited_for}; end it, or raise launch.timeout.")
            time.sleep(0.1)
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {platform.node()}")
        lock.flush()
        yield


def _compile(path: Path) -> None:
    """Compiles the library as DeepSpeed does, but in a folder of its own, and moves it to its place."""
    where, builder = path.parent.parent, ShareMemCommBuilder()
    for left in where.glob(f"{UNFINISHED}*"):  # of a process that was killed: its lock has ended with it
        shutil.rmtree(left)
    print("Compiling DeepSpeed's collectives (once; about half a minute) ...", file=sys.stderr, flush=True)
    scratch = tempfile.mkdtemp(prefix=UNFINISHED, dir=where)
    try:
        cpp_extension.load(
            name=path.stem,
            sources=[builder.deepspeed_src_path(source) for source in builder.sources()],
            extra_include_paths=[builder.deepspeed_src_path(folder) for folder in builder.include_paths()],
            extra_cflags=[*builder.cxx_args(), "-UC10_USE_GLOG"],
            build_directory=scratch,
        )
        shutil.rmtree(path.parent, ignore_errors=True)  # had somebody removed the library alone
        Path(scratch).rename(path.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    if "--built" in sys.argv[1:]:
        sys.exit(0 if library(root()).is_file() else 1)
    compiled(root(), timeout=3600)
