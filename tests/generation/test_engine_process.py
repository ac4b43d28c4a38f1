"""An engine process and its ranks, with a core that makes tokens up: who is served, what is waited for, what fails."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import psutil
import pytest
import torch

from rlad.config import EngineConfig, LoraConfig
from rlad.generation import SamplerFailed, Sampling
from rlad.generation.checksums import checksums
from rlad.generation.vllm.link import EngineProcess, Link, private_folder
from rlad.generation.vllm.sampler import VllmSampler
from rlad.generation.vllm.transfer import FolderTransfer

pytestmark = pytest.mark.process
ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "tests" / "helpers"
WEIGHTS = [("w", torch.ones(3))]
ADAPTER = [("q.lora_A.default.weight", torch.ones(2, 3)), ("q.lora_B.default.weight", torch.ones(3, 2))]


class Made:
    """A fake engine process and engines over it."""

    def __init__(self, log, behaviour, timeout=30, start=60):
        env = os.environ | {"FAKE_CORE": behaviour, "PYTHONPATH": str(HELPERS)}
        self.config = EngineConfig(kind="vllm", timeout=timeout, start_timeout=start)
        self.folder = private_folder()
        self.process = EngineProcess({}, self.folder, log, env, "fake_desk")
        link = Link("solution player", self.process.address, start, self.process)
        self.owner = VllmSampler(link, self.config, [1], 64, None, FolderTransfer(link, self.folder, timeout))

    def sharer(self, adapter=None):
        link = Link("solution player", self.process.address, 60)
        return VllmSampler(link, self.config, [1], 64, None, adapter=adapter)

    def players(self):
        """Two players beside each other in the one engine."""
        transfer = FolderTransfer(self.owner.link, self.folder, self.config.timeout, "abstraction", LoraConfig(rank=2))
        one = VllmSampler(self.owner.link, self.config, [1], 64, None, transfer, "abstraction")
        return one, one.beside("solution")


@pytest.fixture
def make(tmp_path):
    made = []

    def one(behaviour="", **limits):
        made.append(Made(tmp_path / "engine.log", behaviour, **limits))
        return made[-1]

    yield one
    for each in made:
        each.owner.close()
        assert not each.folder.exists()


def tokens(completions):
    return [completion.token_ids for completion in completions]


def test_two_ranks_are_decoded_together_and_each_gets_its_own(make):
    made = make("slow")
    other, results = made.sharer(), {}
    ask = threading.Thread(target=lambda: results.update(other=other.generate([[50]], Sampling(max_new_tokens=8))))
    ask.start()
    results["own"] = made.owner.generate([[3], [3, 9], [20]], Sampling(max_new_tokens=8))
    ask.join()
    assert tokens(results["own"]) == [tuple(range(n, n + 8)) for n in (4, 10, 21)]
    assert tokens(results["other"]) == [tuple(range(51, 59))]
    assert made.owner.stats()["largest"] == 4
    assert {c.version for c in results["own"]} == {0} and results["own"][0].finish_reason == "length"
    assert made.owner.generate([], Sampling()) == []
    other.close()
    assert tokens(made.owner.generate([[7]], Sampling(max_new_tokens=1))) == [(8,)]  # who leaves takes nothing along


def test_a_sharing_rank_waits_for_the_weights_it_was_promised(make):
    made = make()
    other, results = made.sharer(), []
    other.load_weights(iter(WEIGHTS), 1)  # takes part in gathering, sends nothing
    ask = threading.Thread(target=lambda: results.extend(other.generate([[5]], Sampling(max_new_tokens=2))))
    ask.start()
    assert tokens(made.owner.generate([[5]], Sampling(max_new_tokens=2))) == [(6, 7)]  # version 0 still
    assert not results
    made.owner.load_weights(WEIGHTS, 1)
    assert made.owner.differing(checksums(WEIGHTS)) == []
    assert made.owner.differing(checksums([("w", torch.zeros(3))]) | {"x": 1}) == ["w", "x"]
    assert other.differing({"x": 1}) == []  # its owner asks
    ask.join(30)
    assert [c.version for c in results] == [1]
    assert list(made.folder.glob("weights-*")) == []
    late = made.sharer()
    with pytest.raises(SamplerFailed, match="version 0 were asked for, it has 1"):
        late.generate([[5]], Sampling(max_new_tokens=2))


def test_players_in_one_engine_have_versions_of_their_own(make):
    made = make("slow")
    one, other = made.players()
    assert one.adapters and other.adapters and not made.owner.adapters
    one.load_weights(ADAPTER, 1)
    assert [c.version for c in one.generate([[3]], Sampling(max_new_tokens=1))] == [1]
    assert [c.version for c in other.generate([[3]], Sampling(max_new_tokens=1))] == [0]
    rank, results = made.sharer("solution"), []
    rank.load_weights(iter(ADAPTER), 1)
    ask = threading.Thread(target=lambda: results.extend(rank.generate([[5]], Sampling(max_new_tokens=2))))
    ask.start()
    one.load_weights(ADAPTER, 2)  # another player's news is not what that rank waits for
    one.generate([[3]], Sampling(max_new_tokens=2))
    assert not results
    other.load_weights(ADAPTER, 1)
    assert other.differing(checksums(ADAPTER)) == []
    moved = [ADAPTER[0], (ADAPTER[1][0], torch.zeros(3, 2))]
    assert other.differing(checksums(moved)) == ["base_model.model.q.lora_B.weight"]
    ask.join(30)
    assert [c.version for c in results] == [1]
    assert list(made.folder.glob("*-[0-9]")) == []
    rank.close()


def test_a_player_is_told_whose_completions_were_refused(make):
    _, other = make("stale").players()
    with pytest.raises(
        SamplerFailed, match="1 of 1 completions with weights of version -1, not 0 of the solution adapter"
    ):
        other.generate([[1]], Sampling(max_new_tokens=1))
    with pytest.raises(SamplerFailed, match="refused 'generate': ValueError: there is no adapter 'nobody'"):
        other.beside("nobody").generate([[1]], Sampling(max_new_tokens=1))


def test_signs_of_life_carry_a_rollout_over_the_limit(make):
    sampler = make("slow", timeout=3).owner
    assert len(sampler.generate([[1]], Sampling(max_new_tokens=20))[0].token_ids) == 20  # six seconds


def test_completions_of_other_weights_are_refused(make):
    with pytest.raises(SamplerFailed, match="2 of 2 completions with weights of version -1, not 0"):
        make("stale").owner.generate([[1], [2]], Sampling(max_new_tokens=2))


def test_a_bad_prompt_is_refused_and_the_engine_goes_on(make):
    sampler = make().owner
    with pytest.raises(ValueError, match="empty prompt"):
        sampler.generate([[]], Sampling())
    with pytest.raises(ValueError, match="64 tokens leaves no room"):
        sampler.generate([[1] * 64], Sampling())
    with pytest.raises(SamplerFailed, match="refused 'generate': ValueError: too many tokens"):
        sampler.generate([[1], [2]], Sampling(max_new_tokens=2000))
    with pytest.raises(SamplerFailed, match="refused 'load_folder': ValueError: the published weights do not fit"):
        sampler.load_weights([], 1)
    assert sampler.version == 0
    assert tokens(sampler.generate([[7]], Sampling(max_new_tokens=1))) == [(8,)]


class Heard:
    """What a stream tells, in the order of its telling."""

    def __init__(self, sampler):
        self.queue = SimpleQueue()
        self.stream = sampler.stream(lambda key, completion: self.queue.put((key, completion)))

    def next(self):
        key, completion = self.queue.get(timeout=60)
        if key is None:
            raise completion
        return key, completion.token_ids


def idle(sampler):
    deadline = time.monotonic() + 60
    while sampler.stats()["running"] and time.monotonic() < deadline:
        time.sleep(0.02)
    return not sampler.stats()["running"]


def test_a_stream_answers_what_has_ended_and_takes_more_meanwhile(make):
    sampler = make("slow").owner
    heard = Heard(sampler)
    heard.stream.send(["long", "short"], [[10], [20]], Sampling(max_new_tokens=40))
    heard.stream.send([], [], Sampling())
    heard.stream.send(["first"], [[30]], Sampling(max_new_tokens=2))
    assert heard.next() == ("first", (31, 32))
    heard.stream.send(["later"], [[40]], Sampling(max_new_tokens=1))
    assert heard.next() == ("later", (41,))
    assert sampler.generate([[50]], Sampling(max_new_tokens=1))[0].token_ids == (51,)  # as do other callers
    heard.stream.close()
    assert idle(sampler) and sampler.stats()["aborted"] == 2
    assert sampler.generate([[7]], Sampling(max_new_tokens=1))[0].token_ids == (8,)
    heard.stream.close()  # twice does nothing


def test_a_rank_that_leaves_takes_its_requests_along(make):
    made = make("slow")
    other = made.sharer()
    other.link.say({"do": "generate", **other.call([[5]] * 3, Sampling(max_new_tokens=900))})
    made.owner.generate([[7]], Sampling(max_new_tokens=1))
    other.close()
    assert idle(made.owner) and made.owner.stats()["aborted"] == 3


@pytest.mark.parametrize(
    ("behaviour", "length", "words"),
    [
        ("hang", 2, "solution player gave no sign of life for 2 seconds during 'generate'"),
        ("stale", 2, "1 of 1 completions with weights of version -1, not 0"),
        ("", 2000, "refused 'generate': ValueError: too many tokens"),
    ],
)
def test_a_stream_tells_an_error(make, behaviour, length, words):
    heard = Heard(make(behaviour, timeout=2).owner)
    heard.stream.send(["a", "b"], [[1], [2]], Sampling(max_new_tokens=length))
    with pytest.raises(SamplerFailed, match=words):
        heard.next()
    heard.stream.close()
    assert heard.queue.empty()


def test_a_stream_that_owes_nothing_may_be_silent_and_signs_of_life_carry_one_that_does(make):
    made = make("slow", timeout=4)  # four times what an engine that works is silent for at most
    heard = Heard(made.owner)
    time.sleep(4.5)
    heard.stream.send(["a"], [[1]], Sampling(max_new_tokens=18))
    assert len(heard.next()[1]) == 18  # six seconds
    heard.stream.send(["b"], [[1]], Sampling(max_new_tokens=900))
    threading.Timer(0.5, lambda: made.process.process.send_signal(signal.SIGKILL)).start()
    with pytest.raises(SamplerFailed, match=r"solution player ended \(exit code -9\)"):
        heard.next()
    heard.stream.close()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("hang", "solution player gave no sign of life for 2 seconds during 'generate'"),
        ("never", "not ready within 2 seconds"),
        ("dies", r"(?s)ended \(exit code 3\); its log is .*engine.log.*no kernel image"),
    ],
)
def test_an_engine_that_hangs_or_ends_is_an_error_within_the_limit(make, behaviour, words):
    made = make(behaviour, timeout=2, start=2 if behaviour == "never" else 60)
    with pytest.raises(SamplerFailed, match=words):
        made.owner.generate([[1]], Sampling(max_new_tokens=2))


def test_weights_that_do_not_arrive_are_an_error_within_the_limit(make):
    sampler = make("slow-load", timeout=2).owner
    with pytest.raises(SamplerFailed, match="no sign of life for 2 seconds during 'load_folder'"):
        sampler.load_weights(WEIGHTS, 1)


def test_an_engine_killed_in_the_middle_is_told(make):
    made = make("slow")
    made.owner.stats()
    threading.Timer(0.5, lambda: made.process.process.send_signal(signal.SIGKILL)).start()
    with pytest.raises(SamplerFailed, match=r"solution player ended \(exit code -9\)"):
        made.owner.generate([[1]], Sampling(max_new_tokens=50))


OWNER = """
import os, sys
from pathlib import Path
from rlad.generation.vllm.link import EngineProcess, Link, private_folder
folder = private_folder()
process = EngineProcess({}, folder, Path(sys.argv[1]), os.environ, "fake_desk")
Link("x", process.address, 60, process).call("stats", 60)
(folder / "weights-1").mkdir()
print(process.process.pid, folder, flush=True)
import time; time.sleep(3600)
"""


def test_an_engine_and_its_folder_go_with_a_killed_rank(tmp_path):
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{HELPERS}"}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "log")], env=env, stdout=subprocess.PIPE, text=True
    ) as owner:
        pid, folder = owner.stdout.readline().split()
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 120
    while (psutil.pid_exists(int(pid)) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(pid)) and not Path(folder).exists()
