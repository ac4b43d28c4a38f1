"""Abstraction data from a stub teacher: every gate, the rows, the accounts, and a run that is killed in the middle."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from chat_server import chat_server
from chat_tokenizers import chat_tokenizer
from stub_teacher import PROBLEMS, stub

from rlad.chat_model import HttpModel, ModelDown
from rlad.config import MixtureConfig, load_config
from rlad.players.prompts import Prompts
from rlad.problems import load_problems
from trainers.data.demonstrations import Demonstrations
from trainers.distill.__main__ import distil


@pytest.fixture
def configured(tmp_path):
    """Writes the problems and a configuration for a URL; gives its path."""
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS))
    both = "\n".join(json.dumps(row) for row in PROBLEMS[:1])
    (tmp_path / "held.jsonl").write_text(both.replace("Tom", "Ann"))

    def write(url, name="made"):
        model = {"url": url, "price_in": 1.0, "price_out": 2.0}
        paths = {"path": "rows.jsonl", "validation_path": "held.jsonl", "test_path": "held.jsonl"}
        tree = {
            "name": name,
            "runs_dir": str(tmp_path / "runs"),
            "problems": {"source": "jsonl", "train": 0, **{k: str(tmp_path / v) for k, v in paths.items()}},
            "distill": {"teacher": model, "solver": model, "candidates": 3, "most_chars": 200},
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(tree))
        return path

    return write


def made(path, folder):
    """(card, sft rows, rejects) of a run in this process."""
    run = load_config(path)
    folder.mkdir(exist_ok=True)
    card = asyncio.run(distil(run, folder, load_problems(run.problems, "train")))
    read = [
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("sft.jsonl", "rejects.jsonl")
    ]
    return card, *read


def test_gates_rows_card_and_the_second_run_asks_nothing(configured, tmp_path):
    with stub(most=7) as (url, asked):  # a server that gives fewer samples at a time than asked
        card, rows, rejects = made(configured(url), tmp_path / "out")
        first = len(asked)
        again = made(configured(url), tmp_path / "out")
        assert len(asked) == first and again == (card, rows, rejects)
    gates = {
        gate: {row["abstraction"] for row in rejects if row["gate"] == gate} for gate in {r["gate"] for r in rejects}
    }
    assert set(gates) == {"format", "length", "leak", "duplicate", "probe", "useless", "strategy"}
    assert gates["leak"] == {f"He will have exactly {row['answer']} cards." for row in PROBLEMS}
    assert gates["duplicate"] == {"A useful sign is the word 'more': the amount grows!"}
    assert gates["useless"] == {"Think of cards in any way that you like to."}
    probed = {row["reason"] for row in rejects if row["gate"] == "probe"}
    assert probed == {"2 of 16 answers without the problem are right"}
    assert {row["abstraction"] for row in rows} == {
        "A useful sign is the word 'more': the amount grows.",
        "A useful picture: lay both heaps together.",
    }
    assert len(rows) == 2 * len(PROBLEMS)
    assert all(rf"\boxed{{{row['answer']}}}" in row["solution"] and row["chance"] < 0.1 for row in rows)
    assert "12 wordings, 8 strategies" in card and "| contrast | 12 |" in card and "stub" in card
    spent = sum(json.loads(line)["in"] for line in (tmp_path / "out" / "calls.jsonl").read_text().splitlines())
    assert spent == 10 * first and "cost 0.00" in card


def test_the_warm_start_reads_every_abstraction_of_a_problem(configured, tmp_path):
    with stub() as (url, _):
        made(configured(url), tmp_path / "out")
    path = configured("x", "warm")
    run = load_config(path, [f"problems.path={tmp_path / 'out' / 'sft.jsonl'}"])
    problems = load_problems(run.problems, "train")
    assert len(problems) == len(PROBLEMS)
    prompts = Prompts(chat_tokenizer("chatml"))
    shares = MixtureConfig(plain=1, propose=1, guided=1, critique=1)
    data, rng = Demonstrations(problems, None, prompts, shares), random.Random(0)
    drawn = [data.draw(rng) for _ in range(200)]
    texts = {prompts.decode(list(row.completion)) for task, row in drawn if task == "propose"}
    assert len(texts) == 2 and {task for task, _ in drawn} == {"plain", "propose", "guided", "critique"}


@pytest.mark.process
def test_a_killed_run_goes_on_without_asking_again(configured, tmp_path):
    with stub(delay=0.02) as (url, asked):
        _, rows, rejects = made(configured(url), tmp_path / "whole")
        whole = len(asked)
        line = [sys.executable, "-m", "trainers.distill", str(configured(url, "killed"))]
        calls = tmp_path / "runs" / "killed" / "distill" / "calls.jsonl"
        killed = subprocess.Popen(line, stdout=subprocess.DEVNULL, start_new_session=True)
        while not calls.exists() or calls.read_bytes().count(b"\n") < 12:
            assert killed.poll() is None
            time.sleep(0.01)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        before = calls.read_bytes()
        calls.write_bytes(before + b'{"key": "half')  # what a death in the middle of writing leaves
        asked.clear()
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        keys = [json.loads(row)["key"] for row in calls.read_text().splitlines()]
        assert len(asked) == whole - before.count(b"\n") > 0 and len(set(keys)) == len(keys)
    folder = calls.parent
    assert [json.loads(row) for row in (folder / "sft.jsonl").read_text().splitlines()] == rows
    assert [json.loads(row) for row in (folder / "rejects.jsonl").read_text().splitlines()] == rejects


def test_requests_keep_their_pace_and_their_number(configured):
    run = load_config(configured("http://127.0.0.1:9/v1"), ["distill.solver.per_minute=1200"])

    async def begun():
        model, times = HttpModel(run.distill.solver), []
        for _ in range(4):
            await model._take_turn()
            times.append(time.monotonic())
        await model.close()
        return times

    times = asyncio.run(begun())
    assert times[-1] - times[0] >= 3 * 60 / 1200 - 0.01


def test_a_server_that_is_not_there_ends_the_run_in_one_sentence(configured, tmp_path, monkeypatch):
    import trainers.distill.__main__ as command

    monkeypatch.setattr(command, "HttpModel", lambda config: HttpModel(config, attempts=1))
    with pytest.raises(ModelDown, match=r"The model at http://127.0.0.1:9/v1 did not answer"):
        made(configured("http://127.0.0.1:9/v1"), tmp_path / "out")


def test_a_refusal_is_told_in_the_servers_own_words(configured):
    with chat_server(lambda *_: (400, {"error": {"message": "The prompt is too long."}})) as url:
        model = HttpModel(load_config(configured(url)).distill.solver)
        with pytest.raises(ModelDown, match=r"did not answer: 400, The prompt is too long\.$"):
            asyncio.run(model.complete({"n": 1, "seed": 0, "messages": []}))


def test_the_base_model_itself_writes_and_solves(configured, tmp_path):
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer, folder = chat_tokenizer("chatml"), tmp_path / "model"
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), num_key_value_heads=2, **sizes, **ends))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    small = [f"distill.{role}.{key}" for role in ("teacher", "solver") for key in ("url=null", "max_tokens=6")]
    more = [
        "distill.traces=2",
        "distill.guided=2",
        "distill.candidates=2",
        "distill.least_chars=0",
        f"base.path={folder}",
    ]
    run = load_config(configured("x"), [*small, *more])
    (tmp_path / "out").mkdir()
    card = asyncio.run(distil(run, tmp_path / "out", load_problems(run.problems, "train")[:2]))
    assert f"Teacher: {folder}. Solver: {folder}." in card
    calls = [json.loads(line) for line in (tmp_path / "out" / "calls.jsonl").read_text().splitlines()]
    assert len(calls) >= 2 * 3 and all(len(call["texts"]) == 2 and 2 <= call["out"] <= 12 for call in calls[:2])


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
