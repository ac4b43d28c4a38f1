"""Pages whose tables say what was run: their rows, and what they name that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MINUTES = re.compile(r"\d|seconds|no training|not run|not known")
"""What a cell of minutes says: a number, or plainly that there is none."""


def rows(page: Path, head: str) -> list[list[str]]:
    """The rows of a page's tables, without those of heads, whose first cell is `head`."""
    lines = [
        line for line in page.read_text().splitlines() if line.startswith("| ") and not line.startswith(f"| {head}")
    ]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def missing(page: Path) -> list[str]:
    """Links, files, modules and verbs that a page names and that are not there."""
    text = page.read_text()
    links = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)}
    found = [link for link in links if link and not (page.parent / link).resolve().is_file()]
    named = re.findall(r"(?:configs|docs|tests)/[\w./-]+\w", text)
    found += [file for file in named if not (ROOT / file).is_file()]
    for module in re.findall(r"python -m ([\w.]+)", text):
        path = ROOT / module.replace(".", "/")
        found += [] if path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() else [module]
    verbs = re.findall(r"^  \./launch\.sh (\w+)", (ROOT / "launch.sh").read_text(), re.MULTILINE)
    return found + [verb for verb in re.findall(r"\./launch\.sh ([\w-]+)", text) if verb not in verbs]
