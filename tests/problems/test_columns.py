"""The same rows give the same golds through every door, and what is no text is refused by row and column."""

import csv
import datetime
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rlad.problems.files as files
from rlad.config import FieldNames, ProblemsConfig
from rlad.problems import ProblemError
from rlad.problems.columns import texts_of

TEXTS = ["2024-01-02", "3.50", "null", "NA", "None", "007", "1e5", "12:30", "1_000", "on", "9007199254740993", "nan"]
NUMBERS = [9007199254740993, -(2**62), 7]
FLOATS = [72.0, 0.5, -3.25]


@pytest.fixture
def through(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def read(door: str, answers: list) -> list[str]:
        rows = [{"problem": f"q{i}", "answer": answer} for i, answer in enumerate(answers)]
        source, _, kind = door.rpartition(" ")
        folder = tmp_path / door.replace(" ", "_")
        folder.mkdir()
        write(folder, kind, rows)
        hub = source == "hub"
        path = folder if hub else next(folder.iterdir())
        config = ProblemsConfig(source="hub" if hub else kind, path=str(path))
        return [problem.answer for problem in files._read(config, str(path))]

    return read


def write(folder, kind: str, rows: list[dict]) -> None:
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), folder / "train.parquet")
    elif kind == "csv":
        with open(folder / "train.csv", "w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    elif kind == "array":
        (folder / "train.json").write_text(json.dumps(rows))
    else:
        lines = "\n".join(json.dumps(row) for row in rows) + "\n"
        (folder / "train.jsonl").write_text(lines)


@pytest.mark.parametrize("door", ["jsonl", "parquet", "hub jsonl", "hub array", "hub csv", "hub parquet"])
def test_texts_and_numbers_arrive_as_they_were_written(through, door):
    assert through(door, TEXTS) == TEXTS


@pytest.mark.parametrize("door", ["jsonl", "parquet", "hub jsonl", "hub csv", "hub parquet"])
def test_whole_numbers_are_not_rounded(through, door):
    assert through(door, NUMBERS) == ["9007199254740993", "-4611686018427387904", "7"]


@pytest.mark.parametrize("door", ["jsonl", "parquet", "hub jsonl", "hub parquet"])
def test_other_numbers_are_written_as_numbers(through, door):
    assert through(door, FLOATS) == ["72", "0.5", "-3.25"]


@pytest.mark.parametrize("door", ["jsonl", "hub jsonl", "hub array"])
def test_columns_of_several_types_change_no_value(through, door):
    """`datasets` makes one type of them: 3.5 of "3.50" beside a number, a timestamp of a date."""
    assert through(door, ["3.50", 7, "2024-01-02", 2**60, 0.5]) == ["3.50", "7", "2024-01-02", str(2**60), "0.5"]


REFUSED = [
    ([1, 2], "a list"),
    ({"a": 1}, "an object"),
    (True, "a truth value (True)"),
    (float("nan"), "holds nan"),
    (float("inf"), "holds inf"),
    ("1\ud800", "half of a character"),
]


@pytest.mark.parametrize("column", ["problem", "answer"])
@pytest.mark.parametrize("value, words", REFUSED, ids=[words for _, words in REFUSED])
@pytest.mark.parametrize("door", ["jsonl", "hub jsonl"])
def test_what_is_no_text_is_refused_by_row_and_column(tmp_path, door, value, words, column):
    row = {"problem": "q", "answer": "1"} | {column: value}
    write(tmp_path, "jsonl", [{"problem": "a", "answer": "1"}, row])
    hub = door.startswith("hub")
    path = str(tmp_path if hub else tmp_path / "train.jsonl")
    with pytest.raises(ProblemError) as caught:
        files._read(ProblemsConfig(source="hub" if hub else "jsonl", path=path), path)
    key = "question" if column == "problem" else column
    message = str(caught.value)
    assert message.startswith(f"{'Row' if hub else 'Line'} 2 of '{path}', column '{column}' (problems.fields.{key})")
    assert words in message and "\n" not in message


@pytest.mark.parametrize("value, words", [(True, '"true" or "yes"'), (False, '"false" or "no"')])
def test_a_truth_value_is_refused_with_what_to_write_or_to_name_instead(tmp_path, value, words):
    write(tmp_path, "jsonl", [{"problem": "q", "answer": value}])
    path = str(tmp_path / "train.jsonl")
    with pytest.raises(ProblemError, match=f"such as {words} in quotes, or name another column") as caught:
        files._read(ProblemsConfig(source="jsonl", path=path), path)
    assert "(problems.fields.answer)" in str(caught.value)


TYPED = [
    ([b"1"], "bytes"),
    ([[1]], "a list"),
    ([True], "a truth value (True)"),
    ([datetime.datetime(2024, 1, 2)], "a datetime"),
    ([float("nan")], "holds nan"),
]


@pytest.mark.parametrize("answers, words", TYPED, ids=[words for _, words in TYPED])
@pytest.mark.parametrize("door", ["parquet", "hub parquet"])
def test_typed_columns_that_are_no_text_are_refused(through, door, answers, words):
    with pytest.raises(ProblemError, match="Row 1 of .*column 'answer'") as caught:
        through(door, answers)
    assert words in str(caught.value)


def test_a_hub_split_may_be_a_part_of_one(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "d"
    folder.mkdir()
    write(folder, "jsonl", [{"problem": f"q{i}", "answer": "2024-01-02"} for i in range(10)])
    config = ProblemsConfig(source="hub", path=str(folder), hub_split="train[2:4]")
    assert [p.question for p in files._read(config, str(folder))] == ["q2", "q3"]
    with pytest.raises(ProblemError, match="cannot be loaded"):
        files._read(ProblemsConfig(source="hub", path=str(folder), hub_split="no"), str(folder))


def test_other_columns_are_held_to_the_same(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"problem": "q", "answer": "1", "solution": ["a"], "worked": "b"}\n')
    with pytest.raises(ProblemError, match=r"column 'solution' \(problems.fields.solution\) holds a list"):
        files._read(ProblemsConfig(source="jsonl", path=str(path)), str(path))
    other = ProblemsConfig(source="jsonl", path=str(path), fields=FieldNames(solution="worked"))
    assert files._read(other, str(path))[0].solution == "b\nThe answer is \\boxed{1}."


@pytest.mark.parametrize(
    "line, words",
    [
        ('{"problem": "q", "answer": ' + "1" * 5000 + "}", "holds a number of too many digits"),
        ("[" * 200_000, "is nested too deeply"),
    ],
)
def test_lines_that_json_itself_gives_up_on_are_named(tmp_path, line, words):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"problem": "a", "answer": "1"}}\n{line}\n')
    with pytest.raises(ProblemError, match=f"Line 2 of .* {words}"):
        files._read(ProblemsConfig(source="jsonl", path=str(path)), str(path))


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"problem": "a", "answer": "1"}\n')
    assert files._read(ProblemsConfig(source="jsonl", path=str(path)), str(path))[0].answer == "1"


VERL = {
    "data_source": "openai/gsm8k",
    "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 70 + 2?"}],
    "reward_model": {"style": "rule", "ground_truth": "72"},
}
TRL = {"prompt": [{"role": "user", "content": [{"type": "text", "text": "What is 70 + 2?"}]}], "solution": "72"}
AS_VERL = FieldNames(question="prompt", answer="reward_model.ground_truth")
AS_TRL = FieldNames(question="prompt", answer="solution")


def read_one(folder, row: dict, fields: FieldNames, kind: str = "jsonl"):
    write(folder, kind, [row])
    path = str(next(folder.iterdir()))
    (problem,) = files._read(ProblemsConfig(source=kind, path=path, fields=fields), path)
    return problem


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("row, fields", [(VERL, AS_VERL), (TRL, AS_TRL)])
def test_rows_of_verl_and_trl_are_read_as_they_are(tmp_path, row, fields, kind):
    problem = read_one(tmp_path, row, fields, kind)
    assert (problem.question, problem.answer) == ("What is 70 + 2?", "72")
    assert problem.solution is None  # TRL calls the gold answer so


@pytest.mark.parametrize(
    "row, fields, sentence",
    [
        (VERL, FieldNames(), "Rows in verl's shape want problems.fields.question=prompt"),
        (TRL, FieldNames(), "problems.fields.answer=solution"),
        (VERL, FieldNames(question="prompt", answer="reward_model"), "such as '.style'"),
        ({"problem": "q", "answer": ["3", "6/2"]}, FieldNames(), "name one of its items, such as '.0'"),
        ({"problem": "q", "answer": ["3"]}, FieldNames(answer="answer.1"), "has no field 'answer.1'"),
        ({"prompt": TRL["prompt"] * 2, "answer": "1"}, FieldNames(question="prompt"), "one turn of the user"),
        (
            {"prompt": [{"role": "user", "content": [{"type": "image"}]}], "answer": "1"},
            FieldNames(question="prompt"),
            "such as images",
        ),
    ],
)
def test_what_would_become_the_text_of_a_list_is_refused_with_the_key_to_set(tmp_path, row, fields, sentence):
    with pytest.raises(ProblemError, match=sentence):
        read_one(tmp_path, row, fields)


def test_days_are_the_same_through_parquet_and_json(through):
    days = [datetime.date(2026, 1, 31), datetime.date(1999, 12, 1)]
    assert through("parquet", days) == through("jsonl", [str(day) for day in days]) == ["2026-01-31", "1999-12-01"]


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.json.gz", "rows.json"])
def test_packed_files_and_arrays_are_read_like_lines(tmp_path, name):
    rows = [{"problem": "a", "answer": 3}, {"problem": "b", "answer": "3.50"}]
    content = (json.dumps(rows) if ".json." in name + "." else "\n".join(map(json.dumps, rows))).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    found = files._read(ProblemsConfig(source="jsonl", path=str(path)), str(path))
    assert [problem.answer for problem in found] == ["3", "3.50"]


def test_half_an_archive_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"problem": "a", "answer": 3}\n' * 100)[:-12])
    with pytest.raises(ProblemError, match="is no whole gzip file"):
        files._read(ProblemsConfig(source="jsonl", path=str(path)), str(path))


@pytest.mark.parametrize(("value", "told"), [("a\nb", "no list of texts"), ({"a": 1}, "no list"), ([["a"]], "a list")])
def test_what_is_no_list_of_texts_is_refused(value, told):
    with pytest.raises(ProblemError, match=f"Row 1, column 'hints'.*{told}"):
        texts_of(value, "Row 1, column 'hints'")
