"""Abstraction data from a stub teacher: every gate, the rows, the accounts, and a run that is killed in the middle."""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from chat_server import let_it_finish
from chat_tokenizers import chat_tokenizer
from stub_teacher import PROBLEMS, made, stub
from stub_teacher import role_of as asked_of

from rlad.config import MixtureConfig, load_config
from rlad.players.prompts import Prompts
from rlad.players.roles import role_of
from rlad.problems import load_problems
from rlad.problems.files import read_demonstrations
from trainers.data.demonstrations import Demonstrations
from trainers.distill.__main__ import distil

TASKS = (
    "plain", "propose", "propose_set", "guided", "one_pass", "critique", "refine", "select", "compare", "compare_all",
)  # fmt: skip


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
    guided = [row for row in rows if "abstraction" in row]
    assert {row["abstraction"] for row in guided} == {
        "A useful sign is the word 'more': the amount grows.",
        "A useful picture: lay both heaps together.",
    }
    assert len(guided) == 2 * len(PROBLEMS)
    assert all(rf"\boxed{{{row['answer']}}}" in row["solution"] and row["chance"] < 0.1 for row in guided)
    assert "12 wordings, 8 strategies" in card and "| contrast | 12 |" in card and "stub" in card


def test_the_accounts_count_every_call_of_the_file_once(configured, tmp_path):
    """Of each of 4 problems: 4 kinds of 3 candidates; traces, 5 probes and 4 times guided, 16 samples in 3 requests of
    10 prompt tokens, since the server gives 7 at a time; 5 tokens a sample. The same notes are grouped once for all."""
    accounts = [
        "- **teacher**: 17 calls, 170 prompt tokens, 245 generated tokens, cost 0.0660",
        "- **solver**: 40 calls, 1200 prompt tokens, 3200 generated tokens, cost 0.7600",
    ]
    with stub(most=7) as (url, asked):
        card, *_ = made(configured(url), tmp_path / "out")
        first = len(asked)
        fewer, *_ = made(configured(url), tmp_path / "out", "distill.kinds=[hindsight]")
        assert len(asked) == first
    for one in (card, fewer):
        assert [line for line in one.splitlines() if ", cost " in line] == accounts


def test_a_server_that_is_told_less_of_the_sampling_is_asked_again(configured, tmp_path):
    with stub() as (url, asked):
        before = len(asked)

        def further(*words):
            nonlocal before
            made(configured(url), tmp_path / "out", *words)
            found, before = asked[before:], len(asked)
            return {asked_of(body["messages"][0]["content"]) for body in found}

        solver = "distill.solver.limit_field=max_completion_tokens"  # the same limit
        assert further() == {"teacher", "solver"} and further(solver) == set()
        assert further("distill.teacher.drop=[seed]") == {"teacher"}
        assert further("distill.teacher.drop=[temperature,seed]") == {"teacher"}
        assert further("distill.teacher.drop=[seed,temperature]") == set() == further()


def test_the_warm_start_finds_every_task(configured, tmp_path):
    with stub() as (url, _):
        card, rows, _ = made(configured(url), tmp_path / "out")
    assert f"| task | {' | '.join(TASKS)} |\n|---|---|---|---|---|---|---|---|---|---|---|\n" in card
    assert "\n| rows | 12 | 8 | 4 | 8 | 8 | 12 | 8 | 4 | 4 | 4 |\n" in card and f"{len(rows)} rows" in card
    assert "4 conclude that the attempt is right, 8 that it is wrong" in card
    run = load_config(configured("x", "warm"), ["problems.fields.question=other"])
    problems = read_demonstrations(run.problems, str(tmp_path / "out" / "sft.jsonl"))  # its own columns, not the run's
    assert len(problems) == len(PROBLEMS)
    prompts = Prompts(chat_tokenizer("chatml"))
    roles = [role_of(name) for name in ("abstraction", "solution", "selector")]
    shares, rng = MixtureConfig(**dict.fromkeys(TASKS, 1.0)), random.Random(0)
    data = Demonstrations(problems, None, prompts, shares, roles)
    seen = {task: set() for task in TASKS}
    for _ in range(400):
        task, row = data.draw(rng)
        prompt, text = prompts.decode(list(row.prompt)), prompts.decode(list(row.completion)).strip()
        seen[task].add(text)
        if task in ("select", "compare", "compare_all"):
            gold = sum(map(int, re.findall(r"Tom has (\d+) cards and gets (\d+)", prompt)[0]))
            shown = re.findall(r"(?s)(\d)\.\s(?:<solution>\s)?(.*?\d+)", prompt.partition("given")[2])
            assert [number for number, one in shown if str(gold) in one] == [text]
        elif task == "critique":
            a, b, attempt = map(int, re.findall(r"(?s)has (\d+) cards and gets (\d+) .*boxed\{(\d+)", prompt)[0])
            assert text.endswith("right") == (attempt == a + b)
    assert seen["propose_set"] == {f"{a}\n{b}" for a in seen["propose"] for b in seen["propose"] - {a}}
    assert all(seen[task] == {"1", "2"} for task in ("select", "compare", "compare_all"))
    assert {text.rpartition(" ")[2] for text in seen["critique"]} == {"right", "wrong"}


@pytest.mark.process
def test_a_killed_run_goes_on_without_asking_again(configured, tmp_path):
    with stub(delay=0.02) as (url, asked):
        _, rows, rejects = made(configured(url), tmp_path / "whole")
        whole, asked.free = len(asked), 16  # the next one gets so many answers, and cannot end before it is killed
        asked.clear()
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
        asked.go.set()
        let_it_finish(url)  # what was on its way when it died is none of what the next one asks
        asked.clear()
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        keys = [json.loads(row)["key"] for row in calls.read_text().splitlines()]
        assert len(asked) == whole - before.count(b"\n") > 0 and len(set(keys)) == len(keys)
    folder = calls.parent
    assert [json.loads(row) for row in (folder / "sft.jsonl").read_text().splitlines()] == rows
    assert [json.loads(row) for row in (folder / "rejects.jsonl").read_text().splitlines()] == rejects


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
