"""What all tests share: a quiet, offline, CPU-only process, marks that are true, no silent skips in CI."""

import gc
import os
import shutil
import signal
import sys
from pathlib import Path

import marks
import pytest
from hypothesis import HealthCheck, settings

# Before anything imports torch, DeepSpeed or transformers; the processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DS_ACCELERATOR", "cpu")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TORCH_EXTENSIONS_DIR", str(Path(sys.prefix) / "torch_extensions"))

# Byte code is kept (see launch.sh): a process would compile torch and its neighbours anew otherwise.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A suite that runs in the background inherits an ignored Ctrl-C, and so would every program that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure.
settings.register_profile("rlad", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rlad")

# Imports leave no garbage, and to look for it takes a tenth of their time; pytest_collection_finish looks again.
gc.disable()

MUST_RUN_IN_CI = ("browser", "vllm")

sys.addaudithook(marks.watch)


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="only tests that start no program and are not slow")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(config, items):
    """With --fast the marked tests are left out; for several workers (pytest-xdist) the rest is dealt in groups."""
    if config.getoption("--fast"):
        left_out = [item for item in items if any(item.get_closest_marker(name) for name in marks.NOT_FAST)]
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)
    if "PYTEST_XDIST_WORKER" in os.environ:
        marks.deal(items)


def pytest_collection_finish(session):
    """What is here by now stays and is no garbage. Without groups every test on ranks may start ranks of its own, and
    nobody would be told."""
    gc.freeze()
    gc.enable()
    dealt = getattr(session.config.option, "loadgroup", False)
    if dealt and not all("@" in item.nodeid for item in session.items):
        pytest.exit("pytest-xdist did not read the tests' groups; this pytest and it do not fit together.", 3)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    marks.running.append(item)
    try:
        return (yield)
    finally:
        marks.running.pop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test without the mark for what it started fails. So does, with CI=true, a skipped browser or vLLM test.

    There is no machine later on to catch it.
    """
    report = yield
    if report.when == "teardown" and item.nodeid in marks.unmarked:
        report.outcome, report.longrepr = "failed", f"{item.nodeid} {marks.unmarked[item.nodeid]}"
    marked = [name for name in MUST_RUN_IN_CI if item.get_closest_marker(name)]
    if report.skipped and marked and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"a test marked '{marked[0]}' may not be skipped with CI=true: {reason}"
    return report


CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium with nothing but what a test opens."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium on this machine, and CI may not skip the browser tests")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        browser.close()
