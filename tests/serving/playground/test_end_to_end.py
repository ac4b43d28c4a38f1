"""The page, the real gateway and two untrained players: nonsense as answers, every part of it real."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import pytest

from rlad.config import RunConfig, save_config
from rlad.players.policy import make_policy
from rlad.problems import world_of
from rlad.serving import playground

ROOT = Path(__file__).parents[3]
KEY = "a-key-for-the-page"
LIMIT = 120
"""Seconds for a step of the page; normally it takes a few."""


@pytest.fixture
def url(tmp_path):
    """A gateway over two tiny untrained players on the transformers engine, with a key."""
    config = RunConfig()
    config.base.hidden_size, config.base.layers, config.base.intermediate_size = 32, 1, 64
    config.abstraction.max_new_tokens, config.solution.max_new_tokens = 6, 12
    for role in ("abstraction", "solution"):
        make_policy(role, config.base, config, tmp_path / "export" / role).export()
    save_config(config, tmp_path / "config.yaml")
    command = [sys.executable, "-m", "rlad.serving", str(tmp_path), "--engine", "transformers", "--port", "0"]
    environment = {**os.environ, "RLAD_API_KEYS": KEY}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        overdue = threading.Timer(2 * LIMIT, process.kill)  # then it has said nothing, and the test fails
        overdue.start()
        try:
            line = process.stdout.readline()
            match = re.search(r"http://\S+:\d+", line)
            assert match, (tmp_path / "log").read_text()
            overdue.cancel()
            yield match[0]
        finally:
            overdue.cancel()
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.process
def test_a_problem_is_solved_by_the_real_gateway(chromium, url):
    complaints = []
    context = chromium.new_context(http_credentials={"username": "any", "password": KEY})  # the browser's own dialogue
    context.set_default_timeout(LIMIT * 1000)
    tab = context.new_page()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda problem: complaints.append(str(problem)))
    page = tab.goto(url)
    assert page.status == 200
    assert page.headers["content-security-policy"] == playground.HEADERS["Content-Security-Policy"]
    tab.locator("#examples button").first.click()
    assert tab.input_value("#problem") == world_of(RunConfig().problems).sample(Random(0)).question
    tab.locator("#more summary").click()
    tab.fill("#key", KEY)
    tab.uncheck("#early")
    tab.click("#solve")
    tab.wait_for_selector("#state[data-state=done]")
    written, wanted = map(int, tab.inner_text("#count-abstractions").split("/"))
    assert written <= wanted == 4  # untrained, the player may end none of its abstractions: then it is solved without
    assert tab.locator(".abstraction[data-state=done]").count() == (written or 1)
    assert tab.locator(".solution[data-state=done]").count() == 2 * (written or 1)
    assert int(tab.inner_text("#count-tokens").split("/")[0]) > 0
    assert "tokens on abstractions" in tab.inner_text("#spent")
    tab.focus("#abstractions")
    for _ in range(16):
        tab.keyboard.press("ArrowRight")
    tab.select_option("#select", "max-confidence")
    tab.focus("#solutions")
    tab.keyboard.press("End")
    tab.click("#solve")
    tab.wait_for_selector("#state[data-state=done]")
    assert tab.inner_text("#rule") == "by max-confidence"
    context.close()
    assert complaints == []
