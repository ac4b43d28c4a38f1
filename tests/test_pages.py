"""What pages show and name is there: code that the suite trains with, links, files, modules, verbs, keys, commands."""

import re
import shlex
from pathlib import Path

import pytest

from rlad.config import ConfigError, known_keys, load_config
from rlad.config.alarms import ALARMS

ROOT = Path(__file__).parents[1]
OUTSIDE = ROOT / "tests" / "integration" / "outside"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "AGENTS", "CONTRIBUTING", "CHANGELOG")), *DOCS]
TEXTS = [*PAGES, *sorted((ROOT / "configs").rglob("*.yaml")), *sorted((ROOT / "deploy").iterdir())]
TOP = "rlad|trainers|evals|tests|docs|configs|deploy|findings"
YOURS = {"configs/mine.yaml", "mine.yaml", "docs/results/baselines", "config.yaml"}
"""What a reader writes, or a command: no file of the project."""
CONFIGURED = ("demo", "warmstart", "train", "pipeline", "sweep", "distill", "curriculum")
"""The verbs whose words are a configuration's."""


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


def places(path):
    """The anchors of a page's headings, as they are made of them: words in small letters, dashes for spaces."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target, place in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name} links to {target}"
            assert not place or place in places(there), f"{page.name} links to {target}#{place}"


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text()
    assert [page.name for page in DOCS if page.name != "index.md" and f"({page.name}" not in index] == []


def missing(page, pattern, exists):
    """What a text names and does not find, with its place."""
    found = set(re.findall(pattern, page.read_text(), re.MULTILINE))
    return [f"{page.relative_to(ROOT)}: {name}" for name in sorted(found) if name not in YOURS and not exists(name)]


def is_module(name):
    """Whether a dotted name begins with a module of ours, followed by one name in it at most."""
    *above, last = name.split(".")
    whole, part = ROOT.joinpath(*above, last), ROOT.joinpath(*above)
    packages = whole.is_dir() or whole.with_suffix(".py").exists()
    return packages or part.with_suffix(".py").exists() or (part / "__init__.py").exists()


def runs(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def test_files_and_modules_that_texts_name_are_there():
    names = {path.name for top in (*TOP.split("|"), "") for path in (ROOT / top).glob("**/*" if top else "*")}
    wrong = []
    for text in TEXTS:
        path = rf"(?<![\w/.$}}>-])((?:{TOP})/[\w./-]*\w)(?![\w*{{])"
        wrong += missing(text, path, lambda name: (ROOT / name).exists())
        wrong += missing(text, r"(?<![\w/.*-])([a-z][\w-]*\.(?:py|yaml|sh))\b", lambda name: name in names)
        wrong += missing(text, r"(?<![\w.])((?:rlad|trainers|evals)(?:\.[a-z_]\w*)+)(?![\w.])", is_module)
        wrong += missing(text, r"python3? -m ((?:rlad|trainers|evals)(?:\.[a-z_]\w*)*)\b(?!\.)", runs)
    assert wrong == []


def test_verbs_and_keys_that_texts_name_are_there():
    verbs = set(re.findall(r"^  \./launch\.sh (\w+)", (ROOT / "launch.sh").read_text(), re.MULTILINE)) | {"VERB"}
    keys = set(known_keys())
    sections = {key.split(".")[0] for key in keys if "." in key}
    wrong = []
    for text in TEXTS:
        wrong += missing(text, r"\./launch\.sh ([\w-]+)", verbs.__contains__)
        if not text.name.startswith("add-a-"):  # whose methods have keys of their own
            given = r"(?<![\w./-])([a-z_]\w*(?:\.\w+)+)=(?!=)"
            wrong += missing(text, given, lambda name: name in keys or name.split(".")[0] not in sections)
    assert wrong == []


def commands(page):
    """(configuration, changed keys) of every command on a page that says both without a gap for the reader to fill."""
    text, made = re.sub(r"\\\n\s*", "", page.read_text()), {}
    for verb, rest in re.findall(r"\./launch\.sh ([a-z]+)([^`\n|]*)", text):
        words = shlex.split(re.split(r" #|   +|&&|;", rest)[0]) if verb in CONFIGURED else []
        changed = [word for word in words if re.match(r"[a-z_][\w.]*=", word)]
        gaps = [word for word in changed if re.search(r"=[A-Z_]+$|\.\.\.|my_pkg|mine\.yaml|^key=value$", word)]
        run = next((word for word in words if word.startswith("runs/")), "")
        config = next((word for word in words if word.startswith("configs/")), made.get(run, "configs/demo.yaml"))
        made |= {f"runs/{word[5:]}": config for word in changed if word.startswith("name=")}
        if words and not gaps and config not in YOURS:
            yield config, changed


def test_commands_of_the_pages_are_accepted_as_configurations(monkeypatch):
    monkeypatch.chdir(ROOT)
    tried, wrong = 0, []
    for page in PAGES:
        for config, changed in commands(page):
            tried += 1
            try:
                load_config(config, changed)
            except ConfigError as error:
                if "There is no model" not in str(error):  # one that an earlier command brings
                    wrong.append(f"{page.name}: {config} {changed}: {error}")
    assert wrong == []
    assert tried > 50


def test_every_alarm_has_its_line_in_troubleshooting():
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert [name for name in ALARMS if f"| `{name}`" not in text and f"| `ROLE.{name}`" not in text] == []


def test_what_troubleshooting_names_is_a_key_or_a_number_of_a_step():
    """Its remedies name keys without a value too, and what to look at in metrics.jsonl."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    named = {name.replace("ROLE.", "solution.") for name in re.findall(r"`'?((?:[a-zA-Z]\w*\.)+\w+)(?:=[^`]*)?`", text)}
    keys = set(known_keys())
    sections = {key.rpartition(".")[0] for key in keys}
    code = "\n".join(path.read_text() for path in sorted((ROOT / "trainers").rglob("*.py")))
    steps = ("rollout", "verifier", "validation", "solution")
    alarms = {f"solution.{name}" for name in ALARMS}
    wrong = []
    for name in sorted(named - keys - sections - alarms):
        first, _, leaf = name.partition(".")
        if not (ROOT / "docs" / name).exists() and not (first in steps and re.search(rf"""["']{leaf}["']""", code)):
            wrong.append(name)
    assert wrong == ["alarms.NAME", "config.yaml", "samples.jsonl"]  # any alarm, and files of a run
    assert {"rollout.leak_rate", "rollout.constant_groups", "solution.grad_norm", "cotrain.solutions"} <= named
