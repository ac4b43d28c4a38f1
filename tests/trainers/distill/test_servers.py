"""Models behind servers: how many requests are open and begin, and what a refusal says."""

import asyncio
import re
from functools import partial
from types import SimpleNamespace

import pytest
from chat_server import chat_server, in_openais_form
from stub_teacher import made, stub

from rlad import chat_model
from rlad.chat_model import HttpModel, ModelDown, Pace
from rlad.config import load_config
from trainers.distill.__main__ import make_models
from trainers.distill.calls import Calls


@pytest.fixture
def clock(monkeypatch):
    """A clock for paces that nothing but their own waiting moves, and how long each of them has waited."""
    moved = SimpleNamespace(now=0.0, waits=[])

    async def sleep(seconds):
        moved.now += seconds
        moved.waits.append(seconds)

    monkeypatch.setattr(chat_model, "time", SimpleNamespace(monotonic=lambda: moved.now))
    monkeypatch.setattr(chat_model, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
    return moved


def test_requests_keep_their_pace_and_their_number(configured, clock):
    run = load_config(configured("http://127.0.0.1:9/v1"), ["distill.solver.per_minute=1200"])

    async def begun():
        pace = Pace(run.distill.solver.per_minute)
        for late in (0.0, 0.0, 0.02, 7.0):  # whoever asks later waits for what is left alone
            clock.now += late
            await pace.turn()

    asyncio.run(begun())
    assert clock.waits == pytest.approx([0, 0.05, 0.03, 0])


def test_a_refusal_is_told_in_the_servers_own_words(configured):
    with chat_server(lambda *_: (400, {"error": {"message": "No 'seed' here."}})) as url:
        model = HttpModel(load_config(configured(url)).distill.solver)
        with pytest.raises(ModelDown, match=r"did not answer: 400, No 'seed' here\.$"):
            asyncio.run(model.complete({"n": 1, "seed": 0, "messages": []}))


def test_a_teacher_is_told_whether_to_think_which_is_another_call(configured, tmp_path):
    asked = []

    def answer(body, request):
        asked.append(body.get("chat_template_kwargs"))
        return 200, in_openais_form(["1"], usage={"completion_tokens": 1})

    with chat_server(answer) as url:
        for words in ([], ["distill.solver.thinking=false"], ["distill.solver.thinking=true"],
                      ["distill.solver.thinking=true", "distill.solver.drop=[chat_template_kwargs]"]):  # fmt: skip
            models = make_models(load_config(configured(url), words))
            calls = Calls(tmp_path / "calls.jsonl", models)
            models["solver"].name = "one"
            for _ in range(2):
                asyncio.run(calls.ask("solver", "1 + 0?", 1, 0.7, 8, 5))
            calls.close()
    assert asked == [None, {"enable_thinking": False}, {"enable_thinking": True}]  # without the field it is the first


def test_our_own_server_can_be_the_teacher():
    from fake_gateway import Gateway

    from rlad.config import ChatModelConfig

    async def asked(n):
        gateway, model = (
            Gateway(),
            HttpModel(ChatModelConfig(url="http://gateway/v1", name="rlad-solution"), attempts=1),
        )
        model._client = gateway.client()
        model._client.base_url = "http://gateway/v1/"
        message = [{"role": "user", "content": "3 , 5 > 14 ; 4 , 1 > ?"}]
        body = {"messages": message, "n": n, "temperature": 0.7, "max_tokens": 8, "seed": 5}
        return await model.complete(body)

    reply = asyncio.run(asked(3))
    assert len(reply.texts) == 3 and all(reply.texts) and reply.prompt_tokens and reply.generated_tokens


def test_a_server_that_is_not_there_ends_the_run_in_one_sentence(configured, tmp_path, monkeypatch):
    import trainers.distill.__main__ as command

    monkeypatch.setattr(command, "HttpModel", partial(HttpModel, attempts=1))
    with pytest.raises(ModelDown, match=r"The model at http://127.0.0.1:9/v1 did not answer"):
        made(configured("http://127.0.0.1:9/v1"), tmp_path / "out")


def test_so_many_requests_are_open_at_a_time_and_no_more(configured, tmp_path):
    with stub(delay=0.02) as (url, asked):
        made(configured(url), tmp_path / "out", "distill.solver.requests=3", "distill.teacher.requests=2")
    assert asked.most == {"solver": 3, "teacher": 2} and not any(asked.open.values())


def waited(run, clock, each):
    """Seconds that `each` requests of teacher and solver, asked at once, have waited for their turns one by one."""
    clock.waits.clear()

    async def ask():
        models = make_models(run)
        body = {"messages": [], "n": 1, "seed": 0}
        await asyncio.gather(*(model.complete(body) for model in models.values() for _ in range(each)))
        for model in models.values():
            await model.close()

    asyncio.run(ask())
    return clock.waits


def test_teacher_and_solver_at_one_server_share_its_limit(configured, clock):
    def answer(*_):
        return 200, in_openais_form(["x"])

    turns = pytest.approx([0] + [0.05] * 9)
    with chat_server(answer) as url, chat_server(answer) as other:
        path, limits = configured(url), ["distill.teacher.per_minute=1200", "distill.solver.per_minute=1200"]
        names = ["distill.teacher.name=a", "distill.solver.name=b"]
        assert waited(load_config(path, [*limits, *names]), clock, 5) == turns
        one = [limits[0], f"distill.solver.url={url}/"]  # a limit that only one of them states holds for both
        assert waited(load_config(path, [*one, *names]), clock, 5) == turns
        models = make_models(load_config(path, [*limits, *names, f"distill.solver.url={other}"]))
        assert models["teacher"]._pace is not models["solver"]._pace


TAKEN = {"model", "messages", "max_completion_tokens"}


def test_a_refused_field_is_left_out_by_the_key_that_the_refusal_names(configured):
    """A public reasoning endpoint: each refusal names a key, until what is asked is what it takes."""
    bodies = []

    def answer(body, _):
        refused = sorted(body.keys() - TAKEN)
        if refused:
            return 400, {"error": {"message": f"Unsupported parameter: '{refused[0]}' is not supported.", "code": None}}
        bodies.append(body)
        return 200, in_openais_form(["yes"], usage={"prompt_tokens": 3, "completion_tokens": 1})

    body = {"messages": [{"role": "user", "content": "?"}], "n": 2, "temperature": 0.7, "max_tokens": 9, "seed": 5}
    keys: list[str] = []
    with chat_server(answer) as url:
        path = configured(url)
        for _ in range(9):
            model = make_models(load_config(path, keys))["teacher"]
            try:
                reply = asyncio.run(model.complete(body))
                break
            except ModelDown as error:
                said = re.fullmatch(r"The model at .* is not supported\. Where it .*, set '(\S+)'\.", str(error))
                keys.append(said[1])
    assert keys == [
        "distill.teacher.limit_field=max_completion_tokens",
        "distill.teacher.drop=[n]",
        "distill.teacher.drop=[n,seed]",
        "distill.teacher.drop=[n,seed,temperature]",
    ]
    assert reply.texts == ["yes", "yes"] and (reply.prompt_tokens, reply.generated_tokens) == (6, 2)
    assert bodies == [{"model": "", "messages": body["messages"], "max_completion_tokens": 9}] * 2
