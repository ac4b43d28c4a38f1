"""Server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

KEEP_ALIVE = ": keep-alive\n\n"
HEARTBEAT = 2.0
"""Seconds of silence after which a comment tells proxies that the stream lives, and finds readers that have left."""
END = "data: [DONE]\n\n"


def event(data: str) -> str:
    """One event whose data is a line of JSON."""
    return f"data: {data}\n\n"


class EventStream(Response):
    """The items as they come, and a comment whenever none has come for `heartbeat` seconds.

    A client that goes away cancels it from outside (rlad/serving/guard.py); the items are closed in any case.
    """

    media_type = "text/event-stream"

    def __init__(self, items: AsyncIterator[str], heartbeat: float = HEARTBEAT):
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self.items, self.heartbeat = items, heartbeat
        self._last = monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self.items) as items:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            beating = asyncio.create_task(self._beat(send))
            try:
                async for item in items:
                    self._last = monotonic()
                    await send({"type": "http.response.body", "body": item.encode(), "more_body": True})
            finally:
                beating.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send) -> None:
        """A task of its own, so that an item costs no timer and no task."""
        while True:
            left = self._last + self.heartbeat - monotonic()
            if left > 0:
                await asyncio.sleep(left)
                continue
            self._last = monotonic()
            await send({"type": "http.response.body", "body": KEEP_ALIVE.encode(), "more_body": True})
