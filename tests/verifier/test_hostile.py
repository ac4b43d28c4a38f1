"""No text makes the verifier raise, hang, grow, run code or pay for nothing: not in the main thread, not in another."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from evals.benchmarks.verifier.fuzz import SEEDS, fuzz
from evals.benchmarks.verifier.hostile_texts import KINDS, ONES, hostile_pairs
from rlad.verifier import DEFAULT, Outcome, Verdict, deep_compare, verify
from rlad.verifier.budget import OperationBudget
from rlad.verifier.comparing import deep
from rlad.verifier.comparing.tractable import tractable
from rlad.verifier.pool.worker import judge
from rlad.verifier.reading.answers import parse_answer

SLOW_FOR_SYMPY = (
    *("sum", "product", "infinite oscillating sum", "binomial of binomials", "sum of a thousand powers"),
    *("sum of powers of binomials", "infinite product", "integral of a root", "integral of a high power"),
    "limit with much cancellation",
)
LIMIT_MS = 2_000
"""Of processor time, generous beside the 50 ms the benchmark asks for: a hang is a thousand times longer."""

AUDIT = """
import sys, os
from evals.benchmarks.verifier.hostile_texts import CODE, hostile_pairs
from rlad.verifier import verify, deep_compare
verify(r"\\frac{\\sqrt2}2+\\sin x", r"\\frac{1}{\\sqrt2}+\\sin x")
deep_compare(r"\\sin^2 x+\\cos^2 x", "1")
events = []
WATCHED = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "socket", "shutil", "pty")
def watch(event, arguments):
    source = arguments[0] if event == "compile" and arguments else None
    if event.startswith(WATCHED):
        events.append(event)
    elif event == "open" and arguments and "touched_by" in str(arguments[0]):
        events.append(event)
    elif isinstance(source, (str, bytes)) and ("touched_by" in str(source) or "__class__" in str(source)):
        events.append(event)
sys.addaudithook(watch)
pairs = [p for p in hostile_pairs("touched_by_a_verifier") if p[0].startswith("code")]
assert len(pairs) > 3 * len(CODE)
for name, gold, pred in pairs:
    verify(gold, pred)
    deep_compare(gold, pred)
print(events)
"""


def python(code: str, tmp_path) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.process
def test_no_code_in_a_text_is_compiled_or_run(tmp_path):
    """The interpreter itself reports what is compiled, opened and started while the attacks are judged."""
    assert python(AUDIT, tmp_path).strip() == "[]"
    assert not list(tmp_path.iterdir())


@pytest.mark.process
def test_attacks_are_fast_small_and_worth_nothing(tmp_path):
    """All of them in one fresh process, each in a thread that is not the main one."""
    code = "from evals.benchmarks.verifier.hostile import main; main(['once'])"
    rows = [json.loads(line) for line in python(code, tmp_path).splitlines()]
    assert len(rows) == len(list(hostile_pairs()))
    assert [row["name"] for row in rows if row["correct"]] == []
    assert [(row["name"], row["processor"]) for row in rows if row["processor"] > LIMIT_MS] == []
    assert sum(row["megabytes"] for row in rows) < 100


SYMBOLIC = [
    (gold, pred)
    for name, gold, pred in hostile_pairs()
    if name in [f"{slow} | {side}" for slow in SLOW_FOR_SYMPY for side in ("gold", "pred")]
]


@pytest.mark.parametrize(("gold", "pred"), SYMBOLIC)
def test_symbolic_rung_gives_up_by_counting(gold, pred):
    """Sizes end most of these before sympy is asked, its counted calls the others; the clock of a pool ends none."""
    judge(r"\frac{1}{2}", r"\int_0^1 x \, dx", DEFAULT)  # sympy's imports
    start = time.process_time()
    assert judge(gold, pred, DEFAULT).outcome is Outcome.undecided
    assert (time.process_time() - start) * 1e3 < LIMIT_MS


def test_symbolic_verdicts_do_not_depend_on_what_was_judged_before():
    """Counted work repeats: sympy's caches, tables and late imports are none of a pair's business."""
    pairs = [
        ("2", r"\sum_{k=0}^{\infty} (1/2)^k"),
        (r"\frac{\pi}{4}", r"\int_0^1 \frac{1}{1+x^2} \, dx"),
        *SYMBOLIC[:6],
    ]
    first = [deep_compare(*pair).outcome for pair in pairs]
    assert [deep_compare(*pair).outcome for pair in reversed(pairs)] == first[::-1]
    assert first[:2] == [Outcome.correct, Outcome.undecided]


@pytest.mark.parametrize(
    ("text", "small"),
    [
        (r"\sum_{k=1}^{10^{9}} k^2", True),
        (r"\sum_{k=1}^{10^{9}} \frac{1}{k}", False),
        (r"\sum_{k=1}^{\infty} \frac{1}{k^2}", True),
        (r"\sum_{k=1}^{\infty} \frac{\sin k}{k}", False),
        (r"\binom{2000}{1000}", False),
        (r"\binom{n}{k}", True),
        ("9^{9^{9^{9}}}", False),
        ("e^{-x^2}", True),
        ("x^{x^x}", False),
        ("2^{100}", True),
    ],
)
def test_what_is_small_enough_for_algebra(text, small):
    budget = OperationBudget(10_000)
    assert tractable(parse_answer(text, DEFAULT, budget), budget) is small


ATTACKS = [(name, text) for kind in KINDS.values() for name, text in kind.items() if name not in ONES]


@pytest.mark.parametrize("text", [text for _, text in ATTACKS], ids=[name for name, _ in ATTACKS])
def test_attack_as_gold_is_never_paid(text):
    """A gold that cannot be read, or is not 1, rewards no one; the other attacks are in the test above."""
    verdict = verify(text, "1")
    assert isinstance(verdict, Verdict)
    assert verdict.outcome is not Outcome.correct


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "$$", r"\boxed{}", "{", "}", "?", "\u200b", "\ud800", "$ $", r"\text{}"]
)
def test_gold_that_says_nothing_is_paid_to_no_one(text):
    assert verify(text, text).outcome is Outcome.unparseable_gold
    assert not verify(text, "1").correct
    assert not verify(text, "").correct


@pytest.mark.parametrize(
    "pair", [(None, None), (1, 1), (b"1", b"1"), (["1"], ["1"]), (float("nan"), 1), (object(), "1")]
)
def test_what_is_not_text_does_not_raise(pair):
    assert verify(*pair).outcome is not Outcome.correct


def test_same_verdict_in_every_thread_at_once():
    """No signals, no shared state: eight threads judge the same pairs as the main one."""
    pairs = [(g, p) for name, g, p in hostile_pairs() if len(g) + len(p) < 2_000]
    expected = [verify(*pair).outcome for pair in pairs]
    results: list[list[Outcome]] = []
    threads = [threading.Thread(target=lambda: results.append([verify(*p).outcome for p in pairs])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_fuzz_finds_nothing():
    """A short run; ``./launch.sh bench fuzz`` does the long ones."""
    totals, found = fuzz(SEEDS, 3_000, seed=20260101)
    assert sum(totals.values()) == 3_000
    assert found == []


def _double(number):
    return 2 * number


def _swallowed():
    for number in range(300):
        try:
            _double(number)
        except BaseException:  # as mpmath's bare ones
            _swallowed.ends += 1


class _Swallows:
    def __del__(self):
        for number in range(300):
            abs(number)


def _abandoned():
    """The generator goes on and returns inside its destructor: the end may not be raised there."""
    numbers = (number for number in range(3))
    next(numbers)
    for number in range(44):
        abs(number)
    del numbers
    for number in range(300):
        abs(number)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "work", [_swallowed, lambda: _Swallows() and None, _abandoned], ids=["bare", "destructor", "generator"]
)
def test_work_whose_count_ended_where_the_end_is_lost_ends_all_the_same(work):
    """What a destructor or a bare ``except`` catches takes the profiler away; the work must not go on uncounted."""
    _swallowed.ends = 0
    before = sys.getprofile(), sys.gettrace()
    with pytest.raises(deep._TooManyCalls):
        deep._counted_calls(100, work)
    assert (sys.getprofile(), sys.gettrace()) == before


def test_a_swallowed_end_is_raised_at_every_call_after_it():
    def work():
        _swallowed.ends = 0
        _swallowed()
        return _swallowed.ends

    with pytest.raises(deep._TooManyCalls):
        deep._counted_calls(100, work)
    assert _swallowed.ends > 200
