"""The atlas names only what is there: files, configurations, modules, minutes, and verdicts out of four."""

import re

from result_tables import MINUTES, ROOT, missing, rows

ATLAS = ROOT / "docs" / "atlas.md"
VERDICTS = ("reproduced", "not reproduced", "unclear", "not yet tried")
ROWS = rows(ATLAS, "phenomenon")
OTHERS = {"algebra", "countdown", "gateway", "lists", "selector", "smollm2", "transfer"}
"""Results of this project's own questions: no one has published what they would be held against."""


def test_every_line_has_a_verdict_and_a_figure_unless_nothing_was_tried():
    assert len(ROWS) > 20
    for row in ROWS:
        assert len(row) == 6, row[0]
        verdict = re.match(r"\*\*([a-z ]+)\*\*", row[1])
        assert verdict and verdict[1] in VERDICTS, row[:2]
        if verdict[1] != "not yet tried":
            assert re.search(r"\d", row[2]) and "](" in row[5], row[0]


def test_every_line_has_minutes_or_says_that_there_are_none():
    for row in ROWS:
        assert MINUTES.search(row[4]), row[0]


def test_what_has_a_result_is_no_longer_called_untried():
    """A result that a line names stands against \"not yet tried\": the arm that tested nothing says why."""
    untried = [row for row in ROWS if row[1].startswith("**not yet tried**") and "results/" in row[5]]
    assert all("tested nothing" in row[2] for row in untried), [row[0] for row in untried]
    named, folders = (
        ATLAS.read_text(),
        sorted(path.name for path in (ROOT / "docs" / "results").iterdir() if path.is_dir()),
    )
    assert [name for name in folders if name not in OTHERS and f"results/{name}/" not in named] == []


def test_every_file_it_names_exists():
    assert missing(ATLAS) == [] and ATLAS.read_text().count("](results/") > 8


def test_every_arm_it_names_is_one_of_its_comparison():
    for config, arm in re.findall(r"compare (configs/[\w-]+\.yaml) --only ([\w-]+)", ATLAS.read_text()):
        assert re.search(rf"^  {arm}:", (ROOT / config).read_text(), re.MULTILINE), (config, arm)
