"""Turns with a tool: what a text holds, who wrote which of its tokens, what bad and too many calls come to."""

import asyncio
import random
from dataclasses import replace

import pytest
import searching
import torch
from searching import ANSWER, BAD, BAD_REPLY, BORN, BORN_REPLY, WRITER, WRITER_REPLY, Scripted, ids, turns

from rlad.config import ConfigError, EngineConfig, ModelConfig, ProblemsConfig, RunConfig
from rlad.generation import Completion, Sampling, make_sampler
from rlad.generation.base import outside
from rlad.generation.streaming_turns import StreamingTurns
from rlad.generation.turns import STRIDE, Turns, TurnSampler, in_turns
from rlad.players.lengths import check_lengths
from rlad.players.policy import build_model
from rlad.players.tokenizer import world_tokenizer
from rlad.problems import make_world
from rlad.reasoning.growth import Growth
from rlad.reasoning.tree import Draw, Solution, Tree
from trainers.data.rows import Row
from trainers.learner.batches import collate, token_logprobs

TWENTY = Sampling(max_new_tokens=20, seed=5)
SMALL = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=64)
SCRIPT = {
    "of": WRITER,
    f"of {WRITER} {WRITER_REPLY}": BORN,
    f"of {WRITER} {WRITER_REPLY} {BORN} {BORN_REPLY}": ANSWER,
    "the": ANSWER,
}
DIALOGUE = f"{WRITER} {WRITER_REPLY} {BORN} {BORN_REPLY} {ANSWER} <eos>"


def play(script, prompts, sampling=TWENTY, **tool):
    inner = Scripted(script)
    texts = TurnSampler(inner, turns(**tool)).generate([list(ids(prompt)) for prompt in prompts], sampling)
    return inner, texts


def said(completion):
    return searching.TOKENIZER.decode(list(completion.token_ids))


def own(completion):
    return searching.TOKENIZER.decode(list(outside(completion.token_ids, completion.given)))


def test_a_text_goes_on_behind_what_the_tool_says():
    inner, (text,) = play(SCRIPT, ["of"])
    assert said(text) == DIALOGUE and text.finish_reason == "stop" and text.version == 3
    assert own(text) == f"{WRITER} {BORN} {ANSWER} <eos>" and text.generated == len(own(text).split())
    assert [said(Completion(text.token_ids[a:b], (), "stop", 0)) for a, b in text.given] == [WRITER_REPLY, BORN_REPLY]
    assert set(outside(text.logprobs, text.given)) == {-0.5} and sum(text.logprobs) == -0.5 * text.generated
    assert text.model_logprob == -0.5 * text.generated
    assert [sampling.max_new_tokens for _, sampling in inner.calls] == [20, 15, 10]  # its own tokens are its budget


def test_a_text_without_calls_is_the_samplers_own_and_without_a_tool_so_is_the_sampler():
    inner, texts = play(SCRIPT, ["the", "the"])
    alone = Scripted(SCRIPT)
    assert texts == alone.generate([list(ids("the"))] * 2, TWENTY)
    asked = inner.calls[0][1]
    assert len(inner.calls) == 1 and replace(asked, stop=()) == TWENTY and asked.stop == ids("\\endsearch")
    assert in_turns(alone, None, searching.TOKENIZER) is alone


def test_every_turn_of_every_part_has_a_seed_of_its_own():
    sampling = Sampling(max_new_tokens=20, parts=((1, 7), (2, 9)))
    inner, texts = play(SCRIPT, ["the", "of", "of"], sampling)
    assert [s.parts for _, s in inner.calls] == [((1, 7), (2, 9)), (), ()]
    assert [s.seed for _, s in inner.calls[1:]] == [9 + STRIDE, 9 + 2 * STRIDE]
    assert [said(text) for text in texts] == [f"{ANSWER} <eos>", DIALOGUE, DIALOGUE]


def test_a_texts_seeds_depend_on_no_other_text():
    sampling = Sampling(max_new_tokens=20, seed=5, numbers=(3, 8))
    both, _ = play(SCRIPT, ["the", "of"], sampling)
    alone, _ = play(SCRIPT, ["of"], replace(sampling, numbers=(8,)))
    assert [s.streams(len(prompts))[-1] for prompts, s in both.calls] == [(5 + turn * STRIDE, 8) for turn in range(3)]
    assert [s.streams(1) for _, s in alone.calls] == [[(5 + turn * STRIDE, 8)] for turn in range(3)]


def test_calls_beyond_the_last_and_calls_without_tokens_left_end_a_text_unfinished():
    _, (text,) = play(SCRIPT, ["of"], calls=1)
    assert said(text) == f"{WRITER} {WRITER_REPLY} {BORN}" and text.finish_reason == "length"
    _, (text,) = play(SCRIPT, ["of"], Sampling(max_new_tokens=5))
    assert said(text) == WRITER and text.finish_reason == "length" and text.given == ()
    _, (text,) = play(SCRIPT, ["of"], Sampling(max_new_tokens=7))
    assert own(text) == f"{WRITER} \\search bore" and text.finish_reason == "length" and text.generated == 7


def test_a_text_with_fewer_tokens_left_than_another_is_cut_and_scored_anew():
    script = SCRIPT | {f"the {BAD} {BAD_REPLY}": f"{ANSWER} {ANSWER} {ANSWER}", "the": BAD}
    inner, (first, second) = play(script, ["of", "the"], Sampling(max_new_tokens=9))
    assert second.generated == 9 and second.finish_reason == "length"
    assert own(first) == f"{WRITER} \\search bore balen vaba" and first.generated == 9
    assert inner.calls[1][1].max_new_tokens == 8  # as many as the second has left
    assert first.model_logprob == -0.5 * 9 and inner.scored == [
        (f"of {WRITER} {WRITER_REPLY}", "\\search bore balen vaba")
    ]


def test_a_bad_call_costs_its_tokens_and_one_of_the_calls():
    script = {"of": BAD, f"of {BAD} {BAD_REPLY}": BAD, f"of {BAD} {BAD_REPLY} {BAD} {BAD_REPLY}": BAD}
    _, (text,) = play(script, ["of"])
    assert text.generated == 3 and len(text.given) == 2 and text.finish_reason == "length"


def test_a_given_text_is_scored_by_its_own_tokens():
    inner = Scripted({})
    (score,) = TurnSampler(inner, turns()).score([list(ids("of"))], [ids(DIALOGUE)])
    assert [written for _, written in inner.scored] == [WRITER, BORN, f"{ANSWER} <eos>"]
    assert inner.scored[1][0] == f"of {WRITER} {WRITER_REPLY}" and score == -0.5 * 14


def test_what_a_tool_has_said_is_known_from_the_text_alone():
    _, (text,) = play(SCRIPT, ["of"])
    assert turns().given(text.token_ids) == text.given
    invented = ids(f"{WRITER} \\result red river writer red river \\endresult {ANSWER}")
    assert turns().given(invented) == ()  # a player that answers itself has written that itself


def test_log_probs_of_own_tokens_are_the_trainers():
    """With a real model, at another temperature than 1, rows of very different turns, in batches of ten."""
    model = build_model(SMALL, searching.TOKENIZER, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    tool = turns(calls=4)
    sampler = TurnSampler(make_sampler(EngineConfig(max_batch=10), model, searching.TOKENIZER), tool)
    prompts = [[5, 6, 7], [5, 9], [5, 6, 7], [8]] * 25
    texts = sampler.generate(prompts, Sampling(0.6, 30, seed=3))
    assert sum(len(text.given) for text in texts) > 3 and all(text.generated <= 30 for text in texts)
    rows = [Row(tuple(p), c.token_ids, given=c.given) for p, c in zip(prompts, texts, strict=True)]
    batch = collate(rows, list(range(len(rows))), searching.TOKENIZER.pad_token_id, torch.device("cpu"))
    assert batch.mask.sum(1).tolist() == [text.generated for text in texts] == [row.length for row in rows]
    tempered, itself = (token_logprobs(model, batch, t, False)[0] * batch.mask for t in (0.6, 1.0))
    for place, text in enumerate(texts):
        assert tempered[place, : len(text.token_ids)].tolist() == pytest.approx(list(text.logprobs), abs=1e-4)
        assert float(itself[place].sum()) == pytest.approx(text.model_logprob, abs=1e-3)
    assert sampler.score(prompts, [c.token_ids for c in texts]) == pytest.approx(
        [c.model_logprob for c in texts], abs=1e-3
    )


def test_a_tree_counts_generated_tokens_alone():
    _, (text,) = play(SCRIPT, ["of"])
    tree = Tree(problem=None, draws=[Draw([], text, "", None)], bare=[Solution([], text, "")])
    assert tree.bare[0].tokens == text.generated and tree.tokens == 2 * text.generated


def test_parts_of_a_list_keep_what_is_given_in_them():
    completion = Completion(tuple(range(8)), (0.0,) * 8, "stop", 0, given=((2, 4), (5, 7)))
    growth = Growth(None, None)
    growth.propose_prompts = type("Lists", (), {"read_list": lambda self, ids: [(0, 3, "a"), (3, 8, "b")]})()
    tree = Tree(problem=None)
    growth.add_list(tree, [9], completion, 2)
    assert [draw.completion.given for draw in tree.draws] == [((2, 3),), ((0, 1), (2, 4))]


def test_a_tokenizer_that_cannot_write_the_mark_is_refused():
    other = world_tokenizer(["a", "b"], 64)
    with pytest.raises(ConfigError, match="ends a call with '.endsearch', which this player cannot write"):
        Turns(turns().tool, other)


def test_what_a_tool_may_say_counts_among_the_positions():
    run = RunConfig(problems=ProblemsConfig(source="search"))
    problem = make_world(run.problems).sample(random.Random(0))
    tool = make_world(run.problems).tool()
    assert tool.calls * tool.room == 76
    lengths = check_lengths(run, [problem])
    plain = check_lengths(RunConfig(), [problem])
    assert lengths == {role: length + 76 for role, length in plain.items()}
    run.base.max_positions = lengths["solution"] - 1
    with pytest.raises(ConfigError, match="of those and of the tool, that is more than"):
        check_lengths(run, [problem])


# ------------------------------------------------------------------------------------------- overlapping requests
async def streamed(inner, count=1, deltas=False, most=20, **tool):
    sampler = StreamingTurns(inner, turns(**tool))
    return [piece async for piece in sampler.sample(list(ids("of")), count, Sampling(max_new_tokens=most), deltas)]


def scripted_stream(script, **more):
    return searching.stream(lambda text, sample, sampling: script[text], **more)


@pytest.mark.parametrize("deltas", [False, True])
def test_samples_that_overlap_go_on_in_turns(deltas):
    inner = scripted_stream(SCRIPT)
    pieces = asyncio.run(streamed(inner, 2, deltas))
    for sample in (0, 1):
        mine = [piece for piece in pieces if piece.sample == sample]
        assert searching.TOKENIZER.decode([i for p in mine for i in p.token_ids]) == DIALOGUE
        given = [searching.TOKENIZER.decode(list(p.token_ids)) for p in mine if p.given]
        assert given == [WRITER_REPLY, BORN_REPLY]
        assert [p.finish_reason for p in mine if p.finish_reason] == ["stop"] and mine[-1].finish_reason
    assert [count for _, count, _ in inner.calls] == [2, 1, 1, 1, 1] and inner.running == 0
    assert len({s.seed for _, _, s in inner.calls}) == 5 and {s.stop for _, _, s in inner.calls} == {turns().ends}
    assert sorted(s.max_new_tokens for _, _, s in inner.calls) == [10, 10, 15, 15, 20]


def test_a_stream_ends_unfinished_where_calls_are_spent_and_raises_what_its_sampler_raises():
    pieces = asyncio.run(streamed(scripted_stream(SCRIPT), calls=1))
    assert pieces[-1].finish_reason == "length" and sum(piece.given for piece in pieces) == 1
    broken = scripted_stream(SCRIPT | {f"of {WRITER} {WRITER_REPLY}": RuntimeError("lost")})
    with pytest.raises(RuntimeError, match="lost"):
        asyncio.run(streamed(broken))


def test_a_stream_that_is_closed_ends_what_is_under_way():
    inner = scripted_stream(SCRIPT, delay=lambda text: 0.0 if text == "of" else 30.0)

    async def leave():
        pieces = StreamingTurns(inner, turns()).sample(list(ids("of")), 1, Sampling(max_new_tokens=20))
        async for piece in pieces:
            if piece.given:
                await asyncio.sleep(0.01)
                break
        await pieces.aclose()

    asyncio.run(leave())
    assert inner.running == 0 and inner.cancelled == 1


def test_a_stream_scores_own_tokens():
    inner = scripted_stream(SCRIPT)
    inner.alone = lambda prompt, text: -0.5 * len(text.split())
    assert asyncio.run(StreamingTurns(inner, turns()).score(list(ids("of")), ids(DIALOGUE))) == -0.5 * 14


def test_a_tool_that_says_nothing_and_an_engine_that_tells_no_log_probs():
    class Silent:
        end, calls, room = "\\endsearch", 2, 4

        def reply(self, text):
            return ""

    inner = scripted_stream({"of": WRITER, f"of {WRITER}": ANSWER}, logprob=None)
    sampler = StreamingTurns(inner, Turns(Silent(), searching.TOKENIZER))

    async def collected():
        return [piece async for piece in sampler.sample(list(ids("of")), 1, TWENTY)]

    pieces = asyncio.run(collected())
    assert searching.TOKENIZER.decode([i for p in pieces for i in p.token_ids]) == f"{WRITER} {ANSWER} <eos>"
    assert pieces[-1].finish_reason == "stop" and not any(piece.logprobs for piece in pieces)
