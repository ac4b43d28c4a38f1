"""What the commands that read runs have in common."""

import importlib

import pytest


@pytest.mark.parametrize(
    "name", ["ceiling", "dynamics.__main__", "formats", "law.__main__", "laws", "novelty", "pooled", "searching"]
)
def test_wrong_words_are_one_sentence_in_every_command(name, capsys):
    """Not a page of usage, as argparse has it."""
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"evals.{name}").main(["--nonsense"])
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and len(lines) == 1 and lines[0].endswith("try --help.")
