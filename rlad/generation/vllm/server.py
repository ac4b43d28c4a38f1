"""Starting, watching and ending a `vllm serve` process: one model folder, one free loopback port.

    with VllmServer(folder, log=run / "logs" / "serve_solution.log", arguments=["--max-model-len", "512"]) as server:
        httpx.get(f"{server.url}/v1/models")

The server never outlives this process (rlad/generation/vllm/watched.py).
"""

from __future__ import annotations

import os
import random
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rlad.generation.base import SamplerFailed
from rlad.generation.vllm.watched import end_group, start_watched, tail

SERVE = "vllm.entrypoints.launchers.api_server.entry"
"""What `vllm serve` runs. The command asks for a distribution called `vllm`; the CPU build's has another name."""
POLL = 0.2
PORT_ATTEMPTS = 3
_PORT_TAKEN = ("Address already in use", "address already in use")


def free_port() -> int:
    """A loopback port that nobody listens on now, of those that the system gives to nobody by itself: until it is used,
    which a start may take a minute for, no connection of another program gets it by chance. Where there are none, any.
    """
    given = range(32_768, 61_000)
    with suppress(OSError, ValueError):
        first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
        given = range(first, last + 1)
    own = [port for port in range(10_000, 65_536) if port not in given]
    for port in [*random.SystemRandom().sample(own, min(100, len(own))), 0]:  # whatever seed this process has
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise OSError("There is no free port on this machine.")


class VllmServer:
    """A `vllm serve` process. The constructor starts it and returns at once; `wait_until_healthy` waits.

    model: a Hugging Face model folder. log: what it prints. arguments: for `vllm serve`, after the model.
    environment: of the process, e.g. from vllm_setup.cpu_environment; None is a copy of this one's. Two servers start
    in parallel when both are made before the first is waited for. Raises SamplerFailed, with the end of the log, when
    the server ends or is not healthy in time.
    """

    def __init__(
        self,
        model: Path | str,
        log: Path,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        name: str = "vLLM server",
    ):
        self.model, self.log, self.arguments, self.name = str(model), log, list(arguments), name
        self.environment = dict(os.environ if environment is None else environment)
        log.unlink(missing_ok=True)
        self._start()

    def _start(self) -> None:
        self.port = free_port()
        words = ["--model", self.model, "--host", "127.0.0.1", "--port", str(self.port), *self.arguments]
        self.process = start_watched(SERVE, words, self.log, self.environment)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def check(self) -> None:
        """Raises SamplerFailed when the process has ended."""
        if not self.alive:
            raise SamplerFailed(
                f"The {self.name} ended (exit code {self.process.returncode}); its log is {self.log} and ends with:\n"
                + tail(self.log)
            )

    def wait_until_healthy(self, limit: float = 300.0) -> None:
        """Waits until it answers, at most `limit` seconds in all."""
        deadline = time.monotonic() + limit
        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                self._wait(deadline, limit)
                return
            except SamplerFailed:
                taken = not self.alive and any(words in tail(self.log, 200) for words in _PORT_TAKEN)
                self.close()
                if not taken or attempt == PORT_ATTEMPTS:
                    raise
            self._start()

    def _wait(self, deadline: float, limit: float) -> None:
        while True:
            self.check()
            if self.healthy():
                self.check()  # not another server that was faster to take the port
                return
            if time.monotonic() > deadline:
                raise SamplerFailed(
                    f"The {self.name} was not ready within {limit:.0f} seconds and was ended; its log is {self.log} "
                    "and ends with:\n" + tail(self.log)
                )
            time.sleep(POLL)

    def healthy(self) -> bool:
        """Whether it answers now."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def close(self) -> None:
        """Ends the server and all processes it started; harmless when it has ended."""
        end_group(self.process)

    def __enter__(self) -> VllmServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
