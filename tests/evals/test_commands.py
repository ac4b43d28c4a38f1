"""What the commands that read runs have in common."""

import importlib

import pytest

from evals import formats, pooled
from rlad.cli import PlainError


@pytest.mark.parametrize(
    "name", ["ceiling", "dynamics.__main__", "formats", "law.__main__", "laws", "novelty", "pooled", "searching"]
)
def test_wrong_words_are_one_sentence_in_every_command(name, capsys):
    """Not a page of usage, as argparse has it."""
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"evals.{name}").main(["--nonsense"])
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and len(lines) == 1 and lines[0].endswith("try --help.")


@pytest.mark.parametrize("main", [pooled.main, formats.main])
def test_a_run_that_is_given_twice_is_no_second_seed(main, tmp_path):
    with pytest.raises(PlainError, match="given more than once; a run counts as one seed"):
        main([str(tmp_path), str(tmp_path / ".")])


@pytest.mark.parametrize("text", ["[]", '{"meta": '])
def test_a_damaged_sweep_is_one_sentence(text, tmp_path):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(PlainError, match="JSON"):
        pooled.main([str(tmp_path)])
