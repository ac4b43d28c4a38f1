"""Two ranks, two ZeRO-3 engines, two real vLLM engines: parity, stale weights, a killed engine, nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import psutil
import pytest
import torch
from adapted import adapted
from forked_engines import PLACE, forked_engines, sessions, start_server
from two_ranks import LIMIT, ROOT, SMALL, environment
from vllm_here import ENGINE, MARK, TOKENIZER, gap, marked, model_of, needs_vllm, none_left, prompts_of

from rlad.config import LoraConfig, load_config, save_config
from rlad.generation import SamplerFailed, Sampling, stop_ids
from rlad.generation.vllm.link import SCRATCH
from rlad.generation.vllm.replicas import lead_servers
from rlad.players.policy import Policy, build_model, load_tokenizer
from rlad.players.prompts import Prompts

pytestmark = needs_vllm
VLLM = ["engine.kind=vllm", "engine.kv_cache_gb=0.1", "engine.max_batch=64", "engine.threads=1"]
FAST = ["base.hidden_size=64", "abstraction.lr=0.01", "solution.lr=0.01", "cotrain.validate_every=2"]
FAST += ["cotrain.parity_every=1", "problems.validation=4", "instruments.every=0"]


@pytest.fixture(scope="module", autouse=True)
def room(ranks):
    """The ranks are there before anything is marked, and leave after these tests: engines want their memory."""
    start_server()
    ranks.start()
    yield
    ranks.end()


@pytest.fixture
def mark(monkeypatch):
    """A mark in the environment of everything that a test starts."""
    monkeypatch.setenv(MARK, uuid.uuid4().hex)
    return os.environ[MARK]


@pytest.fixture
def scratch(monkeypatch):
    """Where the folders of a test's own engines go, in shared memory."""
    with tempfile.TemporaryDirectory(prefix="rlad-test-", dir="/dev/shm") as folder:
        monkeypatch.setenv(SCRATCH, folder)
        yield Path(folder)


def run_folder(tmp_path, name, *overrides):
    folder = tmp_path / name
    folder.mkdir()
    config = load_config(None, [f"runs_dir={tmp_path}", f"name={name}", *SMALL, *VLLM, *FAST, *overrides])
    save_config(config, folder / "config.yaml")
    tokenizer = load_tokenizer(config.base, config.problems)
    for part in (build_model(config.base, tokenizer), tokenizer):  # a base that learned nothing
        part.save_pretrained(folder / "base")
    return folder


def forks(mark):
    """What the ranks' environment lacks: the mark, and where their engines are forked."""
    return f"{MARK}={mark}", f"{PLACE}={os.environ[PLACE]}"


def metrics(folder):
    file = folder / "metrics.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def check_until_the_lie(folder, output, engines, mark, honest):
    """Parity in every honest step; then the run was stopped by the name of the tensor that was not sent."""
    stale = re.search(
        r"STALE The sampler of the \w+ player does not hold the trainer's weights: '(.*)' of \d+ differ", output
    )
    assert stale is not None and "layers.1.self_attn.v_proj" in stale[1]
    rows = metrics(folder)
    assert [row["step"] for row in rows] == list(range(1, honest + 1))
    assert all(row["parity"] <= 1e-3 for row in rows)
    assert all(row[role]["updated"] == 1 for row in rows for role in ("abstraction", "solution"))
    assert rows[1]["validation"]["coverage"] is not None
    assert sorted(file.name for file in (folder / "logs").glob("engine_*")) == [f"engine_{e}_0.log" for e in engines]
    assert none_left(mark)


@pytest.mark.ranks
def test_one_engine_with_two_adapters_samples_beside_updates_in_parity_until_a_publish_lies(tmp_path, ranks, mark):
    """Steps 2 and 4 learn from trees that grew beside the update before; none grow over the checkpoint of step 2."""
    words = ["cotrain.steps=7", "cotrain.checkpoint_every=2", "engine.placement=lora", "lora.rank=4"]
    words += ["launch.overlap=1", "abstraction.mismatch.kind=truncated", "solution.old_logprobs=sampler"]
    folder = run_folder(tmp_path, "honest", *words)
    output = ranks.run("vllm_program.py", str(folder), *forks(mark))
    assert "ENDED" not in output
    check_until_the_lie(folder, output, ["players"], mark, 4)
    rows = metrics(folder)
    for role in ("abstraction", "solution"):
        assert [row[role]["staleness"] for row in rows] == [0, 1, 0, 1]
        # Weights of the same version differ by rounding; those of an update before, by what the update moved.
        gaps = [row[role]["mismatch"] for row in rows]
        assert max(gaps[0], gaps[2]) < 1e-4 and min(gaps[1], gaps[3]) > 10 * max(gaps[0], gaps[2])
    for row in rows:
        grew = row["step"] in (1, 3)  # for the next step
        assert ("overlapped" in row) == ("wait" in row["seconds"]) == grew
        assert ("solve" in row["seconds"]) == grew  # of its own trees, where they did not grow before
        assert sum(s for name, s in row["seconds"].items() if name != "total") <= row["seconds"]["total"] + 0.01
    assert {"propose", "solve", "judge", "total", "hidden"} == set(rows[0]["overlapped"])


def is_engine(process):
    with suppress(psutil.NoSuchProcess):
        return "rlad.generation.vllm.desk" in process.cmdline()
    return False


def train(folder):
    command = [sys.executable, "-m", "trainers.launching", "train", str(folder)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=ROOT, env=environment(), text=True, start_new_session=True, **streams)


@pytest.mark.ranks
def test_a_killed_engine_ends_the_run_clearly_and_it_resumes_in_parity_until_a_publish_lies(
    tmp_path, ranks, mark, scratch
):
    """With rollouts beside updates; it goes on from a checkpoint, behind which the newest weights sample first."""
    words = ["cotrain.steps=8", "cotrain.checkpoint_every=2", "launch.overlap=1", "engine.placement=shared"]
    words += [f"{role}.mismatch.kind=truncated" for role in ("abstraction", "solution")]
    folder = run_folder(tmp_path, "killed", *words)
    process = train(folder)
    deadline = time.monotonic() + LIMIT
    engines = []
    while len(metrics(folder)) < 3:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0][-5000:]
        if len(engines) < 2:  # looked for beforehand: a look at all processes takes as long as a few steps
            engines = [one for one in marked(mark) if is_engine(one)]
        time.sleep(0.05)
    assert len(engines) == 2
    engines[0].send_signal(signal.SIGKILL)
    output = process.communicate(timeout=LIMIT)[0]
    assert process.returncode not in (0, None)
    assert re.search(r"SamplerFailed: The vLLM engine of the \w+ player ended", output), output[-3000:]
    assert none_left(mark) and list(scratch.iterdir()) == []
    assert len(metrics(folder)) < 5, "the kill came too late to show anything"
    output = ranks.run("vllm_program.py", str(folder), *forks(mark))
    assert "ENDED" in output and (folder / "export" / "solution" / "model.safetensors").is_file()
    check_until_the_lie(folder, output, ["abstraction", "solution"], mark, 5)
    for role in ("abstraction", "solution"):
        assert [row[role]["staleness"] for row in metrics(folder)] == [0, 1, 0, 1, 0]


def test_servers_in_two_replicas_sample_and_take_new_weights(tmp_path, mark):
    model, new = model_of(1), model_of(2)
    policy = Policy("solution", model, Prompts(TOKENIZER), tmp_path)
    config = load_config(None, [*VLLM, "engine.placement=server", "engine.replicas=2"]).engine
    stops = stop_ids(model, TOKENIZER)
    with forked_engines():
        sampler = lead_servers(config, policy, stops, torch.device("cpu"), tmp_path, True, lambda value: value)
    other = lead_servers(  # a rank that does not lead
        config, policy, stops, torch.device("cpu"), tmp_path, False, lambda _: sampler.replicas.urls
    )
    prompts = prompts_of([3, 9, 5, 40]) * 4
    try:
        completions = sampler.generate(prompts, Sampling(0.7, 8, seed=3))
        assert gap(model, prompts, completions, 0.7) <= 1e-3
        assert len({c.token_ids for c in completions[::4]}) > 1  # copies of a prompt have seeds of their own
        other.load_weights(iter(()), 1)
        sampler.load_weights(new.named_parameters(), 1)
        for rank in (sampler, other):
            completions = rank.generate(prompts, Sampling(1.0, 8, seed=3))
            assert gap(new, prompts, completions) <= 1e-3 and {c.version for c in completions} == {1}
            heard = SimpleQueue()
            with closing(rank.stream(lambda *one, heard=heard: heard.put(one))) as stream:  # one by one
                stream.send(range(len(prompts)), prompts, Sampling(1.0, 8, seed=3))
                found = dict(heard.get(timeout=120) for _ in prompts)
            assert [found[i].token_ids for i in range(len(prompts))] == [c.token_ids for c in completions]
            scores = rank.score(prompts, [c.token_ids for c in completions])
            assert scores == pytest.approx([c.model_logprob for c in completions], abs=1e-3)
        running = replace(config, solution_urls=sampler.replicas.urls)  # servers that hold nobody knows what
        policy.model = adapted(model, LoraConfig(rank=4))
        late = lead_servers(running, policy, stops, torch.device("cpu"), tmp_path, True, lambda value: value)
        assert gap(policy.model, prompts, late.generate(prompts, Sampling(1.0, 8, seed=3))) <= 1e-3
        sampler.version = 2  # a rank that thinks of other weights is told, not served
        sampler.config.timeout = 1
        with pytest.raises(SamplerFailed, match="did not get weights of version 2 within 1 seconds"):
            sampler.generate(prompts, Sampling())
        sampler.version, sampler.config.timeout = 0, ENGINE.timeout
        os.killpg(min(sessions(mark)), signal.SIGKILL)  # one of the servers, with its engine
        with pytest.raises(SamplerFailed, match="cannot be reached|did not answer a prompt"):
            sampler.generate(prompts, Sampling(1.0, 8))
    finally:
        sampler.close()
    assert none_left(mark)
