"""Turns with tokenizers that split the mark which ends a call: the text says where a call ends, whatever its tokens."""

import asyncio
import random

import pytest
import torch
from chat_tokenizers import chat_tokenizer
from searching import ANSWER, BORN, BORN_REPLY, FACTS, WRITER, WRITER_REPLY

from rlad.config import ConfigError, EngineConfig, ModelConfig, ProblemsConfig, RunConfig
from rlad.generation import Completion, Sampling, make_sampler
from rlad.generation.base import outside
from rlad.generation.streaming import Piece
from rlad.generation.streaming_turns import StreamingTurns
from rlad.generation.turns import Turns, TurnSampler
from rlad.players import lengths, policy
from rlad.players.marks import PIECES, Marks
from rlad.players.policy import build_model
from rlad.problems import make_world
from rlad.problems.search.store import Store
from rlad.problems.search.tool import SearchTool
from trainers.data.demonstrations import demonstration

TOKENIZER = chat_tokenizer("chatml")
PROMPT = [5, 6, 7]
DIALOGUE = f"{WRITER} {WRITER_REPLY} {BORN} {BORN_REPLY} {ANSWER}"
OWN = [WRITER, f" {BORN}", f" {ANSWER}"]


def ids(text):
    return list(TOKENIZER(text, add_special_tokens=False)["input_ids"])


def turns(calls=2, tokenizer=TOKENIZER):
    return Turns(SearchTool(Store.of(FACTS), calls, 2), tokenizer)


class Recited:
    """Says, of a whole text, what stands behind as much of it as it is shown, up to a token that ends a completion."""

    version, adapters = 3, False

    def __init__(self, text=DIALOGUE):
        self.whole, self.seeds, self.running = [*PROMPT, *ids(text), TOKENIZER.eos_token_id], [], 0

    def said(self, prompt, sampling):
        assert prompt == self.whole[: len(prompt)]  # the tool's replies stand where they belong
        self.seeds.append(sampling.seed)
        rest, ends = self.whole[len(prompt) :], {TOKENIZER.eos_token_id, *sampling.stop}
        length = next(i for i, token in enumerate(rest, 1) if token in ends)
        kept = rest[: min(length, sampling.max_new_tokens)]
        reason = "stop" if length <= sampling.max_new_tokens else "length"
        return Completion(tuple(kept), (-0.5,) * len(kept), reason, 3, -0.5 * len(kept))

    def generate(self, prompts, sampling):
        return [self.said(prompt, sampling) for prompt in prompts]

    async def sample(self, prompt, count, sampling, deltas=False):
        for sample in range(count):
            one = self.said(prompt, sampling)
            yield Piece(sample, one.token_ids, one.logprobs, one.finish_reason, one.model_logprob)


def test_a_mark_of_several_tokens_ends_a_call_and_its_last_token_elsewhere_ends_nothing():
    """The last token of `\\endsearch` ends `\\search` too: two more turns, no call and no reply."""
    inner = Recited()
    (text,) = TurnSampler(inner, turns()).generate([PROMPT], Sampling(max_new_tokens=400, seed=5))
    assert TOKENIZER.decode(list(text.token_ids)) == f"{DIALOGUE}{TOKENIZER.eos_token}" and text.finish_reason == "stop"
    assert [TOKENIZER.decode(list(text.token_ids[a:b])) for a, b in text.given] == [
        f" {WRITER_REPLY}",
        f" {BORN_REPLY}",
    ]
    own = sum(len(ids(part)) for part in OWN) + 1
    assert text.generated == own and text.model_logprob == -0.5 * own
    assert set(outside(text.logprobs, text.given)) == {-0.5} and sum(text.logprobs) == -0.5 * own
    assert len(set(inner.seeds)) == len(inner.seeds) == 5


def test_its_tokens_may_be_others_than_the_tokenizer_would_write():
    tool = turns()
    letters = [token for letter in "\\endsearch" for token in ids(letter)]
    assert tool.ended([*ids("so "), *letters]) and not tool.ended(letters[:-1])
    assert not tool.ended(ids("\\search")) and not tool.ended([]) and not tool.ended(ids("\\endsearch x"))


def test_what_a_tool_has_said_is_known_from_a_demonstration_alone():
    row = demonstration(PROMPT, ids(DIALOGUE), turns())
    assert [TOKENIZER.decode(list(row.completion[a:b])) for a, b in row.given] == [f" {WRITER_REPLY}", f" {BORN_REPLY}"]


@pytest.mark.parametrize("most", [1, 5, 30])
def test_a_text_never_has_more_tokens_of_its_own_than_it_may(most):
    (text,) = TurnSampler(Recited(), turns()).generate([PROMPT], Sampling(max_new_tokens=most))
    assert text.generated == most and text.finish_reason == "length"


def test_calls_beyond_the_last_end_a_text_unfinished():
    (text,) = TurnSampler(Recited(), turns(calls=1)).generate([PROMPT], Sampling(max_new_tokens=400))
    assert (
        TOKENIZER.decode(list(text.token_ids)) == f"{WRITER} {WRITER_REPLY} {BORN}" and text.finish_reason == "length"
    )


def test_overlapping_requests_are_the_same_text():
    inner = Recited()

    async def collected():
        return [piece async for piece in StreamingTurns(inner, turns()).sample(PROMPT, 2, Sampling(max_new_tokens=400))]

    pieces = asyncio.run(collected())
    for sample in (0, 1):
        mine = [piece for piece in pieces if piece.sample == sample]
        assert [i for piece in mine for i in piece.token_ids] == inner.whole[len(PROMPT) :]
        assert [TOKENIZER.decode(list(p.token_ids)) for p in mine if p.given] == [f" {WRITER_REPLY}", f" {BORN_REPLY}"]
        assert [piece.finish_reason for piece in mine if piece.finish_reason] == ["stop"]
    assert len(inner.seeds) == 10 and len(set(inner.seeds)) == 9  # the first turn of both is one request


def test_likelihoods_of_a_real_model_are_those_of_its_texts():
    """Its text ends and goes on at every token that may end the mark."""
    config = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=64)
    model = build_model(config, TOKENIZER, seed=1)
    with torch.no_grad():  # writes what may end the mark as often as not
        model.get_output_embeddings().weight[list(turns().ends)] *= 40
    sampler = TurnSampler(make_sampler(EngineConfig(max_batch=8), model, TOKENIZER), turns())
    prompts = [[5 + i, 6, 7] for i in range(16)]
    texts = sampler.generate(prompts, Sampling(max_new_tokens=20, seed=3))
    assert sum(token in turns().ends for text in texts for token in text.token_ids[:-1]) > 3
    assert all(text.generated <= 20 for text in texts)
    assert sampler.score(prompts, [text.token_ids for text in texts]) == pytest.approx(
        [text.model_logprob for text in texts], abs=1e-3
    )


@pytest.mark.parametrize("name", ["mistral", "gemma"])
def test_a_tokenizer_that_writes_replies_otherwise_by_themselves_is_refused(name):
    """One that puts a space before every text: what it would be given, no demonstration holds."""
    with pytest.raises(ConfigError, match="writes replies otherwise than by themselves"):
        turns(tokenizer=chat_tokenizer(name))


def test_what_a_tool_may_say_counts_among_the_positions_of_a_players_own_model(monkeypatch):
    monkeypatch.setattr(policy, "load_tokenizer", lambda *_: TOKENIZER)
    monkeypatch.setattr(lengths, "max_positions", lambda path: None)
    problem, found = make_world(ProblemsConfig(source="search")).sample(random.Random(0)), []
    for source in ("search", "induction"):
        run = RunConfig(problems=ProblemsConfig(source=source))
        run.base.path = "somewhere"
        found.append(lengths.check_lengths(run, [problem]))
    assert [found[0][role] - found[1][role] for role in found[0]] == [turns(calls=4).most] * 2


def test_room_is_in_tokens():
    tool = SearchTool(Store.of(FACTS), 2, 2)
    marks = Marks(tool, TOKENIZER)
    assert marks.split and marks.room == PIECES * tool.room and turns().most == 2 * marks.room
    assert len(turns().reply(ids(WRITER))) <= marks.room
