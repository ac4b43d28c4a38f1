"""A gateway over players that say what they are told, in this process."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import uvicorn
from fake_players import FakeSampler, world_prompts

from rlad.config import ServingConfig
from rlad.serving.app import create_app
from rlad.serving.keys import Keys
from rlad.serving.pair import Player, ServedPair

KEY = "a-key-for-the-tests-0123"
QUESTION = "3 , 5 > 14 ; 4 , 1 > ?"


def propose(text, sample, sampling):
    return f"{1 + sample} * a"


def solve(text, sample, sampling):
    return "9 = \\boxed{ 9 }"


class Gateway:
    """An application, its two fake samplers, and a client that holds the key."""

    def __init__(self, propose=propose, solve=solve, keys=(KEY,), spending=None, chooser=None, **settings):
        prompts = world_prompts()
        self.abstraction, self.solution = FakeSampler(prompts, propose), FakeSampler(prompts, solve)
        players = [
            Player(role, sampler, prompts, 256, 24, 1.0)
            for role, sampler in (("abstraction", self.abstraction), ("solution", self.solution))
        ]
        self.pair = ServedPair(*players, spending=spending, chooser=chooser)
        self.config = ServingConfig(engine="transformers", abstractions=3, solutions=2, **settings)
        self.app = create_app(self.pair, self.config, Keys(keys))

    def client(self, key=KEY):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)


@contextmanager
def listening(gateway):
    """Yields the base address at which a gateway listens on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = uvicorn.Server(uvicorn.Config(gateway.app, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


def events_of(text):
    """The JSON objects of a stream; asserts that it ended as it should."""
    lines = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]
