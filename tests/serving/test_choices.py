"""OpenAI's routes with several choices: their seeds, places, lengths and what is counted."""

import asyncio

import pytest
from fake_gateway import QUESTION, Gateway, events_of

from rlad.reasoning.budget_policy import Spending
from rlad.reasoning.posterior import COUNTING
from rlad.serving.chat import EVERY_SEED, cut
from rlad.serving.samplers import _lines

SOLVER = "rlad-solution"


def ask(gateway, path="/v1/chat/completions", **body):
    if path.endswith("chat/completions"):
        body = {"model": "rlad", "messages": [{"role": "user", "content": QUESTION}]} | body

    async def once():
        async with gateway.client() as client:
            return await client.post(path, json=body)

    return asyncio.run(once())


@pytest.mark.parametrize(("seed", "seeds"), [(5, [5, 6, 7]), (EVERY_SEED - 1, [EVERY_SEED - 1, 0, 1])])
def test_each_tree_of_a_request_has_a_seed_of_its_own(seed, seeds):
    def drawn(**body):
        gateway = Gateway()
        assert ask(gateway, **body).status_code == 200
        return {sampling.seed for _, _, sampling in gateway.abstraction.calls}

    each = [drawn(seed=own) for own in seeds]
    assert drawn(n=3, seed=seed) == set.union(*each) and not each[0] & each[1]


def test_prompts_of_all_trees_are_counted(gateway):
    body = ask(gateway, n=2).json()
    assert body["usage"]["prompt_tokens"] == sum(tree["usage"]["prompt_tokens"] for tree in body["rlad"]) > 0
    one = ask(gateway, model=SOLVER, n=3).json()["usage"]
    assert one["prompt_tokens"] == len(gateway.solution.prompts.tokenizer(gateway.solution.calls[-1][0])["input_ids"])


def test_choices_of_several_prompts_keep_their_places_in_a_stream(gateway):
    gateway.solution.write = lambda text, sample, sampling: f"{text.split()[0]} + {sample} = \\boxed{{ 1 }}"
    reply = ask(gateway, "/v1/completions", model=SOLVER, prompt=["1 + 2", "3 + 4"], n=2, stream=True)
    said = [""] * 4
    for choice in (choice for chunk in events_of(reply.text) for choice in chunk["choices"]):
        said[choice["index"]] += choice["text"]
    assert [text.split(" =")[0].strip() for text in said] == ["1 + 0", "1 + 1", "3 + 0", "3 + 1"]


def test_a_choice_ends_at_the_first_of_its_stops():
    assert cut("a; b. c", "length", [".", ";"]) == ("a", "stop")


def test_a_player_may_write_as_much_as_its_context_holds(gateway):
    ask(gateway, "/v1/completions", model=SOLVER, prompt="1 + 2", max_tokens=100_000)
    prompt, _, sampling = gateway.solution.calls[-1]
    assert sampling.max_new_tokens == 256 - len(gateway.solution.prompts.tokenizer(prompt)["input_ids"])
    ask(gateway, model=SOLVER, max_tokens=3, max_completion_tokens=5)  # the newer name is meant
    assert gateway.solution.calls[-1][2].max_new_tokens == 5


def test_choices_are_bounded_by_number_and_by_tokens_in_all():
    gateway = Gateway(max_samples=8, max_total_tokens=100)
    assert ask(gateway, model=SOLVER, n=8, max_tokens=12).status_code == 200
    tokens = "more than this server writes for a request, which is 100 tokens in all."
    for more, param, said in (
        ({"n": 9, "max_tokens": 2}, "n", "9 choices are asked for; at most 8 are accepted."),
        ({"n": 8, "max_tokens": 13}, "n", f"8 texts of up to 13 tokens are {tokens}"),
        ({"max_tokens": 101}, "max_tokens", f"A text of up to 101 tokens is {tokens}"),
        ({"max_completion_tokens": 101}, "max_completion_tokens", f"A text of up to 101 tokens is {tokens}"),
    ):
        error = ask(gateway, model=SOLVER, **more).json()["error"]
        assert (error["param"], error["message"]) == (param, said)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/v1/solve", "max_tokens"), ("/v1/chat/completions", "max_completion_tokens"), ("/v1/completions", "max_tokens")],
)
def test_a_solution_above_the_servers_budget_of_a_tree_is_refused_in_words_not_cut(path, name):
    """As long as the server's limit it is obeyed; who asks beyond the context is told by the finish reason."""
    gateway = Gateway(max_total_tokens=60)
    body = {"problem": QUESTION} if path == "/v1/solve" else {"model": "rlad", "prompt": QUESTION}
    body = {} if "chat" in path else body
    error = ask(gateway, path, **body, **{name: 61}).json()["error"]
    told = f"A solution of up to 61 tokens is more than this server lets a tree take, which is 60 tokens: lower {name}."
    assert (error["message"], error["param"]) == (told, name) and not gateway.solution.calls
    assert ask(gateway, path, **body, **{name: 60}).status_code == 200
    assert max(sampling.max_new_tokens for _, _, sampling in gateway.solution.calls) == 60


def test_a_mean_above_the_most_that_a_tree_may_take_is_refused():
    spending = Spending(COUNTING, ((60.0, 1e-2),), "majority")
    for limit, asked in ((200, {}), (500, {"max_total_tokens": 200})):
        gateway = Gateway(spending=spending, max_total_tokens=limit)
        body = {"problem": QUESTION, "budget": "auto", "abstractions": 2, "mean_tokens": 201} | asked
        error = ask(gateway, "/v1/solve", **body).json()["error"]
        assert error["param"] == "mean_tokens" and "at most, which is 200 tokens (max_total_tokens)" in error["message"]


def test_token_ids_lie_in_the_vocabulary(gateway):
    size = len(gateway.solution.prompts.tokenizer)
    for ids, status in (([5, size - 1], 200), ([5, size], 400), ([5, -1], 400)):
        assert ask(gateway, "/v1/completions", model=SOLVER, prompt=ids).status_code == status, ids


def test_the_last_message_is_the_problem_and_the_users(gateway):
    last = {"role": "assistant", "content": "9"}
    reply = ask(gateway, messages=[{"role": "user", "content": QUESTION}, last])
    assert reply.status_code == 400 and reply.json()["error"]["param"] == "messages"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_lines_of_a_stream_do_not_depend_on_how_it_is_cut(size):
    text = b"data: one\r\n\r\ndata: two\r\n\r\ndata: [DONE]\r\n"

    class Content:
        async def iter_any(self):
            for start in range(0, len(text), size):
                yield text[start : start + size]

    async def lines():
        return [line async for line in _lines(Content()) if line]

    assert asyncio.run(lines()) == [b"data: one", b"data: two", b"data: [DONE]"]


def test_a_chat_says_the_solution_that_the_vote_selects():
    answers = iter(["1 = \\boxed{ 1 }", *["9 = \\boxed{ 9 }"] * 5])
    gateway = Gateway(solve=lambda text, sample, sampling: next(answers))
    body = ask(gateway, rlad={"select": "majority", "early_stop": False}).json()
    assert body["rlad"][0]["answer"] == "9" and body["choices"][0]["message"]["content"] == "9 = \\boxed{ 9 }"
