"""The command that starts a run's ranks by DeepSpeed's launcher, its environment, and the life of its processes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from rlad.cli import PlainError
from rlad.generation.vllm.server import free_port
from rlad.generation.vllm.setup import SPARE
from trainers.launching.nodes import Placement
from trainers.launching.rank import done_file, failure_file

KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
"""glibc's heap of a CPU rank: what an update has freed, the next one takes. By itself it gives all but some megabytes
back to the system, and every page of a micro-batch's tensors is asked for, and zeroed, in every step anew."""
GRACE = 10.0
"""Seconds between asking processes to end and ending them."""
ROOT = Path(__file__).resolve().parents[2]


def require_compiler(environment: Mapping[str, str] = os.environ) -> None:
    """CPU ranks share memory through compiled collectives; raises PlainError when they are neither there nor made."""
    name = environment.get("CXX", "c++")
    if shutil.which(name, path=environment.get("PATH")) is None and not collectives_built(environment):
        raise PlainError(f"There is no C++ compiler '{name}'; install one (on Debian and Ubuntu: apt-get install g++).")


def collectives_built(environment: Mapping[str, str]) -> bool:
    """Whether DeepSpeed's collectives have been compiled already, for this torch; asked in a process that loads it."""
    asked = [sys.executable, "-m", "trainers.runtime.collectives", "--built"]
    return subprocess.run(asked, cwd=ROOT, env=dict(environment), capture_output=True, check=False).returncode == 0


def count_gpus() -> int:
    """NVIDIA GPUs that this process may use; torch is imported only where the driver is loaded."""
    if not Path("/proc/driver/nvidia/version").exists() and not Path("/dev/nvidiactl").exists():
        return 0
    import torch

    return torch.cuda.device_count()


def choose_device(wanted: str, slots: int, gpus: int) -> str:
    """cpu or cuda for `auto`; raises PlainError when there are fewer GPUs than ranks on this node."""
    device = wanted if wanted != "auto" else ("cuda" if gpus else "cpu")
    if device == "cuda" and gpus < slots:
        raise PlainError(
            f"The run wants {slots} GPUs on this node, one per rank, but {gpus} can be used; "
            f"set launch.ranks or launch.device=cpu."
        )
    return device


def spare_gpus(ranks: int, gpus: int, base: Mapping[str, str]) -> str:
    """Names of the GPUs that `ranks` ranks leave over, of `gpus` or of those that `base` allows, joined by commas.

    >>> spare_gpus(2, 8, {"CUDA_VISIBLE_DEVICES": "0,3,5,7"})
    '5,7'
    """
    allowed = base.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(gpus)))
    return ",".join(allowed.split(",")[ranks:])


def environment(base: Mapping[str, str], device: str, threads: int, logs: Path, one_machine: bool) -> dict[str, str]:
    """What the ranks inherit. `one_machine`: the ranks can watch this launcher's process."""
    result = dict(base)
    if device == "cpu":
        result.pop("CUDA_VISIBLE_DEVICES", None)  # DeepSpeed would take it for a list of CPU ranks
        result["OMP_NUM_THREADS"] = str(threads)
        if not KEPT_MEMORY.keys() & base.keys():
            result |= KEPT_MEMORY
    bin_folder = str(Path(sys.executable).parent)
    result["PATH"] = os.pathsep.join([bin_folder, base.get("PATH", os.defpath)])  # ninja lives there
    result["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [base.get("PYTHONPATH")])])
    result["DS_ACCELERATOR"] = device
    result["TOKENIZERS_PARALLELISM"] = "false"  # its threads would fight with the ranks for the cores
    if not sys.stderr.isatty():
        result.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    quiet = "ignore::FutureWarning:torch.distributed.c10d_logger"  # DeepSpeed calls names that torch has just renamed
    result["PYTHONWARNINGS"] = ",".join(filter(None, [base.get("PYTHONWARNINGS"), quiet]))
    result["RLAD_RANK_LOGS"] = str(logs.resolve())
    result.setdefault("TORCH_EXTENSIONS_DIR", str(Path(sys.prefix) / "torch_extensions"))
    if one_machine:
        result["RLAD_LAUNCHER"] = str(os.getpid())
    return result


EXPORTED = (
    "DS_ACCELERATOR", "OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM", "RLAD_RANK_LOGS", "TORCH_EXTENSIONS_DIR", SPARE,
    *KEPT_MEMORY,
)  # fmt: skip
"""What DeepSpeed carries to other hosts beside PYTHONPATH and NCCL's variables."""


def command(placement: Placement, device: str, logs: Path, module: str, arguments: list[str], env: dict) -> list[str]:
    """The command line of DeepSpeed's launcher. Writes the exports of a hostfile run.

    What `deepspeed` itself runs once it knows the ranks of this machine, its node launcher, is started without it: to
    import DeepSpeed once more takes seconds. Hosts that are reached over ssh are its own to start.
    """
    parts = [sys.executable, "-u", "-m"]
    if placement.hostfile is None:
        parts += ["deepspeed.launcher.launch", f"--world_info={_world_info(placement, device, env)}"]
        parts += [f"--node_rank={placement.node_rank or 0}", f"--master_addr={placement.master}"]
    else:
        exports = logs / "deepspeed_env"
        exports.write_text("".join(f"{key}={env[key]}\n" for key in EXPORTED if key in env))
        env["DS_ENV_FILE"] = str(exports.resolve())
        parts += ["deepspeed.launcher.runner", f"--hostfile={placement.hostfile}"]
    parts += [f"--master_port={placement.port or free_port()}", "--log_level=error", "--no_local_rank"]
    return [*parts, "--module", "trainers.launching.rank", module, *arguments]


def _world_info(placement: Placement, device: str, env: Mapping[str, str]) -> str:
    """Every node's accelerators, one per rank, as the node launcher reads them; on this node the user's choice of GPUs.

    >>> two = _world_info(Placement(slots=(1, 2), node_rank=1), "cuda", {"CUDA_VISIBLE_DEVICES": "5,6,7"})
    >>> base64.urlsafe_b64decode(two)
    b'{"node-0": [0], "node-1": ["5", "6"]}'
    """
    nodes: dict[str, list] = {f"node-{i}": list(range(slots)) for i, slots in enumerate(placement.slots)}
    chosen = env.get("CUDA_VISIBLE_DEVICES", "")
    if device == "cuda" and chosen:
        node = placement.node_rank or 0
        nodes[f"node-{node}"] = chosen.split(",")[: placement.slots[node]]
    return base64.urlsafe_b64encode(json.dumps(nodes).encode()).decode()


def require_remote_shell(path: str | None = None) -> None:
    """DeepSpeed reaches a hostfile's other hosts with ssh and pdsh; raises PlainError when they are missing."""
    for tool in ("ssh", "pdsh"):
        if shutil.which(tool, path=path) is None:
            raise PlainError(
                f"--hostfile needs '{tool}' to reach the other hosts; install it, or start one launcher on every node "
                "with --hostfile, --node-rank and --master."
            )


def run(command_line: list[str], env: Mapping[str, str]) -> int:
    """Runs the command as a process group of its own and returns its exit code.

    SIGINT, SIGTERM and SIGHUP end the whole group (exit code 128 + signal), and nothing of it is left when this
    returns: a launcher of DeepSpeed's that is killed leaves what it started. Negative where a signal ended it.
    """
    stopped: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        _signal_group(process.pid, signal.SIGTERM)

    process = subprocess.Popen(command_line, env=dict(env), stdin=subprocess.DEVNULL, start_new_session=True)
    wanted = [s for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in wanted}
    try:
        code = process.wait()
    finally:
        # A second SIGTERM would hit DeepSpeed's own processes in their exit handlers, and they would print about it.
        _end_group(process.pid, asked=bool(stopped))
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + stopped[0] if stopped else code


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError):  # all gone already
        os.killpg(group, number)


def _group_lives(group: int) -> bool:
    for process in psutil.process_iter(["status"]):
        try:
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
        except ProcessLookupError:
            continue
    return False


def _end_group(group: int, asked: bool) -> None:
    if not asked:
        _signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while _group_lives(group):
        if time.monotonic() > deadline:
            _signal_group(group, signal.SIGKILL)
        time.sleep(0.05)


def clear_reports(logs: Path, node: int) -> None:
    """Removes what the ranks of an earlier launch left."""
    failure_file(logs, node).unlink(missing_ok=True)
    for old in logs.glob("done_*"):
        old.unlink()


def outcome(code: int, logs: Path, placement: Placement) -> tuple[int, str | None]:
    """The exit code of a launch and, when it failed, one sentence why.

    DeepSpeed's front end, which starts the hosts of a file, reports success when its node launcher is killed, so
    success also wants every local rank's word that it ran to its end.
    """
    node = placement.node_rank or 0
    report = failure_file(logs, node)
    if report.is_file():
        failure = json.loads(report.read_text())
        if failure["code"] == 2:
            return 2, failure["sentence"]
        log = logs / f"rank_{failure['rank']}.log"
        return failure["code"], f"Rank {failure['rank']} failed: {failure['sentence']} (traceback: {log})"
    if code > 128 and code - 128 in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        return code, "Stopped."
    first = sum(placement.slots[:node])
    missing = [rank for rank in range(first, first + placement.slots[node]) if not done_file(logs, rank).exists()]
    if code == 0 and not missing:
        return 0, None
    if code == 256 - signal.SIGKILL:
        return 128 + signal.SIGKILL, "A training process was killed; the machine may have run out of memory."
    return max(code, 0) or 1, f"The training processes ended before they were done (exit code {code}); see {logs}."
