"""The command: what it refuses, and a real one over a tiny pair, from the first request to SIGTERM."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import httpx
import pytest
from served_run import make_run

from rlad.generation.base import SamplerFailed
from rlad.serving.servers import log_folder, require_cpu_heads

ROOT = Path(__file__).parents[2]
KEY = "a-key-for-the-real-thing"
QUESTION = "3 , 5 > 14 ; 4 , 1 > ?"
LIMIT = 120
"""Seconds for a real process to start or to end; a test waits no longer, and normally much less."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


def start(run, *words, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "rlad.serving", str(run), *words],
        cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


class Served:
    """A running server; collects its log."""

    def __init__(self, process):
        self.process, self.lines = process, []
        line = process.stdout.readline()
        match = re.search(r"http://\S+:\d+", line)
        assert match, process.stderr.read()
        self.url = match[0]
        self.reader = threading.Thread(target=lambda: self.lines.extend(process.stderr))
        self.reader.start()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(LIMIT)
        self.reader.join(LIMIT)
        return code

    def log(self):
        return [json.loads(line) for line in self.lines if line.startswith("{")]


@pytest.fixture(scope="module")
def served(run):
    """One server for the tests below; the last one ends it."""
    process = start(run, "--engine", "transformers", "--port", "0", RLAD_API_KEYS=KEY)
    try:
        yield Served(process)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "following arguments are required: run; try"),
        (["nowhere"], "no run folder or configuration file 'nowhere'"),
        (["RUN", "--engine", "vlm"], "nearest is 'vllm'"),
        (["RUN", "--abstraction", "http://gpu1:8000"], "its partner is not"),
        (["RUN", "--abstraction", "gpu1", "--solution", "gpu2"], "is not a URL"),
        (["RUN", "--engine", "transformers", "--host", "0.0.0.0"], "needs API keys"),
        (["RUN", "serving.api_keys_file=none.txt"], "cannot be read"),
        (["RUN", "serving.max_total_tokens=11"], "less than one text may take, solution.max_new_tokens=12"),
    ],
)
@pytest.mark.process
def test_refused_in_one_sentence(run, words, sentence):
    words = [str(run) if word == "RUN" else word for word in words]
    process = subprocess.run(
        [sys.executable, "-m", "rlad.serving", *words], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT
    )
    assert process.returncode == 2 and process.stdout == ""
    assert sentence in process.stderr and process.stderr.count("\n") == 1


def test_a_run_that_can_only_be_read_is_served_too(tmp_path, monkeypatch):
    """The engines' logs go elsewhere then."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "run").mkdir()
    assert log_folder(tmp_path / "run") == tmp_path / "run" / "logs"
    (tmp_path / "run" / "logs").rmdir()
    (tmp_path / "run" / "logs").touch()  # root may write anywhere, but not into this
    elsewhere = log_folder(tmp_path / "run")
    assert elsewhere.is_dir() and elsewhere.parent == tmp_path


def test_a_model_that_vllm_would_die_of_is_refused(run, tmp_path):
    require_cpu_heads(run / "export" / "solution")
    described = json.loads((run / "export" / "solution" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(described | {"head_dim": 8}))
    with pytest.raises(SamplerFailed, match="heads of 8;.*--engine transformers"):
        require_cpu_heads(tmp_path)


@pytest.mark.slow
@pytest.mark.process
def test_the_real_thing_with_openais_client(served):
    """OpenAI's own client, unchanged: whole and streamed, pair and players, usage and errors."""
    import openai  # takes longer than most files of tests

    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key=KEY, max_retries=0, timeout=LIMIT)
    assert [model.id for model in client.models.list()] == ["rlad", "rlad-abstraction", "rlad-solution"]
    messages = [{"role": "user", "content": QUESTION}]
    options = {"rlad": {"abstractions": 3, "solutions": 2, "select": "weighted_majority", "max_total_tokens": 200}}

    whole = client.chat.completions.create(model="rlad", messages=messages, n=2, seed=1, extra_body=options)
    assert [choice.finish_reason in ("stop", "length") for choice in whole.choices] == [True, True]
    assert whole.usage.completion_tokens <= 400
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    assert whole.rlad[0]["stopped"] in ("complete", "decided", "budget")

    for model in ("rlad", "rlad-solution", "rlad-abstraction"):
        chunks = list(
            client.chat.completions.create(
                model=model, messages=messages, stream=True, stream_options={"include_usage": True}
            )
        )
        assert chunks[0].choices[0].delta.role == "assistant" and chunks[-1].usage.completion_tokens > 0
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] in ("stop", "length")
        completion = client.completions.create(model=model, prompt=QUESTION, max_tokens=5)
        assert completion.object == "text_completion" and completion.usage.completion_tokens > 0
        text = "".join(
            c.choices[0].text for c in client.completions.create(model=model, prompt=QUESTION, stream=True) if c.choices
        )
        assert isinstance(text, str)

    with pytest.raises(openai.NotFoundError, match="There is no model 'gpt'"):
        client.chat.completions.create(model="gpt", messages=messages)
    with pytest.raises(openai.BadRequestError, match="top_p"):
        client.chat.completions.create(model="rlad", messages=messages, top_p=0.5)
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{served.url}/v1", api_key="wrong", max_retries=0).models.list()


@pytest.mark.slow
@pytest.mark.process
def test_sigterm_lets_what_runs_finish_and_ends_with_0(served):
    """A stream that has begun comes to its end; the process leaves no error behind."""
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"problem": QUESTION, "stream": True, "abstractions": 16, "solutions": 8, "early_stop": False}
    with (
        httpx.Client(base_url=served.url, headers=headers, timeout=LIMIT) as client,
        client.stream("POST", "/v1/solve", json=body) as reply,
    ):
        lines = reply.iter_lines()
        assert json.loads(next(lines).removeprefix("data: "))["type"] == "start"
        served.process.send_signal(signal.SIGTERM)
        rest = [line for line in lines if line.startswith("data: ")]
    assert rest[-1] == "data: [DONE]" and json.loads(rest[-2].removeprefix("data: "))["type"] == "done"
    assert served.process.wait(LIMIT) == 0
    served.reader.join(LIMIT)
    events = served.log()
    assert "draining" in [entry["event"] for entry in events]
    assert not [entry for entry in events if entry["level"] in ("error", "critical") or "exception" in entry]
    assert KEY not in "".join(served.lines) and QUESTION not in "".join(served.lines)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/healthz")
