"""Where the ranks of a run live: this machine, the hosts of a file, the nodes of a Slurm step, or nodes named by hand.

Pure functions of the arguments and the environment; the `deepspeed` command is built from their answer.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlad.cli import PlainError

DEFAULT_PORT = 29500


@dataclass(frozen=True)
class Placement:
    """The answer: `slots` ranks on each node, and this launcher's part in it."""

    slots: tuple[int, ...]
    """Ranks of each node."""
    node_rank: int | None = None
    """This node's rank when one launcher runs on every node; None when this launcher starts everything."""
    master: str = "127.0.0.1"
    port: int = 0
    """0 = a free port of this machine."""
    hostfile: Path | None = None
    """Hosts that the launcher reaches over ssh."""

    @property
    def ranks(self) -> int:
        """Ranks over all nodes."""
        return sum(self.slots)

    @property
    def nodes(self) -> int:
        return len(self.slots)


def place(
    ranks: int,
    port: int,
    environment: Mapping[str, str],
    hostfile: str | None = None,
    nodes: int | None = None,
    node_rank: int | None = None,
    master: str | None = None,
) -> Placement:
    """Decides where the ranks live; `ranks` is per node. Arguments win over Slurm's variables.

    Raises PlainError for a missing or malformed hostfile and for arguments that do not fit together.
    """
    if hostfile is not None:
        return _hosts(Path(hostfile), port, nodes, node_rank, master)
    if nodes is not None or node_rank is not None or master is not None:
        return _by_hand(ranks, nodes, node_rank, master)
    if int(environment.get("SLURM_STEP_NUM_NODES", environment.get("SLURM_NNODES", "1"))) > 1:
        return _slurm(ranks, port, environment)
    return Placement(slots=(ranks,), port=port)


def _by_hand(ranks: int, nodes: int | None, node_rank: int | None, master: str | None) -> Placement:
    if nodes is None or node_rank is None or master is None:
        raise PlainError("--nodes, --node-rank and --master go together: give all three on every node.")
    if nodes < 1 or not 0 <= node_rank < nodes:
        raise PlainError(f"--node-rank={node_rank} must be at least 0 and below --nodes={nodes}.")
    host, port = split_address(master)
    return Placement(slots=(ranks,) * nodes, node_rank=node_rank, master=host, port=port)


def split_address(address: str) -> tuple[str, int]:
    """HOST or HOST:PORT.

    >>> split_address("10.0.0.1:29501"), split_address("node-a")
    (('10.0.0.1', 29501), ('node-a', 29500))
    """
    host, _, port = address.partition(":")
    if not host or (port and not (port.isdigit() and 0 < int(port) < 65536)):
        raise PlainError(f"--master='{address}' must be HOST or HOST:PORT.")
    return host, int(port or DEFAULT_PORT)


def _hosts(path: Path, port: int, nodes: int | None, node_rank: int | None, master: str | None) -> Placement:
    hosts = read_hostfile(path)
    if nodes is not None:
        raise PlainError("--nodes and --hostfile exclude each other: the file says which nodes there are.")
    slots = tuple(hosts.values())
    if (node_rank is None) != (master is None):
        raise PlainError("With --hostfile, --node-rank and --master go together: one launcher on every node.")
    if node_rank is not None and master is not None:
        if not 0 <= node_rank < len(slots):
            raise PlainError(f"--node-rank={node_rank} must be at least 0 and below the file's {len(slots)} hosts.")
        host, master_port = split_address(master)
        return Placement(slots=slots, node_rank=node_rank, master=host, port=master_port)
    only = next(iter(hosts))
    if len(hosts) == 1 and only in ("localhost", "127.0.0.1", socket.gethostname()):
        return Placement(slots=slots, port=port)  # no ssh to oneself
    return Placement(slots=slots, master=only, port=port or DEFAULT_PORT, hostfile=path)


def read_hostfile(path: Path) -> dict[str, int]:
    """Hosts and their ranks from lines `HOST slots=N`; empty lines and # comments are skipped."""
    if not path.is_file():
        raise PlainError(f"There is no hostfile '{path}'.")
    hosts: dict[str, int] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        match = re.fullmatch(r"(\S+)\s+slots=([1-9]\d*)", text)
        if match is None:
            raise PlainError(f"Line {number} of the hostfile '{path}' must read 'HOST slots=N', not '{text}'.")
        if match[1] in hosts:
            raise PlainError(f"Line {number} of the hostfile '{path}' names the host '{match[1]}' again.")
        hosts[match[1]] = int(match[2])
    if not hosts:
        raise PlainError(f"The hostfile '{path}' names no host.")
    return hosts


def _slurm(ranks: int, port: int, environment: Mapping[str, str]) -> Placement:
    """One launcher per node of a Slurm step; every node works out the same master and port by itself."""
    nodes = int(environment.get("SLURM_STEP_NUM_NODES", environment.get("SLURM_NNODES", "1")))
    if "SLURM_STEP_ID" not in environment or "SLURM_NODEID" not in environment:
        raise PlainError(
            f"This Slurm job has {nodes} nodes: start one launcher on each with "
            "srun --ntasks-per-node=1 ./launch.sh train ..."
        )
    tasks = int(environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS", nodes)))
    if tasks != nodes:
        raise PlainError(f"Slurm started {tasks} tasks on {nodes} nodes; use srun --ntasks-per-node=1.")
    listed = environment.get("SLURM_STEP_NODELIST", environment.get("SLURM_NODELIST", ""))
    names = expand_nodelist(listed)
    if len(names) != nodes:
        raise PlainError(
            f"Slurm's node list '{listed}' does not name {nodes} nodes; use --nodes, --node-rank, --master."
        )
    job = int(environment.get("SLURM_JOB_ID", "0"))
    return Placement(
        slots=(ranks,) * nodes,
        node_rank=int(environment["SLURM_NODEID"]),
        master=names[0],
        port=port or 20_000 + job % 20_000,  # the same on all nodes, and different for jobs that share one
    )


def expand_nodelist(text: str) -> list[str]:
    """Slurm's compressed node list, in order.

    >>> expand_nodelist("gpu[01-03,7],login")
    ['gpu01', 'gpu02', 'gpu03', 'gpu7', 'login']
    """
    names: list[str] = []
    for item in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        names.extend(_expand(item))
    return names


def _expand(item: str) -> list[str]:
    match = re.search(r"\[([^\]]*)\]", item)
    if match is None:
        return [item]
    names = []
    for part in match[1].split(","):
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            name = f"{item[: match.start()]}{number:0{len(first)}d}{item[match.end() :]}"
            names.extend(_expand(name))
    return names
