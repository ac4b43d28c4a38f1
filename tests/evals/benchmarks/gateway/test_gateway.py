"""The load and soak programs, short: real processes over loopback, counted, not timed."""

import pytest
from served_run import make_run

from evals.benchmarks.gateway.cost import Keys, Round, bench, report
from evals.benchmarks.gateway.load import Block
from evals.benchmarks.gateway.soak import growth, run_soak


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.mark.slow
@pytest.mark.process
def test_nothing_is_lost_or_answered_twice(run, tmp_path):
    """64 clients at once, every prompt once: as many answers as questions, and the engines saw each question once."""
    result = bench(Keys(str(run), requests=128, clients=64, blocks=2, ms=50, log=str(tmp_path / "log")))
    assert result["answered"] == {"bare": 128, "gateway": 128} and result["repeated"] == 0
    assert result["sent"] == {"bare": 128 + 3 * 64 + 64, "gateway": 128 + 3 * 64 + 64}
    assert set(result["lost"].values()) == set(result["wrong"].values()) == {0}


@pytest.mark.slow
@pytest.mark.process
def test_bad_clients_cost_the_good_ones_nothing(run, tmp_path):
    """Three seconds of it: every well-formed request is answered in full, and nothing is left running."""
    result = run_soak(run, 3.0, 4, tmp_path / "log")
    assert result["failures"] == 0, result["first_failures"]
    assert result["left_running"] == 0 and result["engines_cancelled"] > 0
    kinds = ("good", "leaves", "garbage", "oversize", "endless_body", "slow_reader")
    assert all(result["requests"].get(kind) for kind in kinds)


def test_the_report_adds_up():
    """The first round warms up: only what it lost counts."""
    bare = [Block(2, 9, [9.0]), Block(2, 2, [0.1, 0.3]), Block(2, 2, [0.2])]
    gateway = [Block(2, 9, [9.0], lost=1), Block(2, 2, [0.2, 0.2, 0.35]), Block(2, 2, [0.2])]
    outside = [(50.0, 90.0), (2.0, 5.0), (4.0, 5.0)]
    rounds = [
        Round({"bare": b, "gateway": g}, dict(zip(("bare", "gateway"), o, strict=True)))
        for b, g, o in zip(bare, gateway, outside, strict=True)
    ]
    found = report(rounds)
    assert (found["outside_engine_ms"]["bare"], found["outside_engine_ms"]["added"]["mean"]) == (3.0, 2.0)
    assert report([Round(round_.blocks) for round_ in rounds])["outside_engine_ms"] == {}
    assert found["per_second"] == {"bare": 10.0, "gateway": 9.0} and found["answered"] == {"bare": 3, "gateway": 4}
    assert found["throughput_loss"]["mean"] == 0.1  # of 0.2 and 0
    assert found["added_p50_ms"]["mean"] == 0.0 and found["lost"] == {"bare": 0, "gateway": 1}
    assert growth([(10, 5)] * 10)["rss_growth"] == 0.0
