#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0: `--dist loadgroup` deals the tests of one xdist_group over all workers, without
# a word; with pytest 9.1.1 they all run in one.
#
# Expected: tests marked xdist_group("gpu") run in one worker, one after another, as its documentation says.
# Seen: 12 tests of one group on 2 workers: 1 worker used with pytest 9.1.1, 2 with pytest 9.2.0, both green.
# Why it matters: groups are how suites keep tests of one GPU, port, model server or set of ranks from running at the
# same time. A suite that pins xdist and lets pytest move then starts two engines on one device: out of memory, ports in
# use, timeouts that come and go, or only twice the time, since every worker builds the shared fixture.
# Said where: xdist appends "@group" to the item's private field _nodeid; pytest 9.2 makes nodeid from another field
# and leaves that one unread. xdist 3.8.0 is the newest there is and asks for pytest>=7, so pip finds nothing to object.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/test_group.py" <<'PY'
import os
import time

import pytest


@pytest.mark.xdist_group("gpu")
@pytest.mark.parametrize("number", range(12))
def test_one(number):
    time.sleep(0.05)
    with open(os.environ["SEEN"], "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\n")
PY
found=""
for version in 9.1.1 9.2.0; do
  python3 -m venv "$work/$version"
  nice "$work/$version/bin/pip" install -qq --no-compile "pytest==$version" pytest-xdist==3.8.0
  (cd "$work" && SEEN=$work/seen-$version "$work/$version/bin/python" -m pytest -q -p xdist.plugin -n 2 --dist loadgroup test_group.py | tail -1)
  workers=$(sort -u "$work/seen-$version" | wc -l)
  echo "pytest $version, pytest-xdist 3.8.0: 12 tests of one group ran in $workers worker(s), expected 1"
  found+="$workers "
done
[ "$found" = "1 2 " ]
