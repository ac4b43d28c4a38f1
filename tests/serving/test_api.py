"""The routes: what they answer, what they refuse and how."""

import asyncio
import json
from dataclasses import replace

import pytest
from fake_gateway import KEY, QUESTION, Gateway, events_of
from fake_players import FakeSampler

from rlad.config import ProblemsConfig, load_config
from rlad.generation.streaming import PromptRefused, SamplerDown
from rlad.players.prompts import Prompts
from rlad.players.roles import role_of
from rlad.players.tokenizer import world_tokenizer
from rlad.problems import make_world
from rlad.reasoning.budget_policy import Spending
from rlad.reasoning.choosing import Chooser
from rlad.reasoning.posterior import COUNTING
from rlad.reasoning.selecting import Choosing
from rlad.serving.app import create_app
from rlad.serving.keys import Keys


def call(gateway, method, path, key=None, **more):
    async def once():
        async with gateway.client(**({} if key is None else {"key": key})) as client:
            return await client.request(method, path, **more)

    return asyncio.run(once())


def chat(model="rlad", **more):
    return {"model": model, "messages": [{"role": "user", "content": QUESTION}], **more}


def test_solve_gives_the_whole_tree(gateway):
    tree = call(gateway, "POST", "/v1/solve", json={"problem": QUESTION, "seed": 3, "early_stop": False}).json()
    assert [node["text"] for node in tree["abstractions"]] == ["1 * a", "2 * a", "3 * a"]
    assert [[s["solution"] for s in node["solutions"]] for node in tree["abstractions"]] == [[0, 1]] * 3
    assert tree["answer"] == "9" and tree["text"].strip() == "9 = \\boxed{ 9 }" and tree["stopped"] == "complete"
    assert tree["chosen"] == {"abstraction": 0, "solution": 0} and tree["bare"] == []
    assert tree["votes"][0]["share"] == 1.0 and len(tree["votes"]) == 1
    usage = tree["usage"]
    generated = sum(n["tokens"] + sum(s["tokens"] for s in n["solutions"]) for n in tree["abstractions"])
    assert usage["completion_tokens"] == generated
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] == usage["abstraction"]["prompt_tokens"] + usage["solution"]["prompt_tokens"]


def test_solve_streams_events_in_order(gateway):
    body = {"problem": QUESTION, "stream": True, "deltas": True, "early_stop": False, "gold": "9", "abstractions": 2}
    reply = call(gateway, "POST", "/v1/solve", json=body)
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = events_of(reply.text)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "start" and kinds[-1] == "done"
    assert events[0]["abstractions"] == 2 and events[0]["select"] == "majority" and events[0]["seed"] >= 0
    assert kinds.count("abstraction") == 2 and kinds.count("solution") == kinds.count("vote") == 4
    assert all(event["leak"] is False for event in events if event["type"] == "abstraction")
    for event in events:
        if event["type"] == "solution":
            parts = [
                e["text"] for e in events
                if e["type"] == "solution_delta" and all(e[k] == event[k] for k in ("abstraction", "solution"))
            ]  # fmt: skip
            assert "".join(parts) == event["text"].strip() and event["answer"] == "9"
    assert events[-1]["answer"] == "9" and events[-1]["usage"]["total_tokens"] > 0


def test_a_budget_that_spends_itself():
    """All solutions agree, so fewer are written than the server's 3 x 2; the dearer a token, the fewer."""
    prices = ((10.0, 0.5), (60.0, 1e-4))
    gateway = Gateway(
        lambda text, sample, sampling: f"{sampling.seed % 97} * a", spending=Spending(COUNTING, prices, "majority")
    )
    counts = []
    for more in ({"mean_tokens": 10}, {"mean_tokens": 60, "abstractions": 8}):
        body = {"problem": QUESTION, "seed": 3, "budget": "auto", **more}
        tree = call(gateway, "POST", "/v1/solve", json=body).json()
        assert tree["answer"] == "9" and tree["stopped"] == "settled"
        counts.append(sum(len(node["solutions"]) for node in tree["abstractions"]))
    assert counts[0] == 1 < counts[1] < 16
    streamed = call(gateway, "POST", "/v1/solve", json={"problem": QUESTION, "budget": "auto", "stream": True})
    assert events_of(streamed.text)[0]["budget"] == "auto"


def test_a_budget_may_ask_the_selector_where_one_is_served_and_answers():
    prompts = Prompts(world_tokenizer(make_world(ProblemsConfig()).vocabulary(), 256, role_of("selector").marks))
    run = load_config(None, ["roles=[abstraction, solution, selector]", "selector.max_new_tokens=4"])
    player = Choosing("selector", 0.9, 0.9, 0.0, (3.0,), 8)
    spending = Spending(COUNTING, ((60.0, 1e-2),), "majority", player, ((60.0, 1e-3),))
    up = True
    sampler = FakeSampler(prompts, lambda text, sample, sampling: max(one.strip() for one in text.split("<sep>")[1:-1]))
    gateway = Gateway(
        lambda text, sample, sampling: f"{sampling.seed % 97} * a",
        lambda text, sample, sampling: f"\\boxed{{ {9 - sampling.seed % 3} }}",
        spending=spending, chooser=Chooser("selector", sampler, prompts, 256, run, lambda: up),
    )  # fmt: skip
    body = {"problem": QUESTION, "seed": 3, "budget": "auto", "mean_tokens": 60, "abstractions": 8, "stream": True}
    events = events_of(call(gateway, "POST", "/v1/solve", json=body).text)
    at = next(i for i, event in enumerate(events) if event["type"] == "selection")
    assert events[at] | {"answer": ""} == {"type": "selection", "player": "selector", "answer": "", "tokens": 2}
    assert events[at + 1]["type"] == "vote" and events[at + 1]["votes"][0]["answer"] == events[at]["answer"]
    usage = events[-1]["usage"]
    assert usage["others"]["selector"]["completion_tokens"] == 2 * len(sampler.calls)
    parts = [usage["abstraction"], usage["solution"], usage["others"]["selector"]]
    assert usage["completion_tokens"] == sum(part["completion_tokens"] for part in parts)
    whole = call(gateway, "POST", "/v1/solve", json=body | {"stream": False}).json()
    assert whole["answer"] == events[-1]["answer"] and whole["usage"] == usage
    metrics = call(gateway, "GET", "/metrics").text
    assert 'rlad_tokens_total{kind="completion",player="selector"}' in metrics
    up, asked = False, len(sampler.calls)
    whole = call(gateway, "POST", "/v1/solve", json=body | {"stream": False}).json()
    assert len(sampler.calls) == asked and "others" not in whole["usage"]


@pytest.mark.parametrize(
    ("asked", "param", "words"),
    [
        ({"budget": "auto"}, "budget", "sweep.budget_policy=true"),
        ({"mean_tokens": 50}, "mean_tokens", "budget='auto'"),
        ({"budget": "none"}, "budget", "auto"),
        ({"budget": "auto", "abstractions": 0}, "abstractions", "at least one"),
        ({"budget": "auto", "abstractions": 2, "select": "proposer"}, "select", "'majority'"),
    ],
)
def test_a_budget_that_cannot_spend_itself_is_refused(gateway, asked, param, words):
    if "abstractions" in asked:
        gateway = Gateway(spending=Spending(COUNTING, ((10.0, 0.5),), "majority"))
    reply = call(gateway, "POST", "/v1/solve", json={"problem": QUESTION, **asked})
    error = reply.json()["error"]
    assert reply.status_code == 400 and error["param"] == param and words in error["message"]


def test_leaks_are_marked_where_the_answer_is_known():
    gateway = Gateway(propose=lambda *_: "= 9")
    for gold, leak in (("9", True), ("8", False), (None, None)):
        tree = call(gateway, "POST", "/v1/solve", json={"problem": QUESTION, "gold": gold, "abstractions": 1}).json()
        assert tree["abstractions"][0]["leak"] is leak


def test_chat_with_the_pair(gateway):
    options = {"abstractions": 2, "solutions": 1, "select": "majority", "max_total_tokens": 500}
    body = call(gateway, "POST", "/v1/chat/completions", json=chat(n=2, seed=1, rlad=options)).json()
    assert body["object"] == "chat.completion" and body["model"] == "rlad"
    assert [c["message"] for c in body["choices"]] == [
        {"role": "assistant", "content": "9 = \\boxed{ 9 }", "refusal": None}
    ] * 2
    assert [c["finish_reason"] for c in body["choices"]] == ["stop", "stop"]
    assert body["rlad"][0]["answer"] == "9" and len(body["rlad"][0]["abstractions"]) == 2
    # Both players' tokens, of both trees.
    assert body["usage"]["completion_tokens"] == sum(t["usage"]["completion_tokens"] for t in body["rlad"])
    assert body["usage"]["abstraction"]["completion_tokens"] > 0 < body["usage"]["solution"]["completion_tokens"]


@pytest.mark.parametrize(
    ("model", "task", "text"),
    [("rlad-abstraction", "<propose>", "1 * a"), ("rlad-solution", "<plain>", "9 = \\boxed{ 9 }")],
)
def test_players_alone(gateway, model, task, text):
    body = call(gateway, "POST", "/v1/chat/completions", json=chat(model, max_tokens=24)).json()
    assert body["choices"][0]["message"]["content"] == text and "rlad" not in body
    sampler = gateway.abstraction if model == "rlad-abstraction" else gateway.solution
    assert sampler.calls[0][0].startswith(task) and sampler.calls[0][1] == 1
    body = call(gateway, "POST", "/v1/completions", json={"model": model, "prompt": ["1 + 2", "3"], "n": 2}).json()
    assert [c["index"] for c in body["choices"]] == [0, 1, 2, 3]
    assert [text for text, *_ in sampler.calls[1:]] == ["1 + 2", "3"]  # continued as they stand
    ids = sampler.prompts.tokenizer("1 + 2")["input_ids"]
    assert call(gateway, "POST", "/v1/completions", json={"model": model, "prompt": ids}).status_code == 200


@pytest.mark.parametrize("model", ["rlad", "rlad-solution"])
def test_streamed_chat_says_the_same(gateway, model):
    whole = call(gateway, "POST", "/v1/chat/completions", json=chat(model, n=2)).json()
    reply = call(
        gateway,
        "POST",
        "/v1/chat/completions",
        json=chat(model, n=2, stream=True, stream_options={"include_usage": True}),
    )
    chunks = events_of(reply.text)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"} and len({c["id"] for c in chunks}) == 1
    for index in range(2):
        mine = [c for chunk in chunks for c in chunk["choices"] if c["index"] == index]
        assert mine[0]["delta"]["role"] == "assistant"
        assert "".join(c["delta"].get("content", "") for c in mine) == whole["choices"][index]["message"]["content"]
        assert [c["finish_reason"] for c in mine if c["finish_reason"]] == ["stop"]
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] > 0
    assert all("usage" not in chunk for chunk in chunks[:-1])


REFUSED = {
    "no body": ("/v1/solve", None, 400, None),
    "an array": ("/v1/solve", [], 400, None),
    "an unknown option": ("/v1/solve", {"problem": "1", "abstraction": 3}, 400, "abstraction"),
    "an unknown option of the tree": ("/v1/chat/completions", chat(rlad={"solutionz": 1}), 400, "rlad.solutionz"),
    "an empty problem": ("/v1/solve", {"problem": " \n"}, 400, "problem"),
    "no problem": ("/v1/solve", {}, 400, "problem"),
    "a number as problem": ("/v1/solve", {"problem": 3}, 400, "problem"),
    "a number in quotes": ("/v1/solve", {"problem": "1", "solutions": "3"}, 400, "solutions"),
    "too long a problem": ("/v1/solve", {"problem": "1 " * 20_000}, 400, "problem"),
    "a prompt beyond the context": ("/v1/solve", {"problem": "1 " * 250}, 400, "problem"),
    "too many abstractions": ("/v1/solve", {"problem": "1", "abstractions": 65}, 400, "abstractions"),
    "too many samples": ("/v1/solve", {"problem": "1", "abstractions": 64, "solutions": 64}, 400, "solutions"),
    "too many tokens": ("/v1/solve", {"problem": "1", "max_total_tokens": 10**9}, 400, "max_total_tokens"),
    "fewer tokens than a solution": ("/v1/solve", {"problem": "1", "max_total_tokens": 23}, 400, "max_total_tokens"),
    "an unknown rule": ("/v1/solve", {"problem": "1", "select": "majorty"}, 400, "select"),
    "an unknown model": ("/v1/chat/completions", chat("gpt-4"), 404, "model"),
    "no messages": ("/v1/chat/completions", {"model": "rlad", "messages": []}, 400, "messages"),
    "the assistant's message last": (
        "/v1/chat/completions", {"model": "rlad", "messages": [{"role": "assistant", "content": "9"}]}, 400, "messages"
    ),
    "an image": (
        "/v1/chat/completions",
        {"model": "rlad", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, 400,
        "messages.0.content.0",
    ),
    "tools": ("/v1/chat/completions", chat(tools=[{"type": "function"}]), 400, "tools"),
    "top_p": ("/v1/chat/completions", chat(top_p=0.5), 400, "top_p"),
    "too many choices": ("/v1/chat/completions", chat(n=9), 400, "n"),
    "tree options for a player": ("/v1/chat/completions", chat("rlad-solution", rlad={"solutions": 1}), 400, "rlad"),
    "token ids for the pair": ("/v1/completions", {"model": "rlad", "prompt": [1, 2]}, 400, "prompt"),
    "no prompt": ("/v1/completions", {"model": "rlad", "prompt": []}, 400, "prompt"),
    "an empty prompt": ("/v1/completions", {"model": "rlad-solution", "prompt": ""}, 400, "prompt"),
    "token ids there are not": ("/v1/completions", {"model": "rlad-solution", "prompt": [10**6]}, 400, "prompt"),
    "a full context": ("/v1/completions", {"model": "rlad-solution", "prompt": [5] * 256}, 400, "prompt"),
    "nowhere": ("/v1/nothing", {}, 404, None),
}  # fmt: skip


def test_a_budget_below_one_solution_is_refused_in_words_and_one_for_shorter_solutions_obeyed(gateway):
    """Never cut without a word: a solution that ends at the budget has no answer."""
    body = {"problem": QUESTION, "max_total_tokens": 20}
    reply = call(gateway, "POST", "/v1/solve", json=body)
    said = "max_total_tokens=20 is less than one solution may take, which is 24 tokens"
    assert said in reply.json()["error"]["message"] and not gateway.solution.calls
    reply = call(gateway, "POST", "/v1/chat/completions", json=chat(max_tokens=20, rlad={"max_total_tokens": 20}))
    assert reply.status_code == 200, reply.text
    assert all(sampling.max_new_tokens <= 20 for _, _, sampling in gateway.solution.calls)


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_openais_error_shape(gateway, case):
    path, body, status, param = REFUSED[case]
    reply = call(gateway, "POST", path, json=body)
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"
    assert error["message"].endswith(".") and "\n" not in error["message"]
    if param is not None:
        assert error["param"] == param
    assert not gateway.abstraction.calls and not gateway.solution.calls


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 60_000, b'{"problem": "\\ud800"}', b'{"problem": NaN}', b"9" * 5000]
)
def test_garbage_is_the_clients_fault(gateway, body):
    reply = call(gateway, "POST", "/v1/solve", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400 and reply.json()["error"]["message"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; a=b"])
def test_a_body_must_be_announced_as_json(gateway, kind):
    """What a page elsewhere can make a browser send without asking this server first."""
    body, headers = json.dumps({"problem": QUESTION}).encode(), {} if kind is None else {"Content-Type": kind}
    reply = call(gateway, "POST", "/v1/solve", content=body, headers=headers)
    assert reply.status_code == 415 and reply.json()["error"]["code"] == "not_json"
    assert not gateway.abstraction.calls
    for kind in ("application/json; charset=utf-8", "Application/Problem+JSON"):
        assert call(gateway, "POST", "/v1/solve", content=body, headers={"Content-Type": kind}).status_code == 200


def test_what_asks_for_nothing_is_accepted(gateway):
    body = chat(
        top_p=1, stop=None, tools=[], user="me", metadata={}, response_format={"type": "text"}, max_completion_tokens=9
    )
    assert call(gateway, "POST", "/v1/chat/completions", json=body).status_code == 200
    assert gateway.solution.calls[0][2].max_new_tokens == 9


@pytest.mark.parametrize(
    ("error", "status"), [(SamplerDown("http://10.0.0.7 gone"), 503), (PromptRefused("Too long."), 400)]
)
def test_an_engines_error(error, status):
    """The status says whose fault it is; what is behind stays unsaid. A stream says it in its last event."""
    for gateway in (Gateway(solve=lambda *_: error), Gateway(propose=lambda *_: error)):
        for path, body in (("/v1/solve", {"problem": QUESTION}), ("/v1/chat/completions", chat(n=2))):
            reply = call(gateway, "POST", path, json=body)
            assert reply.status_code == status and "10.0.0.7" not in reply.text
            assert status != 503 or reply.headers["retry-after"] == "5"
            reply = call(gateway, "POST", path, json=body | {"stream": True})
            last = json.loads(reply.text.strip().split("\n\n")[-1].removeprefix("data: "))
            assert last["error"]["message"] and "10.0.0.7" not in reply.text
            assert gateway.solution.running == gateway.abstraction.running == 0


def test_information(gateway):
    models = call(gateway, "GET", "/v1/models").json()
    assert [card["id"] for card in models["data"]] == ["rlad", "rlad-abstraction", "rlad-solution"]
    assert call(gateway, "GET", "/v1/models/rlad").json()["object"] == "model"
    assert [model["select"] for model in models["data"]] == ["auto", None, None]
    assert [model["examples"] for model in models["data"]] == [None, None, None]
    gateway.app = create_app(replace(gateway.pair, world=make_world(ProblemsConfig())), gateway.config, Keys([KEY]))
    examples = call(gateway, "GET", "/v1/models/rlad").json()["examples"]
    assert len(set(examples)) == 3 and all(text.endswith("> ?") for text in examples)
    assert call(gateway, "GET", "/v1/models/gpt").status_code == 404
    assert call(gateway, "GET", "/healthz").json()["status"] == "ok"
    assert call(gateway, "GET", "/readyz").json() == {
        "status": "ready",
        "players": {"abstraction": "up", "solution": "up"},
    }
    call(gateway, "POST", "/v1/solve", json={"problem": QUESTION})
    text = call(gateway, "GET", "/metrics").text
    assert 'rlad_trees_total{stopped="decided"} 1.0' in text or 'rlad_trees_total{stopped="complete"} 1.0' in text
    assert 'rlad_requests_total{route="/v1/solve",status="200"} 1.0' in text
    assert 'rlad_tokens_total{kind="completion",player="solution"}' in text
    schema = call(gateway, "GET", "/openapi.json").json()
    assert {"/v1/solve", "/v1/chat/completions", "/v1/completions", "/v1/models"} <= set(schema["paths"])
    assert call(gateway, "GET", "/docs").status_code == 200


def test_not_ready_while_an_engine_is_down_or_the_server_drains():
    gateway = Gateway()
    gateway.app.state.draining = True
    reply = call(gateway, "GET", "/readyz")
    assert reply.status_code == 503 and reply.json()["status"] == "draining"


def test_a_rule_without_its_scores_is_refused(gateway):
    """Never counted as something else: a vote weighted by nothing is a majority."""
    reply = call(gateway, "POST", "/v1/solve", json={"problem": QUESTION, "select": "stated_majority"})
    assert reply.status_code == 400 and "not asked to state one" in reply.json()["error"]["message"]
    reply = call(gateway, "POST", "/v1/solve", json={"problem": QUESTION, "select": "best_judged"})
    assert reply.status_code == 400 and "no words for a verdict" in reply.json()["error"]["message"]
    assert not gateway.abstraction.calls
    gateway.solution.logprob = None  # a sampler that gives none
    for select, status in (("majority", 200), ("weighted_majority", 400), ("max-confidence", 400)):
        body = {"problem": QUESTION, "select": select}
        reply = call(gateway, "POST", "/v1/solve", json=body)
        assert reply.status_code == status, reply.text
        assert status == 200 or "the sampler gave no log-probs" in reply.json()["error"]["message"]
    last = call(gateway, "POST", "/v1/solve", json=body | {"stream": True}).text.strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["param"] == "select"
