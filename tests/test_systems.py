"""The page of systems: every row has all that its head promises, and names only what is there."""

import re

import pytest
from result_tables import MINUTES, ROOT, missing, rows

SYSTEMS = ROOT / "docs" / "systems.md"
HEAD = ["system", "claim", "run", "command", "minutes", "result", "control", "reading"]
ROWS = [dict(zip(HEAD, row, strict=True)) for row in rows(SYSTEMS, "system")]
INTERVAL = r"\([−+]?[\d.]+(?: to |–)[−+]?[\d.]+[^)]*\)"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["system"])
def test_a_row_keeps_what_the_head_promises(row):
    assert re.search(r"\d{4}\.\d{5}", row["claim"]), "no source"
    assert re.search(r"`(?:\./launch\.sh \w+|python -m [\w.]+)[^`]*`", row["command"]), "no command"
    assert MINUTES.search(row["minutes"]), "neither minutes nor that there are none"
    assert re.search(INTERVAL, row["result"]) or "no interval" in row["result"], "no interval, and not said so"
    assert re.search(r"\d", row["run"]) and len(row["control"]) > 20
    assert re.search(r"\*\*.+\*\*|open", row["reading"]), "no reading"
    assert "not run" not in row["run"] or "not run" in row["minutes"], "minutes of what was not run"


def test_every_system_has_its_row():
    text = " ".join(row["system"] for row in ROWS)
    for page in (
        "steering",
        "features",
        "pruning",
        "entropy",
        "rewards",
        "routing",
        "search",
        "concepts",
        "evaluation",
    ):
        assert f"]({page}.md" in text, page
    assert "Novelty" in text and "autopilot" in text


def test_all_that_it_names_is_there():
    assert missing(SYSTEMS) == []
    for config, words in re.findall(
        r"compare (configs/[\w-]+\.yaml) --only ([^-`][^`]*?)(?= --|`)", SYSTEMS.read_text()
    ):
        arms = re.findall(r"^  ([\w-]+):", (ROOT / config).read_text(), re.MULTILINE)
        assert set(words.split()) <= set(arms), config


def test_a_command_that_begins_from_a_copy_makes_it():
    """A row's commands do what they say when they are given as they stand."""
    for row in ROWS:
        for folder in re.findall(r"name=(steer-\w+)", row["command"]):
            assert f"runs/{folder}/" in row["command"].partition("./launch.sh")[0]
