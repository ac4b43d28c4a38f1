"""Server-sent events: comments in silence, and nothing left behind."""

import asyncio
from itertools import count

import pytest

from rlad.serving import streams
from rlad.serving.streams import END, KEEP_ALIVE, EventStream, event


async def told(items, heartbeat, sent):
    async def send(message):
        sent.append(message)

    await EventStream(items, heartbeat)({"type": "http"}, None, send)


def test_comments_fill_the_silence():
    async def slow():
        yield event("1")
        yield event("2")
        while sum(message.get("body") == KEEP_ALIVE.encode() for message in sent) < 3:
            await asyncio.sleep(0.01)
        yield END

    sent = []
    asyncio.run(told(slow(), 0.05, sent))
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream") and b"content-length" not in headers
    bodies = [message["body"].decode() for message in sent[1:]]
    # On a busy machine there may be silence before the first two as well.
    assert [body for body in bodies if body != KEEP_ALIVE] == [event("1"), event("2"), END, ""]
    assert bodies[-3:] == [KEEP_ALIVE, END, ""]
    assert [message["more_body"] for message in sent[1:]] == [True] * (len(sent) - 2) + [False]


def test_silence_begins_with_the_last_item(monkeypatch):
    async def items():
        yield event("1")
        yield END

    monkeypatch.setattr(streams, "monotonic", count().__next__)
    stream = EventStream(items(), heartbeat=1000)
    begin = stream._last

    async def send(message):
        assert stream._last > begin or not message.get("body"), "an item that does not end the silence"

    asyncio.run(stream({"type": "http"}, None, send))


def test_a_stream_that_is_cut_off_tidies_up():
    closed, sent = [], []

    async def endless():
        try:
            yield event("1")
            await asyncio.sleep(60)
        finally:
            closed.append(True)

    async def leave():
        task = asyncio.create_task(told(endless(), 0.01, sent))
        while len(sent) < 3:  # the beginning, an item, a comment
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        count = len(sent)
        await asyncio.sleep(0.05)
        assert len(sent) == count, "the comments go on"

    asyncio.run(leave())
    assert closed == [True] and sent[-1]["more_body"]
