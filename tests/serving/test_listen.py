"""The listening side: connections that say too little, addresses that are taken, and an orderly end."""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import struct

import pytest
import uvloop
from fake_gateway import KEY, QUESTION, Gateway

from rlad.config import ConfigError, ServingConfig
from rlad.generation.streaming import SamplerDown
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


def served(use, gateway=None, loop_factory=None):
    """Runs `use(port)` against a listening server, then asks the server to end by a signal."""

    async def run():
        app = (gateway or Gateway()).app
        config = ServingConfig(port=0, drain_timeout=10)
        with listen.bound_socket(config) as listening:
            listening.listen()
            server = asyncio.create_task(listen.serve_until_signal(app, config, listening))
            result = await use(listening.getsockname()[1])
            if not server.done():
                os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(server, 30)
            return result

    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(run())
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
            signal.signal(number, handler)


HEAD = f"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n".encode()


def test_a_head_that_does_not_arrive_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(listen, "HEADER_TIMEOUT", 1.0)  # enough for heads that do arrive, on a busy machine too

    async def use(port):
        return await asyncio.gather(
            exchange(port),  # says nothing
            exchange(port, b"GET / HT"),
            # Answered once, it is not waited for a second time either.
            exchange(port, HEAD + b"\r\n", b"GET /", pause=0.05),
            exchange(port, HEAD + b"Connection: close\r\n\r\n"),
        )

    silent, half, twice, whole = served(use)
    assert silent == half == b""
    assert twice.count(b"HTTP/1.1 200") == 1 and whole.startswith(b"HTTP/1.1 200")


def test_a_body_longer_than_the_patience_with_heads_is_no_head(monkeypatch):
    """The clock for the head stops with the head: a body, and an answer, may take longer."""
    monkeypatch.setattr(listen, "HEADER_TIMEOUT", 1.0)
    body = b'{"problem": "%s"}' % QUESTION.encode()
    head = (
        f"POST /v1/solve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode()
    gateway = Gateway()
    gateway.solution.delay = 1.2
    reply = served(lambda port: exchange(port, head, body, pause=1.2), gateway)
    assert reply.startswith(b"HTTP/1.1 200") and b'"answer":"9"' in reply


def test_connections_have_an_end_to_waiting_for_readers():
    with listen.bound_socket(ServingConfig(port=0, request_timeout=7.0)) as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


def test_a_taken_port_is_said_in_one_sentence():
    with listen.bound_socket(ServingConfig(port=0)) as first:
        first.listen()
        with pytest.raises(ConfigError, match="cannot be listened on"):
            listen.bound_socket(ServingConfig(port=first.getsockname()[1]))


def post(path, body, *headers):
    content = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {KEY}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


SOLVE = {"problem": QUESTION}


@pytest.mark.parametrize("key", [KEY, "a-key-that-is-not-known"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_large_body_is_answered_before_its_connection_ends(announced, key):
    """The client writes everything before it reads, as most do: the answer must not be lost to a reset."""
    size, part = 8_000_000, b" " * 50_000
    head = f"POST /v1/solve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    if announced:
        parts = [f"{head}Content-Length: {size}\r\n\r\n".encode(), *[part] * (size // len(part))]
    else:
        chunk = b"%x\r\n%s\r\n" % (len(part), part)
        parts = [f"{head}Transfer-Encoding: chunked\r\n\r\n".encode(), *[chunk] * (size // len(part)), b"0\r\n\r\n"]
    reply = served(lambda port: exchange(port, *parts))
    assert reply.startswith(b"HTTP/1.1 413" if key == KEY else b"HTTP/1.1 401"), reply[:80]
    assert (b"body_too_large" if key == KEY else b"invalid_api_key") in reply and b"connection: close" in reply.lower()


def test_reading_on_has_an_end():
    """A body that never ends holds its connection for as long as bodies may take, and no longer: without that end
    `exchange` would wait for its own."""
    gateway = Gateway(max_body_bytes=100, body_timeout=0.3)
    head = f"POST /v1/solve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 10000\r\n\r\n"
    reply = served(lambda port: exchange(port, head.encode(), b"{"), gateway)
    assert reply.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("body", [SOLVE, SOLVE | {"stream": True}])
def test_who_has_only_finished_sending_is_answered(monkeypatch, body):
    monkeypatch.setattr(listen, "PROBE", 0.1)
    gateway = Gateway()
    gateway.solution.delay = 0.2

    async def use(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post("/v1/solve", body))
        writer.write_eof()
        reply = await asyncio.wait_for(reader.read(), 30)  # to the end: the server hangs up after it
        writer.close()
        return reply

    reply = served(use, gateway)
    final = reply.rpartition(b"HTTP/1.1 100 Continue\r\n\r\n")[2]
    assert final.startswith(b"HTTP/1.1 200") and b'"answer":"9"' in final


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("reset", [False, True])
def test_who_leaves_is_noticed_and_leaves_no_traceback(monkeypatch, caplog, reset, loop):
    """One or several requests on a connection, whole or streamed, the sampler failing in its own way when cancelled."""
    monkeypatch.setattr(listen, "PROBE", 0.1)
    gateway = Gateway()
    gateway.solution.delay = 30
    gateway.solution.fails_when_cancelled = SamplerDown("the connection was closed under it")
    chat = {"model": "rlad", "messages": [{"role": "user", "content": QUESTION}], "n": 2}
    bodies = [("/v1/solve", SOLVE), ("/v1/solve", SOLVE | {"stream": True}), ("/v1/chat/completions", chat)]
    bodies += [("/v1/chat/completions", chat | {"stream": True})]
    # Of every connection one request is at work, with 3 branches a tree.
    begun = 2 * 3 * sum(body.get("n", 1) for _, body in bodies)

    async def visit(port, *requests):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(post(*request) for request in requests))
        await writer.drain()
        async with asyncio.timeout(60):
            while gateway.solution.running < begun and not left.is_set():
                await asyncio.sleep(0.01)
        left.set()
        if reset:
            no_time = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_time)
        writer.close()

    async def use(port):
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await asyncio.gather(*(visit(port, body) for body in bodies), *(visit(port, body, body) for body in bodies))
        async with asyncio.timeout(60):
            while gateway.solution.running:
                await asyncio.sleep(0.05)
        gc.collect()
        return gateway.solution.running, gateway.solution.cancelled

    complaints, left = [], asyncio.Event()
    with caplog.at_level(logging.INFO):
        running, cancelled = served(use, gateway, uvloop.new_event_loop if loop == "uvloop" else None)
    assert running == 0 and cancelled >= begun
    assert complaints == []
    assert [r.getMessage() for r in caplog.records if r.exc_info or r.levelno >= logging.WARNING] == []


def test_no_redirect_is_made_of_the_clients_host():
    head = HEAD.replace(b"Host: x", b"Host: evil.example").replace(b"/v1/models", b"/v1/models/rlad/")
    reply = served(lambda port: exchange(port, head + b"Connection: close\r\n\r\n"))
    assert reply.startswith(b"HTTP/1.1 404") and b"evil" not in reply and b"location" not in reply.lower()
