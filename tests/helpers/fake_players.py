"""Players that say what a test tells them to: a streaming sampler without a model."""

import asyncio
from math import log

from rlad.config import ProblemsConfig
from rlad.generation.streaming import Piece
from rlad.players.prompts import Prompts
from rlad.players.tokenizer import world_tokenizer
from rlad.problems import make_world


def world_prompts():
    """Prompts of the induction world: one word or integer is one token."""
    return Prompts(world_tokenizer(make_world(ProblemsConfig()).vocabulary(), 256))


class FakeSampler:
    """Samples what `write(prompt_text, sample, sampling)` returns; `delay` seconds per token (deltas) or per sample."""

    def __init__(self, prompts, write, delay=0.0, logprob=-0.1, mass=None):
        self.prompts, self.write = prompts, write
        self.mass = mass  # of a whole text: its probability under the model itself; None = it doesn't say
        self.delay, self.logprob = delay, logprob  # numbers, or functions of the prompt's text
        self.calls, self.cancelled, self.running = [], 0, 0
        self.alone = None  # (prompt's text, text) -> log-probability of a given text
        self.fails_when_cancelled = None  # an exception

    async def score(self, prompt, token_ids):
        return self.alone(self.prompts.decode(prompt), self.prompts.decode(list(token_ids)))

    async def sample(self, prompt, count, sampling, deltas=False):
        text = self.prompts.decode(prompt)
        self.calls.append((text, count, sampling))
        self.running += 1
        delay = self.delay(text) if callable(self.delay) else self.delay
        logprob = self.logprob(text) if callable(self.logprob) else self.logprob
        try:
            for sample in range(count):
                written = self.write(text, sample, sampling)
                if isinstance(written, Exception):
                    raise written
                ids = self.prompts.completion_ids(written)
                finish = "stop" if len(ids) <= sampling.max_new_tokens else "length"
                ids = ids[: sampling.max_new_tokens]
                for start in range(0, len(ids), 1 if deltas else len(ids)):
                    part = ids[start : start + 1] if deltas else ids
                    last = finish if start + len(part) == len(ids) else None
                    await asyncio.sleep(delay)
                    known = () if logprob is None else (logprob,) * len(part)
                    whole = self.mass and (log(self.mass[written]) if last else 0.0)
                    yield Piece(sample, tuple(part), known, last, whole)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            if self.fails_when_cancelled is not None:
                raise self.fails_when_cancelled from None
            raise
        finally:
            self.running -= 1
