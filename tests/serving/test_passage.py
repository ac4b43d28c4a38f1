"""The guard around applications of one line, message by message: what a client of a library never gets to see."""

import asyncio
from types import SimpleNamespace

import pytest

from rlad.config import ServingConfig
from rlad.serving.admission import Admission
from rlad.serving.guard import Guard
from rlad.serving.keys import Keys
from rlad.serving.metrics import Metrics

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"done"}


def passed(app, bodies=(b"",), headers=(), **settings):
    """What the guard sent, and the order of everything: `read` for a message taken, `sent` for one given."""
    config = ServingConfig(engine="transformers", **settings)
    guard = Guard(app, config, Keys([]), Metrics(), Admission(1, 0))
    seen = SimpleNamespace(sent=[], order=[])
    left = [
        {"type": "http.request", "body": body, "more_body": number + 1 < len(bodies)}
        for number, body in enumerate(bodies)
    ]

    async def receive():
        seen.order.append("read")
        if left:
            return left.pop(0)
        while not any(message.get("body") and not message.get("more_body") for message in seen.sent):
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message):
        seen.order.append("sent")
        seen.sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/nowhere", "headers": list(headers)}
    asyncio.run(asyncio.wait_for(guard(scope, receive, send), 60))
    return seen


async def echo(scope, receive, send):
    body = (await receive())["body"]
    await send(START)
    await send(END | {"body": body})


@pytest.mark.parametrize("bodies", [(b"12345678",), (b"1234", b"5678"), (b"", b"12345678", b"")])
def test_a_body_of_exactly_the_size_that_is_allowed_comes_whole(bodies):
    assert passed(echo, bodies, max_body_bytes=8).sent[-1]["body"] == b"12345678"


@pytest.mark.parametrize("bodies", [(b"123456789",), (b"1234", b"56789"), (b"12345678", b"9")])
def test_a_byte_more_is_refused_however_it_is_cut(bodies):
    assert passed(echo, bodies, max_body_bytes=8).sent[0]["status"] == 413


def test_a_length_that_is_too_large_is_answered_before_anything_is_read():
    seen = passed(echo, (b"123456789",), [(b"content-length", b"9")], max_body_bytes=8)
    assert seen.sent[0]["status"] == 413 and seen.order[0] == "sent"


def test_a_client_that_leaves_after_the_last_byte_cancels_nothing():
    finished = []

    async def app(scope, receive, send):
        await echo(scope, receive, send)
        await asyncio.sleep(0.05)  # what a route still has to put away
        finished.append(True)

    assert passed(app, (b"all",)).sent[-1]["body"] == b"all"
    assert finished == [True]


def test_an_answer_that_breaks_off_does_not_begin_again():
    async def app(scope, receive, send):
        await send(START)
        raise ZeroDivisionError

    assert [message["type"] for message in passed(app).sent] == ["http.response.start"]
