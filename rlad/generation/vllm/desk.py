"""The engine process: takes calls from ranks over a Unix socket and decodes what all of them asked for together.

`python -m rlad.generation.vllm.desk SETTINGS_JSON` with {"socket": ..., "core": {...}}. A call is a dict with "do" and
its arguments; the answer is ("ok", value), ("error", sentence), or ("alive", done) while the caller waits. A "generate"
with a "stream" is answered by a ("row", (stream, index, row)) for each of its prompts, as soon as that has ended.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

HEARTBEAT = 1.0
"""Seconds between signs of life to a caller that waits for completions."""


@dataclass
class Call:
    """One caller's prompts and what is finished of them."""

    caller: Connection
    results: list
    missing: int
    stream: object = None
    """What its rows carry, each sent as soon as it is there; None = all are sent together."""
    spoke: float = field(default_factory=time.monotonic)


class Desk:
    """Serves callers with one core (rlad/generation/vllm/core.py, or anything with its methods)."""

    def __init__(self, core, door: socket.socket):
        self.core, self.door = core, door
        self.callers: list[Connection] = []
        self.held: list[tuple[Connection, dict]] = []
        """Calls that wait: for idleness (new weights), or for the weights that they were promised."""
        self.batches: dict[int, Call] = {}
        self.numbers = 0
        self.open = True

    def serve(self) -> None:
        """Until a caller says close. Callers come and go between two forward passes."""
        while self.open:
            for source in wait([self.door, *self.callers], timeout=0 if self.core.busy() else None):
                if source is self.door:
                    self.callers.append(Connection(self.door.accept()[0].detach()))
                else:
                    self._hear(source)
            self._release()
            if self.core.busy():
                for finished in self.core.step():
                    self._finish(finished)
                self._show_life()

    def _hear(self, caller: Connection) -> None:
        try:
            call = caller.recv()
        except (EOFError, ConnectionResetError):
            self._forget(caller)
            return
        self._answer(caller, call)

    def _forget(self, caller: Connection) -> None:
        self.callers.remove(caller)
        self.held = [(who, call) for who, call in self.held if who is not caller]
        for number in [number for number, batch in self.batches.items() if batch.caller is caller]:
            self._drop(number)

    def _drop(self, number: int) -> None:
        """Ends a call's requests; nobody waits for them."""
        batch = self.batches.pop(number)
        self.core.abort({(number, index) for index in range(len(batch.results))})

    def _answer(self, caller: Connection, call: dict) -> None:
        """Does a call now, or holds it."""
        core, do = self.core, call["do"]
        try:
            if do == "generate":
                has = core.version(call.get("adapter"))
                if call["version"] > has:
                    self.held.append((caller, call))
                    return
                if call["version"] < has:
                    raise ValueError(f"weights of version {call['version']} were asked for, it has {has}")
                self._start(caller, call)
                return
            if do == "stats":
                reply = core.stats()
            elif do == "checksums":
                reply = core.checksums(call.get("adapter"))
            elif do == "close":
                reply, self.open = None, False
            elif core.busy():
                self.held.append((caller, call))
                return
            elif do == "load_folder":
                reply = core.load_folder(call["folder"], call["version"], call.get("adapter"))
            elif do == "weight_update":
                reply = core.weight_update(call["method"], call.get("payload"))
            elif do == "commit":
                reply = core.commit(call["version"])
            elif do == "sleep":
                reply = core.sleep()
            elif do == "wake":
                reply = core.wake(call.get("tags"))
            else:
                raise ValueError(f"there is no call '{do}'")
        except (ValueError, RuntimeError, OSError, TypeError, KeyError, AssertionError) as error:
            _send(caller, ("error", f"{type(error).__name__}: {error}"))
        else:
            _send(caller, ("ok", reply))

    def _start(self, caller: Connection, call: dict) -> None:
        number, prompts = self.numbers, call["prompts"]
        self.numbers += 1
        if not prompts:
            _send(caller, ("ok", []))
            return
        self.batches[number] = Call(caller, [None] * len(prompts), len(prompts), call.get("stream"))
        try:
            for index, prompt in enumerate(prompts):
                self.core.add((number, index), prompt, call["sampling"], index, call.get("adapter"))
        except BaseException:
            self._drop(number)
            raise

    def _finish(self, finished) -> None:
        number, index = finished.key
        batch = self.batches[number]
        row = (finished.token_ids, finished.logprobs, finished.reason, finished.version)
        batch.missing -= 1
        if batch.missing == 0:
            del self.batches[number]
        if batch.stream is not None:
            _send(batch.caller, ("row", (batch.stream, index, row)))
            return
        batch.results[index] = row
        if batch.missing == 0:
            _send(batch.caller, ("ok", batch.results))

    def _show_life(self) -> None:
        now = time.monotonic()
        for batch in self.batches.values():
            if now - batch.spoke > HEARTBEAT:
                batch.spoke = now
                _send(batch.caller, ("alive", len(batch.results) - batch.missing))

    def _release(self) -> None:
        """Looks at the held calls again, in their order."""
        held, self.held = self.held, []
        for caller, call in held:
            self._answer(caller, call)


def _send(caller: Connection, message: tuple) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it has gone; `_hear` will notice
        caller.send(message)


def main() -> None:
    settings = json.loads(sys.argv[1])
    from rlad.generation.vllm.core import VllmCore

    core = VllmCore(settings["core"])
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(settings["socket"] + ".new")
        door.listen(64)
        os.rename(settings["socket"] + ".new", settings["socket"])  # whoever sees it can connect
        Desk(core, door).serve()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # vLLM's exit handlers have nothing to save and can take long


if __name__ == "__main__":
    main()
