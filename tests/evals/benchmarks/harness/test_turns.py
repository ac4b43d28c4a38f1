"""Programs that take turns: whoever has not its turn stands still, wherever its processes are."""

import os
import sys
import time
from contextlib import suppress

import psutil
import pytest

from evals.benchmarks.harness.turns import Contender

PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], start_new_session=True)"
CHILD = "import time\nwhile True: time.sleep(.02); print(1, file=open({!r}, 'a'), flush=True)"


def lives(process):
    with suppress(psutil.NoSuchProcess):  # its parent may reap it between any two questions
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@pytest.mark.process
def test_a_child_in_a_session_of_its_own_stands_still_too_and_ends_with_its_parent(tmp_path):
    lines = tmp_path / "lines"
    command = [sys.executable, "-c", PARENT, CHILD.format(str(lines))]
    with Contender(command, lines, tmp_path / "log", dict(os.environ)) as one:
        one.advance(3)
        time.sleep(0.1)
        stopped = one.done()
        time.sleep(0.3)
        assert one.done() == stopped >= 3
        one.advance(1)
        tree = one.tree()
        assert len(tree) == 2
    assert not any(map(lives, tree))
