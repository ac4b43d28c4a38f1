"""What every request goes through before a route sees it, and how it ends: one ASGI middleware.

In order: a request id; the API key; the whole body, within its size and time; a turn, for the routes that generate;
then the route, until it is done, its time is over or its client has gone away. The last two cancel the route, and with
it everything it has asked the samplers for. All of it happens in the request's own task, with one more that watches the
connection: tasks are what a request costs most.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import nullcontext, suppress
from time import monotonic
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rlad.config import ServingConfig
from rlad.serving.admission import Admission
from rlad.serving.errors import ApiError, wrong_keys
from rlad.serving.keys import Keys
from rlad.serving.logs import log
from rlad.serving.metrics import Metrics

GENERATING = ("/v1/chat/completions", "/v1/completions", "/v1/solve")
PROBES = ("/healthz", "/readyz")
ROUTES = {*GENERATING, *PROBES, "/v1/models", "/metrics", "/docs", "/openapi.json", "/"}
GONE = 499
"""Status in logs and metrics of a request whose client went away (nginx's number)."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Gone(Exception):
    """The client closed the connection."""


class Guard:
    """Wraps the application; see the module."""

    def __init__(self, app: ASGIApp, config: ServingConfig, keys: Keys, metrics: Metrics, admission: Admission):
        self.app, self.config, self.keys, self.metrics, self.admission = app, config, keys, metrics, admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await Passage(self, scope, receive, send).run()


class Passage:
    """One request on its way through."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send):
        self.guard, self.scope, self._receive, self._send = guard, scope, receive, send
        self.headers = {name.lower(): value for name, value in scope["headers"]}
        given = self.headers.get(b"x-request-id", b"").decode("latin-1")
        self.id = given if _ID.fullmatch(given) else uuid4().hex
        self.status = 0
        self.answered = False
        self.whole = False
        """Whether the body has arrived in full."""
        self.begin = monotonic()
        self.gone = asyncio.Event()
        scope.setdefault("state", {})["request_id"] = self.id

    async def run(self) -> None:
        try:
            async with asyncio.timeout(self.guard.config.request_timeout):
                await self._pass()
        except TimeoutError:
            await self._refuse(ApiError(504, "The request took longer than this server allows.", code="timeout"))
        except ApiError as error:
            await self._refuse(error)
        except Gone:
            self.status = GONE
        except asyncio.CancelledError:
            if self.gone.is_set() and not asyncio.current_task().uncancel():
                self.status = GONE
                return
            # The server is shutting down and has waited long enough.
            await self._refuse(ApiError(503, "The server is shutting down.", code="shutting_down"))
            raise
        except Exception as error:  # a bug: the client gets an answer, the log gets the rest
            if self.gone.is_set():  # what was cancelled may end in its own way, and nobody asks for it any more
                self.status = GONE
                return
            log("failed", logging.ERROR, exc_info=error, id=self.id)
            await self._refuse(ApiError(500, f"The server failed; its log says more under {self.id}."))
        finally:
            self._record()

    async def _pass(self) -> None:
        self._authorize()
        body = await self._body()
        watcher = asyncio.create_task(self._watch(asyncio.current_task()))
        generating = self.scope["path"] in GENERATING and self.scope["method"] == "POST"
        try:
            async with self.guard.admission.turn() if generating else nullcontext():
                await self.guard.app(self.scope, self._replay(body), self._reply)
        finally:
            watcher.cancel()

    def _authorize(self) -> None:
        guard, path = self.guard, self.scope["path"]
        if not len(guard.keys) or (guard.config.open_probes and path in PROBES):
            return
        if guard.keys.admits(self.headers.get(b"authorization", b"").decode("latin-1")):
            return
        error = wrong_keys()
        if b"text/html" in self.headers.get(b"accept", b""):  # a person: the browser asks for the key as password
            error.headers["WWW-Authenticate"] = 'Basic realm="rlad: any name, the API key as password"'
        raise error

    async def _body(self) -> bytes:
        """The whole body. Raises ApiError 413 or 408."""
        most = self.guard.config.max_body_bytes
        too_large = ApiError(413, f"The body is larger than {most} bytes.", code="body_too_large")
        length = self.headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            raise too_large
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.guard.config.body_timeout):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise too_large
                    if not message.get("more_body", False):
                        self.whole = True
                        return b"".join(parts)
        except TimeoutError as error:
            raise ApiError(408, "The body took too long to arrive.", code="timeout") from error

    async def _watch(self, request: asyncio.Task) -> None:
        """Cancels the request when its client goes away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.answered:  # a server may also say so after the last byte
            self.gone.set()
            request.cancel()

    def _replay(self, body: bytes) -> Receive:
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await self.gone.wait()
            return {"type": "http.disconnect"}

        return receive

    async def _reply(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", []), (b"x-request-id", self.id.encode())]
        self.answered = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def _refuse(self, error: ApiError) -> None:
        """Answers with an error, unless an answer has begun: then the connection just ends unfinished."""
        if self.status:
            log("cut off", logging.WARNING, id=self.id, reason=error.body.code)
            return
        body = error.json()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error.headers}
        unread = not self.whole and self._has_body
        if unread:  # the rest of the body is not wanted
            headers["Connection"] = "close"
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self._reply({"type": "http.response.start", "status": error.status, "headers": pairs})
        await self._send({"type": "http.response.body", "body": body, "more_body": unread})
        if unread:
            await self._linger()
            await self._send({"type": "http.response.body", "body": b""})

    @property
    def _has_body(self) -> bool:
        return b"transfer-encoding" in self.headers or self.headers.get(b"content-length", b"0").strip() != b"0"

    async def _linger(self) -> None:
        """Reads on, and drops what comes, until the body's end or its time is over: most clients write everything
        before they read, and closing a connection with unread bytes takes the answer from them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.guard.config.body_timeout):
                while (await self._receive()).get("more_body", False):
                    pass

    def _record(self) -> None:
        path = self.scope["path"]
        route = path if path in ROUTES else "other"
        seconds = monotonic() - self.begin
        self.guard.metrics.requests.labels(route, str(self.status)).inc()
        self.guard.metrics.seconds.labels(route).observe(seconds)
        log(
            "request",
            id=self.id,
            method=self.scope["method"],
            route=route,
            status=self.status,
            ms=round(seconds * 1e3, 1),
            **self.scope["state"].get("log", {}),
        )
