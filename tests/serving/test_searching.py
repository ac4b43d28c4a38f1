"""A served pair whose solutions search: what is said, what is counted, what must fit."""

import asyncio
from contextlib import aclosing
from types import SimpleNamespace

import httpx
import pytest
import searching
from fake_gateway import KEY
from searching import ANSWER, BORN, BORN_REPLY, TOKENIZER, WRITER, WRITER_REPLY, Scripted, ids, turns

from rlad.config import RunConfig, ServingConfig
from rlad.generation import Sampling
from rlad.generation.streaming_turns import StreamingTurns
from rlad.generation.turns import TurnSampler
from rlad.problems import Problem
from rlad.reasoning.explorer import Explorer, Limits
from rlad.reasoning.tree import Plan, Tree
from rlad.serving.app import create_app
from rlad.serving.keys import Keys
from rlad.serving.pair import Player, ServedPair
from rlad.serving.samplers import ThreadSampler
from rlad.serving.start import _player

QUESTION = "when was the writer of red river born ?"
SAID = f"{WRITER} {WRITER_REPLY} {BORN} {BORN_REPLY} {ANSWER}"
OWN = len(f"{WRITER} {BORN} {ANSWER}".split()) + 1  # with the end-of-sequence token
GIVEN = len(f"{WRITER_REPLY} {BORN_REPLY}".split())


def solve(text, sample, sampling):
    return [WRITER, BORN, ANSWER][text.count("\\endresult")]


def propose(text, sample, sampling):
    return ["writer then born", "wrote then bore"][sample % 2]


def call(path, body):
    players = [
        Player(role, StreamingTurns(searching.stream(write), turns()), searching.PROMPTS, 256, 40, 1.0)
        for role, write in (("abstraction", propose), ("solution", solve))
    ]
    app = create_app(
        ServedPair(*players), ServingConfig(engine="transformers", abstractions=2, solutions=1), Keys((KEY,))
    )
    headers = {"Authorization": f"Bearer {KEY}"}

    async def once():
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            return (await client.post(path, json=body)).json()

    return asyncio.run(once())


def test_a_tree_of_searching_solutions_counts_what_was_generated_and_prefills_what_was_found():
    tree = call("/v1/solve", {"problem": QUESTION, "early_stop": False})
    solutions = [solution for node in tree["abstractions"] for solution in node["solutions"]]
    assert [(s["text"].strip(), s["tokens"]) for s in solutions] == [(SAID, OWN)] * 2 and tree["answer"] == "37"
    usage, prompts = tree["usage"]["solution"], 0
    for plan in ("writer then born", "wrote then bore"):
        prompts += len(searching.PROMPTS.ids("guided", QUESTION, plan))
    assert usage == {"prompt_tokens": prompts + 2 * GIVEN, "completion_tokens": 2 * OWN}


def test_a_budget_is_never_charged_for_what_a_tool_says():
    samplers = [StreamingTurns(searching.stream(write), turns()) for write in (propose, solve)]
    explorer = Explorer(*samplers, searching.PROMPTS, searching.PROMPTS)
    plan = Plan(2, 1, Sampling(1.0, 8), Sampling(1.0, 40))
    exploration = explorer.explore(Tree(Problem("p", QUESTION, "")), plan, Limits(200, early_stop=False))

    async def grown():
        return [event async for event in exploration.events()]

    asyncio.run(grown())
    assert exploration.budget.free == 200 - exploration.generated.total() == 200 - 2 * 4 - 2 * OWN
    assert exploration.tree.tokens == exploration.generated.total()


def test_a_player_alone_searches_too():
    body = {"model": "rlad-solution", "messages": [{"role": "user", "content": QUESTION}]}
    reply = call("/v1/chat/completions", body)
    assert reply["choices"][0]["message"]["content"].strip() == SAID
    prompt = len(searching.PROMPTS.ids("plain", QUESTION))
    assert reply["usage"]["completion_tokens"] == OWN and reply["usage"]["prompt_tokens"] == prompt + GIVEN


def test_a_sampler_inside_the_process_tells_what_it_was_given():
    script = {"of": WRITER, f"of {WRITER} {WRITER_REPLY}": ANSWER}
    sampler = ThreadSampler(TurnSampler(Scripted(script), turns()))

    async def sampled():
        asked = Sampling(max_new_tokens=20)
        async with aclosing(sampler.sample(list(ids("of")), 2, asked)) as pieces:
            found = [piece async for piece in pieces]
        await sampler.close()
        return found

    pieces = [piece for piece in asyncio.run(sampled()) if piece.sample == 1]
    assert [piece.given for piece in pieces] == [False, True, False]
    assert TOKENIZER.decode(list(pieces[1].token_ids)) == WRITER_REPLY
    assert [piece.finish_reason for piece in pieces] == [None, None, "stop"]


@pytest.mark.parametrize("tool", [None, turns(calls=3, documents=1)])
def test_what_a_tool_may_say_is_kept_free_in_the_context(tool):
    player = _player(RunConfig(), "solution", SimpleNamespace(), searching.PROMPTS, 256, tool)
    assert player.context == (256 if tool is None else 256 - 3 * 10)
