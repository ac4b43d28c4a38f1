"""Pages about extending the project show code that is tested: the package that the suite installs and trains with."""

import re
from pathlib import Path

import pytest

from rlad.config.alarms import ALARMS

ROOT = Path(__file__).parents[1]
OUTSIDE = ROOT / "tests" / "integration" / "outside"


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("loss", "losses.py"),
        ("reward", "rewards.py"),
        ("world", "world.py"),
        ("rule", "rules.py"),
        ("role", "roles.py"),
    ],
)
def test_a_page_shows_the_file_that_the_suite_trains_with(page, file):
    assert (
        f"```python\n{(OUTSIDE / file).read_text().rstrip()}\n```" in (ROOT / "docs" / f"add-a-{page}.md").read_text()
    )


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "AGENTS.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_alarm_has_its_line_in_troubleshooting():
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert [name for name in ALARMS if f"| `{name}`" not in text and f"| `ROLE.{name}`" not in text] == []
