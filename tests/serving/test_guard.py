"""What every request goes through: keys, sizes, times, turns, and clients that go away."""

import asyncio
import json
import logging

import pytest
from fake_gateway import KEY, QUESTION, Gateway

from rlad.config import ConfigError, ServingConfig
from rlad.serving.__main__ import require_keys
from rlad.serving.admission import Admission
from rlad.serving.keys import Keys, load_keys

SOLVE = {"problem": QUESTION}


def routes():
    """Every route of the application, by the application itself."""
    found = {(method, route.path) for route in Gateway().app.routes for method in getattr(route, "methods", None) or ()}
    assert ("POST", "/v1/solve") in found and ("GET", "/metrics") in found and ("GET", "/docs") in found
    return sorted({(m, p.replace("{model}", "rlad")) for m, p in found} | {("GET", "/"), ("GET", "/nowhere")})


@pytest.mark.parametrize("key", [None, "", "another-key-of-the-same-", KEY[:-1], KEY + "x", KEY.upper(), "é" * 24])
def test_no_key_no_entry_on_any_route(gateway, key):
    async def all_routes():
        async with gateway.client(key=None) as client:
            headers = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
            return [(m, p, await client.request(m, p, json=SOLVE, headers=headers)) for m, p in routes()]

    for method, path, reply in asyncio.run(all_routes()):
        assert reply.status_code == 401, path
        assert method == "HEAD" or reply.json()["error"]["code"] == "invalid_api_key"
    assert not gateway.abstraction.calls


def test_a_key_opens_every_route(gateway):
    async def all_routes():
        async with gateway.client() as client:
            return [(p, (await client.request(m, p)).status_code) for m, p in routes()]

    assert all(status != 401 for _, status in asyncio.run(all_routes()))


def test_browsers_may_send_the_key_as_password():
    gateway = Gateway(keys=(KEY, "another-key-of-some-length"))

    async def ask(**more):
        async with gateway.client(key=None) as client:
            return await client.get("/v1/models", **more)

    assert asyncio.run(ask(auth=("anyone", KEY))).status_code == 200
    assert asyncio.run(ask(auth=("anyone", "another-key-of-some-length"))).status_code == 200
    assert asyncio.run(ask(auth=("anyone", "wrong"))).status_code == 401
    assert asyncio.run(ask(headers={"Authorization": "Basic %%%"})).status_code == 401
    assert asyncio.run(ask(headers={"Accept": "text/html"})).headers["www-authenticate"].startswith("Basic")


def test_probes_are_open_only_on_request():
    async def ask(gateway, path):
        async with gateway.client(key=None) as client:
            return (await client.get(path)).status_code

    opened = Gateway(open_probes=True)
    assert [asyncio.run(ask(opened, path)) for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 401]
    assert asyncio.run(ask(Gateway(keys=()), "/v1/models")) == 200  # a server for this machine alone needs no key


def test_keys_from_file_and_environment(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"# mine\n{KEY}\n\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by everybody"):
        load_keys(str(file), {})
    file.chmod(0o640)
    keys = load_keys(str(file), {"RLAD_API_KEYS": "key-from-the-environment, and-another-long-one"})
    assert len(keys) == 3 and keys.admits("Bearer and-another-long-one") and keys.admits(f"bearer  {KEY}")
    assert KEY not in str(vars(keys))
    for text, words in (
        ("short\n", "at least 16"),
        ("# none\n", "holds no key"),
        ("a key with blanks in it\n", "blanks"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=words) as caught:
            load_keys(str(file), {})
        assert "short" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_keys(str(tmp_path / "none"), {})


@pytest.mark.parametrize(("host", "refused"), [("0.0.0.0", True), ("::", True), ("gpu1", True), ("::1", False)])
def test_an_open_address_needs_keys(host, refused):
    require_keys(ServingConfig(host=host), Keys([KEY]))
    if refused:
        with pytest.raises(ConfigError, match="needs API keys"):
            require_keys(ServingConfig(host=host), Keys([]))
    else:
        require_keys(ServingConfig(host=host), Keys([]))


def test_bodies_are_bounded_in_size_and_time():
    gateway, hasty = Gateway(max_body_bytes=2000), Gateway(body_timeout=0.05)

    async def chunks(count, pause=0.0):
        for _ in range(count):
            await asyncio.sleep(pause)
            yield b" " * 500

    async def send(to=gateway, **more):
        async with to.client() as client:
            return await client.post("/v1/solve", headers={"Content-Type": "application/json"}, **more)

    for content in (b" " * 2001, chunks(5)):
        reply = asyncio.run(send(content=content))
        assert reply.status_code == 413 and reply.json()["error"]["code"] == "body_too_large"
        assert reply.headers["connection"] == "close"
    assert asyncio.run(send(hasty, content=chunks(3, pause=3600))).status_code == 408
    assert asyncio.run(send(json=SOLVE)).status_code == 200
    largest = json.dumps(SOLVE).encode().ljust(2000)
    assert asyncio.run(send(content=largest)).status_code == 200
    assert asyncio.run(send(content=largest + b" ")).status_code == 413


def test_those_who_wait_longer_come_back_later():
    admission = Admission(concurrent=2, queue=9)
    admission.seconds = 3.0
    waits = []
    for admission.waiting in (0, 1, 5):
        waits.append(admission.retry_after())
    assert waits == [2, 3, 9]  # 3 s x (waiting + 1) / 2, rounded up


@pytest.mark.parametrize(("length", "long_enough"), [(15, False), (16, True)])
def test_a_key_of_sixteen_characters_is_the_shortest(length, long_enough):
    environment = {"RLAD_API_KEYS": "k" * length}
    if long_enough:
        assert load_keys(None, environment).admits(f"Bearer {'k' * length}")
    else:
        with pytest.raises(ConfigError, match="at least 16 printable"):
            load_keys(None, environment)


def test_a_full_queue_sends_away_and_says_when_to_come_back():
    gateway = Gateway(max_concurrent=1, max_queue=2)
    gateway.solution.delay = 0.02

    async def crowd():
        async with gateway.client() as client:
            return [await asyncio.gather(*(client.post("/v1/solve", json=SOLVE) for _ in range(8))) for _ in range(2)]

    replies, again = asyncio.run(crowd())
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [429] * 5
    for reply in replies:
        if reply.status_code == 429:
            assert int(reply.headers["retry-after"]) >= 1 and reply.json()["error"]["type"] == "rate_limit_error"
    assert sorted(reply.status_code for reply in again) == [200] * 3 + [429] * 5  # every turn was given back


def test_a_request_that_takes_too_long_is_ended():
    """Its time is over when its solutions are being written: the clock jumps then, however long it took until then."""
    gateway = Gateway(request_timeout=600)
    gateway.solution.delay = 3600

    async def ask():
        async with gateway.client() as client:
            asked = asyncio.create_task(client.post("/v1/solve", json=SOLVE))
            while not gateway.solution.running:
                await asyncio.sleep(0.01)
            loop = asyncio.get_running_loop()
            clock = loop.time
            loop.time = lambda: clock() + 601
            return await asyncio.wait_for(asked, 60)

    reply = asyncio.run(ask())
    assert reply.status_code == 504 and reply.json()["error"]["code"] == "timeout"
    assert gateway.solution.running == 0 and gateway.solution.cancelled > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_cancels_its_tree(gateway, stream):
    gateway.solution.delay = 60
    body = json.dumps(SOLVE | {"stream": stream}).encode()
    sent = []

    async def visit():
        gone = asyncio.Event()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        headers = [(b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")]
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/solve", "raw_path": b"/v1/solve",
            "query_string": b"", "headers": headers, "scheme": "http", "server": ("x", 80), "client": ("y", 1),
            "root_path": "",
        }  # fmt: skip
        task = asyncio.create_task(gateway.app(scope, receive, send))
        while not gateway.solution.running:
            await asyncio.sleep(0.01)
        gone.set()
        await asyncio.wait_for(task, 60)

    asyncio.run(visit())
    assert gateway.solution.running == 0 and gateway.solution.cancelled == 3

    async def metrics():
        async with gateway.client() as client:
            return (await client.get("/metrics")).text

    text = asyncio.run(metrics())
    assert 'rlad_trees_total{stopped="cancelled"} 1.0' in text
    assert 'rlad_requests_total{route="/v1/solve",status="499"} 1.0' in text
    assert "rlad_requests_running 0.0" in text


def test_logs_have_request_ids_and_neither_keys_nor_problems(gateway, caplog):
    async def ask(**headers):
        async with gateway.client() as client:
            return await client.post(f"/v1/solve?key={KEY}", json=SOLVE, headers=headers)

    with caplog.at_level(logging.INFO, "rlad.serving"):
        first, second = (
            asyncio.run(ask(**{"x-request-id": "mine-1"})),
            asyncio.run(ask(**{"x-request-id": "bad id\x7f"})),
        )
    assert first.headers["x-request-id"] == "mine-1" and first.json()["id"] == "solve-mine-1"
    assert len(second.headers["x-request-id"]) == 32
    fields = [record.fields for record in caplog.records]
    assert [entry["id"] for entry in fields] == [first.headers["x-request-id"], second.headers["x-request-id"]]
    assert fields[0]["status"] == 200 and fields[0]["completion_tokens"] > 0
    assert KEY not in str(fields) and QUESTION not in str(fields)


def test_a_bug_is_a_500_with_an_id_and_stays_in_the_log(caplog):
    gateway = Gateway(solve=lambda *_: ZeroDivisionError("secret"))

    async def ask():
        async with gateway.client() as client:
            return await client.post("/v1/solve", json=SOLVE)

    with caplog.at_level(logging.INFO, "rlad.serving"):
        reply = asyncio.run(ask())
    assert reply.status_code == 500 and "secret" not in reply.text
    assert reply.headers["x-request-id"] in reply.json()["error"]["message"]
    assert any(record.exc_info and "secret" in str(record.exc_info[1]) for record in caplog.records)
