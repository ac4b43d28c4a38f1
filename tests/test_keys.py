"""The list of keys: complete, fresh in the docs, and made without torch."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rlad.config import ConfigError, known_keys
from rlad.config.registry import REGISTRIES
from rlad.keys import as_markdown, keys_under, main

DOCS = Path(__file__).parent.parent / "docs"


def test_the_page_is_fresh():
    assert (DOCS / "keys.md").read_text() == as_markdown(), "run: python -m rlad.keys --markdown > docs/keys.md"


def test_every_key_that_may_be_set_is_listed():
    sections = {name.rpartition(".")[0] for name in known_keys()}
    assert {key.name for key in keys_under("")} == {name for name in known_keys() if name not in sections}
    assert all(key.meaning for key in keys_under(""))


def test_a_prefix_and_a_key_that_is_not_there(capsys):
    main(["solution.gspo"])
    printed = capsys.readouterr().out
    assert "solution.gspo.clip_low = 0.0003    (above 0 and at most 0.1)" in printed
    assert "solution.gspo.clip_high" in printed and "abstraction" not in printed
    main(["selector.max_new_tokens"])  # a role that runs have only where they name it
    assert "selector.max_new_tokens = 16" in capsys.readouterr().out
    main(["clip_cov"])  # no key begins so
    printed = capsys.readouterr().out
    assert "abstraction.clip_cov.share = 0.0002" in printed and "solution.clip_cov.low = 1.0" in printed
    assert "gspo" not in printed
    with pytest.raises(ConfigError, match="the nearest known key is 'solution.loss'"):
        main(["solution.lsos"])


@pytest.mark.process
def test_neither_torch_nor_transformers_is_imported():
    """Nor by checking a configuration that names a loss, a reward and a shaping."""
    code = (
        "import sys, rlad.keys; rlad.keys.as_markdown(); from rlad.config import load_config;"
        "load_config(None, ['solution.loss=clip_cov', 'abstraction.reward=r3']);"
        "print([name for name in ('torch', 'transformers', 'deepspeed') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


NAMED, SAID = r"^\| `([\w-]+)` (\|.*)$", r"[.`]{}` ([^\s,;|]+)"
TABLES = {
    "loss": ("methods.md", NAMED, SAID),
    "advantage": ("methods.md", NAMED, None),
    "reward": ("methods.md", r"^\| `\w+\.reward` (\w+)(.*)$", SAID),
    "shaping": ("methods.md", r"^\| `shaping` (\w+)(.*)$", SAID),
    "rule": ("evaluation.md", NAMED, SAID),
    "world": ("worlds.md", r"^## (\w+)[^\n]*\n((?s:.*?))(?=^## )", r"\n\| `{}` \| ([^|]+) \|"),
}
"""The page of a kind, where a method and its facts stand in it (a row, or a world's section), and a key's default."""


def as_said(text, like):
    """A default in prose, such as `−2`, `.2`, `false` or `linear, product`, as a value of the type of `like`."""
    if isinstance(like, list):
        return [word for word in text.strip("`[]").split(", ") if word]
    if isinstance(like, bool):
        return {"true": True, "false": False}[text]
    return text if isinstance(like, str) else float(text.replace("−", "-"))


@pytest.mark.parametrize("kind", TABLES)
def test_every_method_stands_in_its_table_with_its_sources_and_defaults(kind):
    """Each key by its name, with its default behind it."""
    page, pattern, default = TABLES[kind]
    facts = dict(re.findall(pattern, (DOCS / page).read_text(), re.MULTILINE))
    for method in REGISTRIES[kind]:
        said = facts[method.name]
        assert all(source in said for source in method.source.split(", ")), method.name
        assert method.facts.get("aggregation", "") in said, method.name
        for name, value in vars(method.keys()).items() if method.keys and default else ():
            found = re.search(default.format(name), said)
            assert found, f"{method.name}.{name} has no default in docs/{page}"
            assert as_said(found[1], value) == value, f"{method.name}.{name}"
    if kind in ("reward", "shaping"):
        assert set(facts) == set(REGISTRIES[kind].names())  # no row of what is gone


def test_every_reward_is_told_to_its_players_with_its_file():
    page = (DOCS / "rewards.md").read_text()
    for method in REGISTRIES["reward"]:
        for role in method.roles or ("abstraction", "solution"):
            row = re.search(rf"^\| `{role}\.reward={method.name}` \|.*$", page, re.MULTILINE)
            assert row and f"{method.call.__module__.rpartition('.')[2]}.py`" in row[0], (role, method.name)


def test_every_role_is_in_the_glossary():
    (row,) = re.findall(r"^\| \*\*role\*\* .*$", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert all(f"`{method.name}`" in row for method in REGISTRIES["role"])
