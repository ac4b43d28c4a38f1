"""Parameters of other servers: obeyed, refused in a sentence, or asking for nothing; never silently disobeyed."""

import asyncio
import json

import pytest
from fake_gateway import QUESTION

from rlad.serving.parameters import IGNORED, NEUTRAL

CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
BODIES = {
    CHAT: {"model": "rlad-solution", "messages": [{"role": "user", "content": QUESTION}]},
    COMPLETION: {"model": "rlad-solution", "prompt": QUESTION},
}


def post(gateway, path, content):
    async def ask():
        async with gateway.client() as client:
            return await client.post(path, content=content, headers={"Content-Type": "application/json"})

    return asyncio.run(ask())


def send(gateway, path, **more):
    return post(gateway, path, json.dumps(BODIES[path] | more))


ASKS = {
    "top_k": 5, "min_p": 0.1, "top_p": 0.9, "stop_token_ids": [5], "guided_json": {"type": "object"},
    "chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "high", "repetition_penalty": 1.1,
    "min_tokens": 3, "ignore_eos": True, "logprobs": True, "top_logprobs": 2, "best_of": 2, "echo": True,
    "response_format": {"type": "json_object"}, "structured_outputs": {"choice": ["9"]},
    "tools": [{"type": "function"}],
    "bad_words": ["9"], "allowed_token_ids": [5], "skip_special_tokens": False, "prompt_logprobs": 1, "priority": 3,
    "truncate_prompt_tokens": 9, "add_generation_prompt": False, "use_beam_search": True, "seeed": 3, "temprature": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", ASKS)
def test_what_would_be_disobeyed_is_refused(gateway, path, name):
    reply = send(gateway, path, **{name: ASKS[name]})
    error = reply.json()["error"]
    assert reply.status_code == 400 and error["param"] == name and name in error["message"], reply.text
    assert error["code"] in ("unsupported_parameter", "unknown_parameter")
    assert not gateway.solution.calls


def test_a_misspelt_parameter_is_told_its_nearest(gateway):
    assert "nearest is 'temperature'" in send(gateway, CHAT, temprature=1.0).json()["error"]["message"]
    assert "nearest is 'max_tokens'" in send(gateway, COMPLETION, max_token=9).json()["error"]["message"]
    reply = send(gateway, CHAT, stream=True, stream_options={"include_usages": True})
    assert reply.json()["error"]["param"] == "stream_options.include_usages"


@pytest.mark.parametrize("path", BODIES)
def test_a_text_ends_before_a_stop_and_a_stream_takes_none(gateway, path):
    whole, short = (send(gateway, path, **more).json()["choices"][0] for more in ({}, {"stop": ["never", "\\boxed"]}))
    text, cut = (one["message"]["content"] if "message" in one else one["text"] for one in (whole, short))
    assert "\\boxed" in text and cut == text[: text.index("\\boxed")] and short["finish_reason"] == "stop"
    assert send(gateway, path, stop="9").json()["choices"][0]["finish_reason"] == "stop"
    refused = send(gateway, path, stop=["9"], stream=True).json()["error"]
    assert refused["param"] == "stop" and "not supported in a stream" in refused["message"]
    assert send(gateway, path, stop=["9"] * 17).status_code == 400


@pytest.mark.parametrize("path", BODIES)
def test_what_asks_for_nothing_is_taken(gateway, path):
    neutral = {name: values[-1] for name, values in NEUTRAL.items() if values}
    nothing = dict.fromkeys([*NEUTRAL, "whatever"])
    ignored = dict.fromkeys(IGNORED, "x")
    for more in (neutral, nothing, ignored):
        reply = send(gateway, path, **more)
        assert reply.status_code == 200, reply.text


def test_logprobs_0_of_a_completion_asks_for_log_probs(gateway):
    """0 == False in Python, not in JSON: OpenAI's and vLLM's servers answer it with every token's log-prob."""
    assert send(gateway, COMPLETION, logprobs=0).json()["error"]["param"] == "logprobs"
    assert send(gateway, CHAT, logprobs=False).status_code == 200


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, 'type "image_url"'),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, 'type "input_audio"'),
        ({"role": "user", "content": [{"type": "text"}]}, "holds its words"),
        ({"role": "tool", "content": "9", "tool_call_id": "1"}, "Tools are not supported"),
        ({"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, "Tools are not supported"),
    ],
)
def test_what_players_cannot_read_gets_a_sentence(gateway, message, words):
    for messages in ([message], [message, {"role": "user", "content": QUESTION}]):
        reply = send(gateway, CHAT, messages=messages)
        assert reply.status_code == 400 and words in reply.json()["error"]["message"]
        assert reply.json()["error"]["param"].startswith("messages.0")


@pytest.mark.parametrize("digits", [20, 400, 4299, 4300, 4301, 100_000])
@pytest.mark.parametrize("name", ["n", "seed", "max_tokens", "temperature", "top_k", "whatever", "prompt"])
def test_numbers_of_thousands_of_digits_are_the_clients_fault(gateway, name, digits):
    body = json.dumps(BODIES[COMPLETION] | {name: "@"}).replace('"@"', "[9@]" if name == "prompt" else "9@")
    reply = post(gateway, COMPLETION, body.replace("@", "9" * digits))
    assert reply.status_code == 400 and len(reply.json()["error"]["message"]) < 300, reply.text
    assert not gateway.solution.calls


def test_integers_are_bounded_in_the_tree_too(gateway):
    for name in ("abstractions", "solutions", "max_total_tokens", "max_tokens", "seed"):
        for digits in (20, 4300, 5000):
            body = f'{{"problem": "1", "{name}": {"9" * digits}}}'
            reply = post(gateway, "/v1/solve", body)
            assert reply.status_code == 400 and reply.json()["error"]["param"] in (name, None), reply.text
