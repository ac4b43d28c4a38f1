"""The list of keys: complete, fresh in the docs, and made without torch."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rlad.config import ConfigError, known_keys
from rlad.config.registry import REGISTRIES
from rlad.keys import as_markdown, chosen, main

DOCS = Path(__file__).parent.parent / "docs"


def test_the_page_is_fresh():
    assert (DOCS / "keys.md").read_text() == as_markdown(), "run: python -m rlad.keys --markdown > docs/keys.md"


def test_every_key_that_may_be_set_is_listed():
    sections = {name.rpartition(".")[0] for name in known_keys()}
    assert {key.name for key in chosen("")} == {name for name in known_keys() if name not in sections}
    assert all(key.meaning for key in chosen(""))


def test_a_prefix_and_a_key_that_is_not_there(capsys):
    main(["solution.gspo"])
    printed = capsys.readouterr().out
    assert "solution.gspo.clip_low = 0.0003    (above 0 and at most 0.1)" in printed
    assert "solution.gspo.clip_high" in printed and "abstraction" not in printed
    with pytest.raises(ConfigError, match="the nearest is 'solution.loss'"):
        main(["solution.los"])


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


PAGES = {"loss": "methods.md", "advantage": "methods.md"}


@pytest.mark.parametrize("kind", PAGES)
def test_every_method_has_its_row_and_the_row_its_sources_and_defaults(kind):
    """A row begins with the method's name; it names every source, and each key by its name."""
    rows = dict(re.findall(r"^\| `([\w-]+)` (\|.*)$", (DOCS / PAGES[kind]).read_text(), re.MULTILINE))
    for method in REGISTRIES[kind]:
        row = rows[method.name]
        assert all(source in row for source in method.source.split(", ")), method.name
        if kind == "loss":
            assert method.facts["aggregation"] in row, method.name
            keys = method.keys()
            for name, value in vars(keys).items():
                found = re.search(rf"[.`]{name}` ([\d.e-]+)", row)
                assert found, f"{method.name}.{name} has no default in docs/{PAGES[kind]}"
                assert float(found[1]) == value
