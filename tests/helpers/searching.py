"""The search world on a store of two facts, for tests of turns: its tool, a tokenizer, and a sampler with a script."""

from fake_players import FakeSampler

from rlad.generation import Completion
from rlad.generation.turns import Turns
from rlad.players.prompts import Prompts
from rlad.players.tokenizer import world_tokenizer
from rlad.problems.search.facts import Fact
from rlad.problems.search.store import Store
from rlad.problems.search.tool import SearchTool
from rlad.problems.search.world import SearchWorld

FACTS = [Fact("writer", "red river", "balen vaba"), Fact("born", "balen vaba", "37", inverse=True)]
WRITER = "\\search writer red river \\endsearch"
WRITER_REPLY = "\\result red river writer balen vaba \\endresult"
BORN = "\\search bore balen vaba \\endsearch"
BORN_REPLY = "\\result 37 bore balen vaba \\endresult"
BAD, BAD_REPLY = "\\endsearch", "\\result no query \\endresult"
ANSWER = "\\boxed{ 37 }"
TOKENIZER = world_tokenizer(SearchWorld().vocabulary(), 256)
PROMPTS = Prompts(TOKENIZER)


def turns(calls=2, documents=2):
    return Turns(SearchTool(Store.of(FACTS), calls, documents), TOKENIZER)


def ids(text):
    return tuple(TOKENIZER(text, add_special_tokens=False)["input_ids"])


class Scripted:
    """A sampler of whole batches that says what comes next in a script: {what stands there: what is said}.

    A text ends behind the end-of-sequence token or a token of `sampling.stop`; a word's log-prob is -0.5.
    """

    version, adapters = 3, False

    def __init__(self, script):
        self.script, self.calls, self.scored = script, [], []

    def generate(self, prompts, sampling):
        self.calls.append((list(prompts), sampling))
        return [self._said(prompt, sampling) for prompt in prompts]

    def _said(self, prompt, sampling):
        text = TOKENIZER.decode(prompt)
        said = [*ids(self.script[text]), TOKENIZER.eos_token_id]
        ends = [i for i, token in enumerate(said) if token in (TOKENIZER.eos_token_id, *sampling.stop)]
        said = said[: min(ends[0] + 1, sampling.max_new_tokens)]
        reason = "stop" if ends[0] < sampling.max_new_tokens else "length"
        return Completion(tuple(said), (-0.5,) * len(said), reason, self.version, -0.5 * len(said))

    def score(self, prompts, completions):
        pairs = zip(prompts, completions, strict=True)
        self.scored += [tuple(TOKENIZER.decode(list(part)) for part in pair) for pair in pairs]
        return [-0.5 * len(c) for c in completions]


class _Ending:
    """Reads and writes for a fake streaming sampler: a text that ends in a call has no end of its own."""

    def decode(self, tokens):
        return TOKENIZER.decode(tokens)

    def completion_ids(self, text):
        return [*ids(text)] if text.endswith("\\endsearch") else [*ids(text), TOKENIZER.eos_token_id]


def stream(write, **more):
    """A streaming sampler that ends a text behind a call, as engines do that are told to stop there."""
    return FakeSampler(_Ending(), write, **more)
