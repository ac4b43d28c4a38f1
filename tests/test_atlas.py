"""The atlas names only what is there: files, configurations, modules, and verdicts out of four."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ATLAS = ROOT / "docs" / "atlas.md"
VERDICTS = ("reproduced", "not reproduced", "unclear", "not yet tried")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in ATLAS.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| phenomenon")
]


def test_every_line_has_a_verdict_and_a_figure_unless_nothing_was_tried():
    assert len(ROWS) > 20
    for row in ROWS:
        assert len(row) == 6, row[0]
        verdict = re.match(r"\*\*([a-z ]+)\*\*", row[1])
        assert verdict and verdict[1] in VERDICTS, row[:2]
        if verdict[1] != "not yet tried":
            assert re.search(r"\d", row[2]) and "](" in row[5], row[0]


def test_every_file_it_names_exists():
    text = ATLAS.read_text()
    links = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)}
    missing = [link for link in links if not (ATLAS.parent / link).resolve().is_file()]
    named = re.findall(r"(?:configs|docs)/[\w./-]+\w", text)
    missing += [file for file in named if not (ROOT / file).is_file()]
    for module in re.findall(r"python -m ([\w.]+)", text):
        path = ROOT / module.replace(".", "/")
        missing += [] if path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() else [module]
    assert missing == [] and len(links) > 8


def test_every_arm_it_names_is_one_of_its_comparison():
    for config, arm in re.findall(r"compare (configs/[\w-]+\.yaml) --only ([\w-]+)", ATLAS.read_text()):
        assert re.search(rf"^  {arm}:", (ROOT / config).read_text(), re.MULTILINE), (config, arm)
