"""A sampler that takes requests while others run, without a model: what it writes depends on a request's seed alone."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from rlad.generation import Completion


class Engine:
    """Samples `write(prompt's text, a generator of the request's own)`: (text, finish reason)."""

    def __init__(self, prompts, write, ends=lambda text: None):
        """ends(text): called before a request is answered, in a thread of its own; may wait, and may raise."""
        self.prompts, self.write, self.ends = prompts, write, ends
        self.asked, self.open, self.batches = [], 0, 0

    def generate(self, prompts, sampling):
        self.batches += 1
        return [self.completion(*request) for request in self.requests(prompts, sampling)]

    def requests(self, prompts, sampling):
        found = [(tuple(prompt), own) for prompt, own in zip(prompts, sampling.streams(len(prompts)), strict=True)]
        self.asked += found
        return found

    def completion(self, prompt, stream):
        text, reason = self.write(self.prompts.decode(list(prompt)), random.Random(f"{prompt}|{stream}"))
        ids = self.prompts.completion_ids(text)
        return Completion(tuple(ids), (-0.1,) * len(ids), reason, 0)

    def stream(self, ended):
        return Running(self, ended)


class Running:
    """Answers in any order."""

    def __init__(self, engine, ended):
        self.engine, self.ended, self.left = engine, ended, False
        self.workers, self.random = ThreadPoolExecutor(64), random.Random(0)
        engine.open += 1

    def send(self, keys, prompts, sampling):
        for key, request in zip(keys, self.engine.requests(prompts, sampling), strict=True):
            self.workers.submit(self._answer, key, request, self.random.random() / 100)

    def _answer(self, key, request, delay):
        time.sleep(delay)
        try:
            self.engine.ends(self.engine.prompts.decode(list(request[0])))
            if not self.left:
                self.ended(key, self.engine.completion(*request))
        except Exception as error:
            self.ended(None, error)

    def close(self):
        self.left = True
        self.workers.shutdown(cancel_futures=True)
        self.engine.open -= 1


class Gate:
    """Something that has to happen before something else may end; a test that waits for it in vain fails."""

    def __init__(self):
        self.event = threading.Event()

    def open(self):
        self.event.set()

    def wait(self):
        if not self.event.wait(20):
            raise TimeoutError("what should have happened meanwhile did not")
