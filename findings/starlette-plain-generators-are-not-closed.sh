#!/usr/bin/env bash
# starlette 1.10.0 (uvicorn 0.54.0): when the client of a StreamingResponse goes away, an async generator is closed
# within its next step, a plain one is not: its `finally` and `with` stay open until the garbage collector passes.
#
# Expected: both kinds of generator are accepted, and both are closed when the response is cancelled.
# Seen: each generator holds a lock. 2 s after its client left: async released, plain held. 10 s and three requests
#       later: plain still held. After gc.collect(): released (the cancelled task keeps it in a cycle).
# Why it matters: a streaming endpoint in front of a model takes a slot of the engine (semaphore, adapter pin) `with`
# the stream. As a plain generator, because the engine is synchronous, each impatient client takes a slot away, until
# the idle server answers nobody. Wrap it in an async generator that closes it in `finally`.
# Said where: the page on StreamingResponse says "async generator or a normal generator/iterator" and nothing of
# closing. iterate_in_threadpool in starlette/concurrency.py has no finally.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile starlette==1.10.0 uvicorn==0.54.0
nice "$work/venv/bin/python" - <<'PY'
import asyncio, gc
import socket
import threading
import time
import starlette
import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

slots, token = {"/async": threading.Lock(), "/plain": threading.Lock()}, b"data: token\n\n"


async def later():
    with slots["/async"]:
        while True:
            yield token
            await asyncio.sleep(0.05)


def plain():
    with slots["/plain"]:
        while True:
            yield token
            time.sleep(0.05)


def request(path):
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        client.recv(1000)  # some tokens, then leave


routes = [Route("/async", lambda _: StreamingResponse(later())), Route("/plain", lambda _: StreamingResponse(plain()))]
listener = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error"))
threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True).start()
while not server.started:
    time.sleep(0.05)
print("starlette", starlette.__version__, "uvicorn", uvicorn.__version__)
states = []
for path, wait in (("/async", 2), ("/plain", 2), ("/x", 0), ("/x", 0), ("/x", 10)):
    request(path)
    time.sleep(wait)
    states.append([lock.locked() for lock in slots.values()])
gc.collect()
after = [lock.locked() for lock in slots.values()]
print(f"locks of async and plain, 2 s after each client left: {states[0]}, {states[1]}; 10 s later: {states[4]}")
print(f"after gc.collect(): {after}; expected: [False, False] everywhere")
raise SystemExit(0 if states == [[False, False]] + [[False, True]] * 4 and not any(after) else 1)
PY
