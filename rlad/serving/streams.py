"""Server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.responses import StreamingResponse

KEEP_ALIVE = ": keep-alive\n\n"
HEARTBEAT = 10.0
"""Seconds of silence after which a comment tells proxies that the stream lives."""
END = "data: [DONE]\n\n"


def event(data: str) -> str:
    """One event whose data is a line of JSON."""
    return f"data: {data}\n\n"


async def with_heartbeat(items: AsyncIterator[str], seconds: float = HEARTBEAT) -> AsyncIterator[str]:
    """The items, and a comment whenever none has come for so many seconds."""
    async with aclosing(items):
        following = asyncio.ensure_future(anext(items))
        try:
            while True:
                done, _ = await asyncio.wait({following}, timeout=seconds)
                if not done:
                    yield KEEP_ALIVE
                    continue
                try:
                    item = following.result()
                except StopAsyncIteration:
                    return
                yield item
                following = asyncio.ensure_future(anext(items))
        finally:
            if not following.done():
                following.cancel()
                await asyncio.wait({following})


def stream(items: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(
        with_heartbeat(items),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
