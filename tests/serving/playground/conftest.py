"""The playground in a real browser, behind a scripted gateway."""

import pytest
from scripted_gateway import STORY, ScriptedGateway

from rlad.serving import playground


@pytest.fixture
def fake():
    with ScriptedGateway() as server:
        server.script = STORY.script()
        yield server


@pytest.fixture
def opened(chromium, fake):
    """Opens the page; fails the test on script errors, on requests beyond the gateway, and on console messages.

    The one thing the browser may say is that it was refused a solution: tests make the gateway refuse.
    """
    complaints, contexts = [], []

    def hear(message):
        if not (message.text.startswith("Failed to load resource") and message.location["url"].endswith("/v1/solve")):
            complaints.append(f"console: {message.text}")

    def go(width=1280, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(120_000)  # a busy machine is no failure
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", hear)
        tab.on("pageerror", lambda problem: complaints.append(f"error: {problem}"))
        tab.on("request", lambda request: request.url.startswith(fake.url) or complaints.append(request.url))
        assert tab.goto(fake.url).headers["content-security-policy"] == playground.HEADERS["Content-Security-Policy"]
        return tab

    yield go
    for context in contexts:
        context.close()
    assert complaints == []
