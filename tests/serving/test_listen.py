"""The listening side: connections that say too little, addresses that are taken, and an orderly end."""

import asyncio
import os
import signal
import socket

import pytest
from fake_gateway import KEY, QUESTION, Gateway

from rlad.config import ConfigError, ServingConfig
from rlad.serving import listen


async def exchange(port, *parts, pause=0.0):
    """Sends the parts with pauses between them; everything that comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def served(use, gateway=None):
    """Runs `use(port)` against a listening server, then asks the server to end by a signal."""

    async def run():
        app = (gateway or Gateway()).app
        config = ServingConfig(port=0, drain_timeout=10)
        with listen.bound_socket(config) as listening:
            listening.listen()
            server = asyncio.create_task(listen.serve(app, config, listening))
            result = await use(listening.getsockname()[1])
            if not server.done():
                os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(server, 30)
            return result

    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        return asyncio.run(run())
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
            signal.signal(number, handler)


HEAD = f"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n".encode()


def test_a_head_that_does_not_arrive_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(listen, "HEADER_TIMEOUT", 0.2)

    async def use(port):
        return [
            await exchange(port),  # says nothing
            await exchange(port, b"GET / HT"),
            # Answered once, it is not waited for a second time either.
            await exchange(port, HEAD + b"\r\n", b"GET /", pause=0.05),
            await exchange(port, HEAD + b"Connection: close\r\n\r\n"),
        ]

    silent, half, twice, whole = served(use)
    assert silent == half == b""
    assert twice.count(b"HTTP/1.1 200") == 1 and whole.startswith(b"HTTP/1.1 200")


def test_a_body_longer_than_the_patience_with_heads_is_no_head(monkeypatch):
    """The clock for the head stops with the head: a body, and an answer, may take longer."""
    monkeypatch.setattr(listen, "HEADER_TIMEOUT", 0.2)
    body = b'{"problem": "%s"}' % QUESTION.encode()
    head = (
        f"POST /v1/solve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode()
    gateway = Gateway()
    gateway.solution.delay = 0.2
    reply = served(lambda port: exchange(port, head, body, pause=0.4), gateway)
    assert reply.startswith(b"HTTP/1.1 200") and b'"answer":"9"' in reply


def test_connections_have_an_end_to_waiting_for_readers():
    with listen.bound_socket(ServingConfig(port=0, request_timeout=7.0)) as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


def test_a_taken_port_is_said_in_one_sentence():
    with listen.bound_socket(ServingConfig(port=0)) as first:
        first.listen()
        with pytest.raises(ConfigError, match="cannot be listened on"):
            listen.bound_socket(ServingConfig(port=first.getsockname()[1]))
