"""What vLLM needs of this machine and of a process's environment. Imports no vLLM."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from rlad.generation.base import SamplerFailed

WANTED = "0.32.0"
MISMATCHED = ("torchvision", "torchaudio", "torchcodec")
"""Their published builds do not fit the CPU build of torch; text models need none of them."""


def require_vllm(device: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Raises SamplerFailed with one plain sentence where vLLM cannot run on `device` (cpu or cuda)."""
    if importlib.util.find_spec("vllm") is None:
        raise SamplerFailed(
            "vLLM is not installed; run './launch.sh setup --with vllm' or use engine.kind=transformers."
        )
    if device != "cpu":
        return
    missing_instructions = cpu_problem(cpuinfo)
    if missing_instructions:
        raise SamplerFailed(missing_instructions)
    wrong = [name for name in MISMATCHED if importlib.util.find_spec(name) is not None]
    if wrong and "+cpu" in importlib.metadata.version("torch"):
        raise SamplerFailed(
            f"{', '.join(wrong)} do not fit the CPU build of PyTorch and keep vLLM from starting; remove them with "
            f"'{sys.executable} -m pip uninstall {' '.join(wrong)}'."
        )


def cpu_problem(cpuinfo: Path = Path("/proc/cpuinfo"), machine: str | None = None) -> str | None:
    """Why vLLM's CPU build cannot run on this processor, in one sentence; None where it can.

    It has kernels for AVX-512 and for AVX2; without either it would end with an illegal instruction.
    """
    if (machine or platform.machine()) not in ("x86_64", "AMD64"):
        return None  # ARM builds pick their kernels themselves
    flags: set[str] = set()
    for line in cpuinfo.read_text().splitlines():
        if line.startswith("flags"):
            flags = set(line.partition(":")[2].split())
            break
    if flags & {"avx512f", "avx2"}:
        return None
    return (
        "vLLM's CPU build needs a processor with AVX-512 or AVX2 instructions, and this one has neither; "
        "use engine.kind=transformers on this machine."
    )


OF_A_RANK = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "CROSS_RANK", "CROSS_SIZE", "LOCAL_SIZE",
             "MASTER_ADDR", "MASTER_PORT", "DS_ACCELERATOR", "RLAD_RANK_LOGS", "RLAD_LAUNCHER")  # fmt: skip
"""A rank's place among the trainer's processes is not the engine's."""


def common_environment(base: Mapping[str, str]) -> dict[str, str]:
    """`base` for a vLLM process: one process per engine, no network calls, few words."""
    env = {name: value for name, value in base.items() if name not in OF_A_RANK}
    env["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    env["VLLM_NO_USAGE_STATS"] = "1"
    env["DO_NOT_TRACK"] = "1"
    env.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    return env


SPARE = "RLAD_SPARE_GPUS"
"""In a rank's environment: the GPUs of its machine that no rank has, separated by commas."""


def engine_gpus(spare: str, each: int, before: int) -> str:
    """CUDA_VISIBLE_DEVICES of an engine of `each` GPUs when `before` others have theirs. spare: the value of SPARE.

    Raises SamplerFailed when too few are left.

    >>> engine_gpus("4,5,6,7", each=2, before=1)
    '6,7'
    """
    names = [name for name in spare.split(",") if name]
    if len(names) < (before + 1) * each:
        raise SamplerFailed(
            f"{before + 1} vLLM engines of {each} GPUs beside the ranks' were asked for, but the ranks leave "
            f"{len(names)} of this machine's; lower launch.ranks, or use engine.placement=colocated."
        )
    return ",".join(names[before * each : (before + 1) * each])


def gpu_environment(base: Mapping[str, str], device: str, gpus: str = "") -> dict[str, str]:
    """For an engine on a GPU. device: cuda:INDEX among the GPUs this process sees; cuda alone leaves the choice.

    gpus: instead of `device`, names of GPUs, joined by commas.
    """
    env = common_environment(base)
    if gpus:
        env["CUDA_VISIBLE_DEVICES"] = gpus
        return env
    index = device.partition(":")[2]
    if index:
        seen = [name for name in base.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        env["CUDA_VISIBLE_DEVICES"] = seen[int(index)] if seen else index
    return env


def cpu_environment(base: Mapping[str, str], threads: int, eager: bool = False) -> dict[str, str]:
    """For an engine on a CPU: vLLM's OpenMP preloaded, `threads` of them, which do not spin while they wait.

    eager: the model is not compiled. Then nothing is: vLLM would still compile the count of more likely tokens, for
    three seconds of every engine's start and with a C++ compiler, and nobody here asks for a token's rank.
    """
    env = common_environment(base)
    env.pop("CUDA_VISIBLE_DEVICES", None)
    env["VLLM_TARGET_DEVICE"] = "cpu"  # the build tells its device by the name of a distribution it does not have
    env["OMP_NUM_THREADS"] = str(threads)
    env["KMP_BLOCKTIME"] = "1"
    if eager:
        env["TORCHDYNAMO_DISABLE"] = "1"
    openmp = Path(sys.prefix) / "lib" / "libiomp5.so"
    if openmp.is_file() and "libiomp" not in env.get("LD_PRELOAD", ""):
        env["LD_PRELOAD"] = os.pathsep.join(filter(None, [str(openmp), env.get("LD_PRELOAD")]))
    return env
