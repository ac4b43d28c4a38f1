"""`serve` over two real vLLM servers that it starts itself, of a world with a tool: what is said, a server killed under
load, the end."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import httpx
import psutil
import pytest
from served_run import make_run
from vllm_here import MARK, marked, needs_vllm, none_left

pytestmark = needs_vllm
ROOT = Path(__file__).parents[2]
KEY = "a-key-for-the-real-thing"
HEADERS = {"Authorization": f"Bearer {KEY}"}
SEARCHING = ["problems.source=search", "problems.search.calls=2", "problems.search.documents=1"]
QUESTION = "when was red river printed ?"
LIMIT = 300
"""Seconds for whatever takes its time on a busy machine."""


class Served:
    """A gateway, its log, and the processes that it started."""

    def __init__(self, run):
        self.mark, self.lines = uuid.uuid4().hex, []
        environment = {**os.environ, "RLAD_API_KEYS": KEY, MARK: self.mark}
        quick = "serving.vllm_arguments=--enforce-eager"  # compiling the model would take most of the test's time
        words = [str(run), "--engine", "vllm", "--port", "0", quick, f"serving.retry_wait={LIMIT}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rlad.serving", *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+:\d+", line)
        assert found, self.process.stderr.read()
        self.url = found[0]
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr))
        self.reader.start()

    def server_of(self, role):
        """The vLLM process of a player."""
        for process in psutil.Process(self.process.pid).children():
            if f"/export/{role}" in " ".join(process.cmdline()):
                return process
        raise AssertionError(f"no server of {role}")

    def metric(self, name):
        text = httpx.get(f"{self.url}/metrics", headers=HEADERS, timeout=LIMIT).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One for the tests below, in their order; the last one ends it."""
    server = Served(make_run(tmp_path_factory.mktemp("run"), *SEARCHING))
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()
        none_left(server.mark)


def test_openais_client_over_real_servers(served):
    import openai  # takes longer than most files of tests

    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key=KEY, max_retries=0, timeout=LIMIT)
    ask = {"messages": [{"role": "user", "content": QUESTION}], "seed": 5}
    whole = client.chat.completions.create(model="rlad-solution", n=2, max_tokens=40, **ask)
    again = client.chat.completions.create(model="rlad-solution", n=2, max_tokens=40, **ask)
    assert [c.message.content for c in whole.choices] == [c.message.content for c in again.choices]
    assert whole.usage.solution == again.usage.solution and whole.usage.completion_tokens > 2
    chunks = list(client.chat.completions.create(model="rlad-solution", n=2, max_tokens=40, stream=True, **ask))
    for choice in whole.choices:
        mine = [c.choices[0] for c in chunks if c.choices[0].index == choice.index]
        assert "".join(c.delta.content or "" for c in mine) == choice.message.content
        assert mine[-1].finish_reason == choice.finish_reason
    tree = client.chat.completions.create(model="rlad", extra_body={"rlad": {"abstractions": 4, "solutions": 2}}, **ask)
    assert tree.rlad[0]["stopped"] in ("complete", "decided")
    assert tree.usage.abstraction["completion_tokens"] > 0 and tree.usage.solution["completion_tokens"] > 0
    options = {"abstractions": 4, "solutions": 1, "select": "unguided", "early_stop": False}
    tree = client.chat.completions.create(model="rlad", extra_body={"rlad": options}, **ask).rlad[0]
    assert tree["stopped"] == "complete" and (not tree["votes"] or tree["votes"][0]["weight"] > 0)


def given_in(text, calls=2):
    """The words of a text that its tool has put there, behind the calls that it answers."""
    words, found = text.split(), []
    for end in [i for i, word in enumerate(words[:-1]) if word == "\\endsearch"][:calls]:
        found += words[end + 1 : words.index("\\endresult", end) + 1]
    return found


def test_solutions_call_the_worlds_tool_in_a_real_server(served):
    """What untrained players write holds a call now and then, and what it is told is prefill."""
    body = {"model": "rlad-solution", "messages": [{"role": "user", "content": QUESTION}], "seed": 5}
    used = []
    for size in ({"max_tokens": 1}, {"max_tokens": 100, "n": 32}):
        reply = httpx.post(f"{served.url}/v1/chat/completions", json=body | size, headers=HEADERS, timeout=LIMIT).json()
        used.append(reply["usage"]["prompt_tokens"])
    told = [given_in(choice["message"]["content"]) for choice in reply["choices"]]
    assert any(told) and all(words[0] == "\\result" for words in told if words)
    assert used[1] - used[0] == sum(map(len, told)) and reply["usage"]["completion_tokens"] <= 32 * 100


async def outcome(client, number):
    """How one request ends: whole, or cleanly refused."""
    body = {"model": "rlad-solution", "prompt": [5 + number, 6], "max_tokens": 200, "n": 4, "seed": number}
    if number % 2:
        reply = await client.post("/v1/completions", json=body)
        assert len(reply.json()["choices"]) == 4, reply.text
        return "whole"
    async with client.stream("POST", "/v1/completions", json=body | {"stream": True}) as reply:
        assert reply.status_code == 200
        events = [line[6:] async for line in reply.aiter_lines() if line.startswith("data: ")]
    if events[-1] == "[DONE]":
        ends = [json.loads(event)["choices"][0]["finish_reason"] for event in events[:-1]]
        assert sum(end is not None for end in ends) == 4
        return "whole"
    assert json.loads(events[-1])["error"]["code"] == "engine_unavailable"
    return "refused"


def test_a_server_killed_under_load_comes_back(served):
    """What had begun to stream ends with an error; everything else waits for the new server and is answered by it."""
    victim = served.server_of("solution")

    async def load():
        async with httpx.AsyncClient(base_url=served.url, headers=HEADERS, timeout=LIMIT) as client:
            asked = [asyncio.create_task(outcome(client, number)) for number in range(24)]
            while served.metric("rlad_requests_running") < len(asked):
                await asyncio.sleep(0.01)
                assert not any(task.done() for task in asked), "the load was too light to be hit"
            victim.send_signal(signal.SIGKILL)
            return await asyncio.gather(*asked)

    outcomes = asyncio.run(load())
    assert outcomes[1::2] == ["whole"] * 12, outcomes
    assert served.metric("rlad_engine_restarts_total") == 1 and served.metric("rlad_engine_retries_total") >= 12
    assert httpx.get(f"{served.url}/readyz", headers=HEADERS, timeout=LIMIT).json()["status"] == "ready"
    assert served.server_of("solution").pid != victim.pid
    reply = httpx.post(f"{served.url}/v1/solve", json={"problem": QUESTION}, headers=HEADERS, timeout=LIMIT)
    assert reply.status_code == 200 and reply.json()["stopped"] in ("complete", "decided")


def test_sigterm_ends_the_servers_too(served):
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(LIMIT) == 0
    served.reader.join(LIMIT)
    assert none_left(served.mark), [process.cmdline() for process in marked(served.mark)]
    events = [json.loads(line) for line in served.lines if line.startswith("{")]
    said = [entry["event"] for entry in events]
    assert "engine restarts" in said and "draining" in said
    assert not [entry for entry in events if entry["level"] in ("error", "critical") or "exception" in entry]
    assert KEY not in "".join(served.lines)
