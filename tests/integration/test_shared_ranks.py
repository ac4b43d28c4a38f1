"""The ranks that programs share: one after another, and new ones after a failure; with made-up ranks, to be quick."""

import sys

import pytest
import two_ranks

pytestmark = pytest.mark.process
MADE_UP = """
import itertools, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
for number in itertools.count(int(sys.argv[2])):
    while not (folder / f"job_{number}").exists():
        time.sleep(0.01)
    job = (folder / f"job_{number}").read_text()
    if "bad" in job:
        (folder / f"report_{number}_1.failed").write_text("rank 1 fell over")
        sys.exit(1)
    if "endless" in job:
        time.sleep(60)
    for rank in range(2):
        (folder / f"report_{number}_{rank}").write_text(f"{os.getpid()} rank {rank} did {job}")
"""


@pytest.fixture
def shared(tmp_path, monkeypatch):
    monkeypatch.setattr(two_ranks, "command", lambda program, *words: [sys.executable, "-c", MADE_UP, *words])
    ranks = two_ranks.Ranks(tmp_path)
    yield ranks
    ranks.end()
    ranks.end()  # nothing is left to end


def test_programs_share_ranks_until_one_fails_and_its_story_is_told(shared):
    first = shared.run("good_program.py", "1").split(" ", 1)
    second = shared.run("good_program.py", "2").split(" ", 1)
    assert first[0] == second[0]
    assert second[1] == 'rank 0 did ["good_program.py", "2"]'
    with pytest.raises(AssertionError, match=r"report_2_1\.failed: rank 1 fell over"):
        shared.run("bad_program.py")
    third = shared.run("good_program.py", "3").split(" ", 1)
    assert third[0] != first[0] and third[1].endswith('"3"]')


def test_a_program_that_does_not_end_is_ended(shared, monkeypatch):
    monkeypatch.setattr(two_ranks, "LIMIT", 0.5)
    with pytest.raises(AssertionError, match="log: "):
        shared.run("endless_program.py")
    assert shared.process is None
