"""``python -m rlad.reasoning.leaks``: verdicts with reasons, one JSON object at the end, bad input in a sentence."""

import json

import pytest

from rlad.cli import PlainError
from rlad.problems.base import ProblemError
from rlad.reasoning.leaks.cli import main

QUESTION = "Tom has 5 cards and gets 3 more cards. How many cards does he have?"
ROWS = [
    {"question": QUESTION, "abstraction": "he has eight", "gold": 8, "leak": True, "id": "first"},
    {"question": QUESTION, "abstraction": "add what he gets", "gold": "8", "leak": False},
    {"question": QUESTION, "abstraction": "start with what he has", "gold": "8", "leak": True},
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_rows_come_back_judged_and_the_last_line_sums_up(tmp_path, capsys):
    assert main([write(tmp_path / "in.jsonl", ROWS)]) == 0
    *rows, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["verdict"] for row in rows] == ["leak", "clean", "clean"]
    assert rows[0]["quote"] == "he has eight" and rows[0]["id"] == "first" and all(row["reason"] for row in rows)
    assert last == {"n": 3, "precision": 1.0, "recall": 0.5}


def test_with_out_only_the_summary_is_printed_and_without_labels_it_is_null(tmp_path, capsys):
    rows = [{key: value for key, value in row.items() if key != "leak"} for row in ROWS]
    assert main([write(tmp_path / "in.jsonl", rows), "--out", str(tmp_path / "out.jsonl")]) == 0
    assert json.loads(capsys.readouterr().out) == {"n": 3, "precision": None, "recall": None}
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    "line, said",
    [
        ("not json", "Line 2 of .* is not JSON"),
        ("[1]", "Line 2 of .* is not a JSON object"),
        ('{"gold": "8"}', "Line 2 of .* has no field 'abstraction'"),
        ('{"abstraction": "x", "gold": ""}', "Line 2 of .* has an empty gold answer"),
        ('{"abstraction": ["x"], "gold": "8"}', "Line 2 of .*field 'abstraction' holds a list"),
        ('{"abstraction": "x", "gold": "8", "leak": 1}', "Line 2 of .*field 'leak', is neither true nor false"),
    ],
)
def test_a_bad_row_is_refused_in_one_sentence(tmp_path, line, said):
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n" + line + "\n")
    with pytest.raises((PlainError, ProblemError), match=said):
        main([str(path)])


def test_files_that_are_missing_empty_or_would_be_overwritten_are_refused(tmp_path):
    path = write(tmp_path / "in.jsonl", ROWS)
    (tmp_path / "empty.jsonl").write_text("\n")
    for arguments in ([str(tmp_path / "none")], [str(tmp_path / "empty.jsonl")], [path, "--out", path]):
        with pytest.raises(PlainError):
            main(arguments)
    assert len((tmp_path / "in.jsonl").read_text().splitlines()) == 3
