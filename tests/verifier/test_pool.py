"""VerifierPool under all that can happen to it: stuck, greedy and dying workers, threads, forks, a killed parent."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rlad.verifier import Outcome, PoolError, VerifierPool, VerifyOptions

JUDGE = "misbehaving:judge"
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def judge_is_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


def alive(pid: int) -> bool:
    """Whether the process exists and is more than an unreaped entry in the process table."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def processor_seconds(pid: int) -> float:
    """What the process has used so far; 0 for one that is gone."""
    try:
        user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    except FileNotFoundError:
        return 0.0
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this should have happened by now"
        time.sleep(0.02)


def children() -> list[int]:
    return [int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def test_judges_in_order_and_counts():
    with VerifierPool(workers=2) as pool:
        verdicts = pool.verify_many([(str(i), rf"so it is \boxed{{{i + i % 2}}}") for i in range(200)])
        assert [v.correct for v in verdicts] == [i % 2 == 0 for i in range(200)]
        assert pool.verify(r"\boxed{}", "1").outcome is Outcome.unparseable_gold
        assert pool.verify_many([]) == []
        assert pool.counters | {"judged": 201, "correct": 100, "incorrect": 100, "unparseable_gold": 1} == pool.counters
        assert sum(pool.counters[name] for name in Outcome.__members__) == pool.counters["judged"]
        assert pool.counters["deaths"] == pool.counters["kills"] == pool.counters["errors"] == 0


def test_passes_options_on():
    with VerifierPool(workers=1, options=VerifyOptions(require_boxed=True)) as pool:
        assert not pool.verify("3", "the answer is 3").correct
        assert pool.verify("3", r"\boxed{3}").correct


@pytest.mark.parametrize("pair", [(None, "1"), ("1", None), (b"1", "1"), (1, 1), ("1", ["1"])])
def test_what_is_not_text_is_never_correct_and_never_raises(pair):
    with VerifierPool(workers=1, judge=JUDGE) as pool:
        verdicts = pool.verify_many([("a", "a"), pair, ("b", "b")])
    assert [v.correct for v in verdicts] == [True, False, True]
    assert pool.counters["judged"] == 3


def test_text_of_any_kind_and_size_survives_the_pipe():
    texts = ["", "\0", "\ud800", "😀", "\r\n", "x" * 3_000_000, "\u2028" * 300_000]
    with VerifierPool(workers=2, judge=JUDGE) as pool:
        for text, verdict in zip(texts, pool.verify_many((t, t) for t in texts), strict=True):
            assert (verdict.gold, verdict.pred) == (text, text)


def test_stuck_worker_is_killed_and_replaced_and_nothing_else_is_lost():
    """From a thread that is not the main one, with and without the GIL held: undecided once the limit is over.

    The limit lets a starved worker judge the innocent pairs in time. How late a busy machine lets the pool look is not
    the pool's: what the bounds exclude is a worker that ends by itself (the one by the CPU limit, the other never).
    """
    with VerifierPool(workers=2, time_limit_s=2.0, judge=JUDGE) as pool:
        pool.verify_many([("1", "1")] * 4)
        before, box = set(pool.pids), []
        pairs = [("a", "a"), ("a", "spin"), ("b", "b"), ("a", "hold_gil 8"), *[("c", "c")] * 20]

        def call():
            start = time.monotonic()
            box.append((pool.verify_many(pairs), time.monotonic() - start))

        thread = threading.Thread(target=call)
        thread.start()
        thread.join(60)
        verdicts, seconds = box[0]
        assert [v.correct for v in verdicts] == [True, False, True, False] + [True] * 20
        for v in (verdicts[1], verdicts[3]):
            assert (v.outcome, v.reason) == (Outcome.undecided, "time limit")
            assert 2_000 <= v.milliseconds < 20_000
        assert seconds < 60
        assert pool.counters["timeouts"] == pool.counters["kills"] == pool.counters["undecided"] == 2
        replaced = before - set(pool.pids)  # one worker, replaced twice, or both
        assert replaced and not any(alive(pid) for pid in replaced)
        assert pool.verify("d", "d").correct


def test_memory_limit_holds_and_the_next_pair_gets_a_fresh_worker():
    with VerifierPool(workers=1, memory_limit_mb=200, judge=JUDGE) as pool:
        assert pool.verify("a", "grow 100").outcome is Outcome.incorrect
        assert pool.verify("a", "grow 400").reason == "memory limit"
        assert pool.counters["memory_limits"] == 2  # the used worker was given the benefit of the doubt
        assert pool.verify("a", "grow 150").reason == ""
        assert pool.verify("a", "grow 150").reason == ""  # innocent: what the pair before had left made the difference
        assert pool.counters["timeouts"] == pool.counters["deaths"] == 0


def test_dying_worker_is_replaced_and_only_a_second_death_is_blamed_on_the_pair():
    with VerifierPool(workers=1, judge=JUDGE) as pool:
        verdicts = pool.verify_many([("a", "a"), ("a", "die"), ("b", "b"), ("c", "c")])
        assert [v.reason for v in verdicts] == ["", "worker died", "", ""]
        assert verdicts[1].outcome is Outcome.undecided
        assert (pool.counters["deaths"], pool.counters["judged"]) == (2, 4)
        assert pool.verify("d", "d").correct
        assert pool.verify("d", "die_if_used").outcome is Outcome.incorrect
        assert (pool.counters["deaths"], pool.counters["judged"]) == (3, 6)


def test_worker_killed_from_outside_while_idle():
    with VerifierPool(workers=2, judge=JUDGE) as pool:
        pool.verify_many([("1", "1")] * 4)
        victims = pool.pids
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not set(victims) & set(pool.pids))
        assert pool.verify("1", "1").correct


def test_error_in_the_verifier_is_reported_and_counted():
    with VerifierPool(workers=1, judge=JUDGE) as pool:
        verdict = pool.verify("a", "raise some fault")
        assert (verdict.outcome, verdict.reason) == (Outcome.undecided, "internal error: TypeError: some fault")
        assert pool.counters["errors"] == 1
        assert pool.counters["deaths"] == 0


def test_what_a_worker_prints_does_not_disturb_the_pipe():
    with VerifierPool(workers=1, judge=JUDGE) as pool:
        assert [v.reason for v in pool.verify_many([("a", "print"), ("a", "print")])] == ["", ""]


def test_worker_sees_no_rank_and_no_secret_and_imports_no_torch(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "SLURM_JOB_ID", "HF_TOKEN", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "1")
    with VerifierPool(workers=1, judge=JUDGE) as pool:
        environment = json.loads(pool.verify("", "environment").reason)
        assert not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "SLURM_JOB_ID", "HF_TOKEN", "CUDA_VISIBLE_DEVICES"} & set(
            environment
        )
        assert not {"torch", "transformers", "numpy"} & set(json.loads(pool.verify("", "modules").reason))


def test_worker_can_not_write_files(tmp_path):
    with VerifierPool(workers=1, judge=JUDGE) as pool:
        pool.verify("", f"spawn echo hello > {tmp_path}/file")
    assert not (tmp_path / "file").exists() or not (tmp_path / "file").read_text()


def test_threads_share_the_workers_and_a_single_pair_passes_a_long_batch():
    with VerifierPool(workers=2, judge=JUDGE) as pool:
        results = {}

        def call(name):
            results[name] = pool.verify_many([(f"{name}{i}", f"{name}{i}") for i in range(300)])

        threads = [threading.Thread(target=call, args=(name,)) for name in "abcdefgh"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert all([v.gold for v in results[name]] == [f"{name}{i}" for i in range(300)] for name in "abcdefgh")

        def call_long():
            with suppress(PoolError):  # ended with the pool: what is left of it would take a minute and a half
                pool.verify_many([("a", "sleep 0.1")] * 2000)

        long, before = threading.Thread(target=call_long), pool.counters["judged"]
        long.start()
        wait_until(lambda: pool.counters["judged"] > before)
        assert pool.verify("b", "b").correct
        assert long.is_alive()
    long.join(60)


def test_closing_reaps_every_worker_and_tells_callers_that_wait():
    pool = VerifierPool(workers=3, time_limit_s=60, judge=JUDGE)
    pool.verify("a", "a")
    pids, errors = pool.pids, []

    def call():
        try:
            pool.verify("a", "sleep 30")
        except PoolError as error:
            errors.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.2)
    pool.close()
    pool.close()
    thread.join(60)
    assert errors == ["the verifier pool is closed"]
    assert not set(pids) & set(children())
    with pytest.raises(PoolError, match="closed"):
        pool.verify("a", "a")


def test_forgotten_pool_leaves_no_process():
    pool = VerifierPool(workers=1, judge=JUDGE)
    pids = pool.pids
    del pool
    wait_until(lambda: not set(pids) & set(children()))


def test_judge_that_can_not_start_is_an_error_not_a_verdict():
    with (
        VerifierPool(workers=1, judge="misbehaving:broken") as pool,
        pytest.raises(PoolError, match="ended before they judged"),
    ):
        pool.verify("a", "a")


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"time_limit_s": 0}, {"memory_limit_mb": 0}])
def test_nonsense_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="a pool needs"):
        VerifierPool(**wrong)


def test_forked_child_gets_workers_of_its_own():
    """As in a data loader: the parent's pipes must not be shared, its workers not be ended."""
    with VerifierPool(workers=1, judge=JUDGE) as pool:
        parents = pool.verify("", "pid").reason
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                own = pool.verify("", "pid").reason
                pool.close()
                os.write(write, own.encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        own = os.read(read, 100).decode()
        assert own and own != parents
        assert pool.verify("", "pid").reason == parents


PARENT = """
import sys, threading, time
from rlad.verifier import PoolError, VerifierPool
pool = VerifierPool(workers=3, time_limit_s=1.5, judge="misbehaving:judge")
pool.verify("a", "a")
def wait_for(command):
    try:
        pool.verify("a", command)
    except PoolError:
        pass  # the pool ends first; a traceback would race the interpreter's own end
for command in ("hold_gil 8", "sleep 60"):
    threading.Thread(target=wait_for, args=(command,), daemon=True).start()
time.sleep(0.3)
print(*pool.pids, flush=True)
if sys.argv[1] == "wait":
    time.sleep(60)
"""


def start_parent(mode: str) -> tuple[subprocess.Popen, list[int]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, mode], stdout=subprocess.PIPE, env=environment, text=True)
    return parent, [int(pid) for pid in parent.stdout.readline().split()]


@pytest.mark.process
def test_workers_end_when_the_parent_is_killed():
    """An idle one, one asleep, one in a C call with its GIL: the pipe, the watchdog, the CPU limit, ends one each."""
    parent, pids = start_parent("wait")
    with parent:
        assert len(pids) == 3
        parent.kill()
        parent.wait()

    def ended():
        assert all(processor_seconds(pid) < 30 for pid in pids), "the limit on CPU time ends nothing"
        return not any(alive(pid) for pid in pids)

    wait_until(ended, 600)  # its few seconds of CPU time take minutes beside enough other work


@pytest.mark.process
def test_workers_end_when_the_parent_exits_without_closing():
    parent, pids = start_parent("exit")
    with parent:
        assert parent.wait(60) == 0
    assert not any(alive(pid) for pid in pids)
