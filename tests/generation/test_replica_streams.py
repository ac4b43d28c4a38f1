"""Requests to servers that are taken while others run: answered one by one, abandoned together, errors told."""

import json
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

import pytest

from rlad.config import EngineConfig
from rlad.generation import SamplerFailed, Sampling
from rlad.generation.vllm.replicas import Replicas, ReplicasSampler

HELD, REFUSED = 99, 98
"""First tokens of prompts that are not answered until the client has gone, and of those that are refused."""


class Handler(BaseHTTPRequestHandler):
    """Says of a prompt its last token and its seed's; notes which prompts came, and from whom nobody waited."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.say(200, {"weight_version": "0"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt, seed = body["token_ids"], body["sampling_params"]["seed"]
        self.server.asked.append(tuple(prompt))
        if prompt[0] == REFUSED:
            self.say(400, {"error": "too long"})
        elif prompt[0] == HELD:
            select.select([self.connection], [], [], 30)
            self.server.left.put(self.connection.recv(1, socket.MSG_PEEK) == b"")
            self.close_connection = True
        else:
            ids = [prompt[-1], seed % 1000]
            self.say(200, {"choices": [{
                "token_ids": ids, "finish_reason": "stop", "weight_versions": [{"version": "0"}],
                "logprobs": {"content": [{"logprob": -1.0}] * 2},
            }]})  # fmt: skip

    def say(self, code, value):
        text = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def servers():
    made = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    for server in made:
        server.asked, server.left = [], SimpleQueue()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture
def sampler(servers):
    urls = [f"http://127.0.0.1:{server.server_port}" for server in servers]
    return ReplicasSampler(Replicas("solution player", urls, 1), EngineConfig(timeout=30), [1], None)


def streaming(sampler):
    heard = SimpleQueue()
    return sampler.stream(lambda key, completion: heard.put((key, completion))), heard


def test_what_is_asked_meanwhile_is_answered_as_in_a_batch(sampler, servers):
    prompts = [[5], [5], [6], [7]]
    together = sampler.generate(prompts, Sampling(seed=3))
    placed = [sorted(server.asked) for server in servers]
    for server in servers:
        server.asked.clear()
    stream, heard = streaming(sampler)
    stream.send(["held"], [[HELD]], Sampling())
    stream.send(range(4), prompts, Sampling(seed=3))
    assert dict(heard.get(timeout=30) for _ in range(4)) == dict(enumerate(together))
    asked = [sorted(prompt for prompt in server.asked if prompt != (HELD,)) for server in servers]
    assert sorted(asked) == sorted(placed)  # copies at one server
    stream.close()
    assert servers[0].left.get(timeout=30)  # it saw that nobody waits any more
    assert heard.empty()


def test_an_error_is_told_and_the_rest_is_abandoned(sampler, servers):
    stream, heard = streaming(sampler)
    stream.send(["a", "b"], [[HELD], [REFUSED]], Sampling())
    key, error = heard.get(timeout=30)
    assert key is None and isinstance(error, SamplerFailed) and "refused a prompt" in str(error)
    with pytest.raises(ValueError, match="empty prompt"):
        stream.send(["c"], [[]], Sampling())
    stream.close()
    assert servers[0].left.get(timeout=30) and heard.empty()


def test_other_weights_are_refused(sampler):
    stream, heard = streaming(sampler)
    sampler.version = 1
    stream.send(["a"], [[5]], Sampling())
    assert "weights of version ['0'], not 1" in str(heard.get(timeout=30)[1])
    stream.close()
