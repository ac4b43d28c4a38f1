"""The listening side: sockets and connections that nobody can hold open for ever, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from rlad.config import ConfigError, ServingConfig
from rlad.serving.logs import log

HEADER_TIMEOUT = 10.0
"""Seconds for a request's head to arrive."""
BACKLOG = 1024
"""Connections that wait to be taken."""


PROBE = 1.0
"""Seconds between two looks at a peer that sends nothing any more."""
TCP_CLOSE = 7
"""Linux's state of a connection that the peer has reset."""
STILL_HERE = b"HTTP/1.1 100 Continue\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with an end to patience: a connection on which a request's head does not arrive in time
    is dropped. (A slow body and a slow reader are the guard's and the socket's business.)

    It also tells a peer that has only finished sending (half-closed, as `nc -N` does) from one that has left: both look
    the same until something is written to them. An interim answer, which every client of HTTP/1.1 reads over, is
    written; only who has left resets the connection at that.
    """

    _waiting: asyncio.TimerHandle | None = None
    _probing: asyncio.TimerHandle | None = None
    _finished_sending = False
    _running: RequestResponseCycle | None = None
    """The request at work; with pipelined ones behind it, `cycle` is the last of those."""

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._waiting is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc) -> None:
        self._stop_waiting()
        if self._probing is not None:
            self._probing.cancel()
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> bool:
        """Whether the connection stays open for writing: while a request that has arrived in full has no answer."""
        self._finished_sending = self._at_work and not self.cycle.more_body
        if self._finished_sending:
            self._probe()
        return self._finished_sending

    @property
    def _at_work(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def _probe(self) -> None:
        """Looks, again and again, whether the peer is still there: an answer that has begun finds out by itself."""
        connection = self.transport.get_extra_info("socket")
        if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE:
            self.transport.abort()
            return
        if self._running.scope["http_version"] == "1.1" and not self._running.response_started:
            self.transport.write(STILL_HERE)
        self._probing = self.loop.call_later(PROBE, self._probe)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._finished_sending and not self._at_work:
            self.transport.close()

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEADER_TIMEOUT, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class Server(uvicorn.Server):
    """Ends on SIGTERM and SIGINT after the requests that run; a second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, app: FastAPI):
        super().__init__(config)
        self.app = app

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours instead of uvicorn's, which sends itself the signal again and would end us before the samplers."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_end, number)
        yield

    def _asked_to_end(self, number: int) -> None:
        log("ending at once" if self.should_exit else "draining", signal=signal.Signals(number).name)
        self.app.state.draining = True
        self.force_exit = self.should_exit
        self.should_exit = True


def bound_socket(config: ServingConfig) -> socket.socket:
    """The listening socket. Raises ConfigError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by every connection: one whose peer takes no data for so long is dropped by the kernel, with its buffer.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(config.request_timeout * 1000))
    try:
        listening.bind((config.host, config.port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"{config.host}:{config.port} cannot be listened on ({error.strerror}); set serving.port to a free one."
        ) from error
    return listening


async def serve_until_signal(app: FastAPI, config: ServingConfig, listening: socket.socket) -> None:
    """Serves until a signal, then drains."""
    settings = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nobody here asks for the client's address
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=round(config.drain_timeout),
        backlog=BACKLOG,
    )
    # What is alive now lives on: a full collection need not look at torch's and transformers' half a million objects.
    gc.collect()
    gc.freeze()
    await Server(settings, app).serve([listening])
