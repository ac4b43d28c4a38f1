"""Real problems: rows of GSM8K, MATH and MATH-500 through JSONL, Parquet and a dataset folder; and bad input."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import rlad.problems.files as files
from rlad.config import FieldNames, ProblemsConfig, load_config
from rlad.problems import SPLITS, ProblemError, load_problems
from rlad.verifier import Outcome, verify

DATA = Path(__file__).parent.parent / "data"
GSM8K, MATH, MATH_500 = (str(DATA / f"{name}_rows.jsonl") for name in ("gsm8k", "math", "math_500"))


def config(path, source="jsonl", **changes) -> ProblemsConfig:
    return ProblemsConfig(source=source, path=str(path), **{"train": 0, "validation": 0, "test": 0, **changes})


def write(path: Path, *lines) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def rows(count: int) -> list[dict]:
    return [{"problem": f"What is {n} + {n}?", "answer": 2 * n} for n in range(count)]


# ------------------------------------------------------------------------------------------------ what is read
def test_gsm8k_rows_become_problems():
    problems = load_problems(config(GSM8K, validation_path=MATH, test_path=MATH_500), "train")
    assert len(problems) == 12
    first = problems[0]
    assert first.question.startswith("Natalia sold clips") and first.answer == "72"
    assert first.solution.endswith("altogether in April and May.\nThe answer is \\boxed{72}.")
    assert "<<" not in first.solution and first.abstraction is None
    assert verify(first.answer, first.solution).correct


@pytest.mark.parametrize("path", [GSM8K, MATH, MATH_500])
def test_every_gold_of_the_real_rows_verifies_itself(path):
    problems = load_problems(config(path, validation_path=GSM8K if path != GSM8K else MATH, test_path=path), "test")
    assert len(problems) >= 8
    for problem in problems:
        assert verify(problem.answer, f"\\boxed{{{problem.answer}}}").outcome is Outcome.correct


def test_gsm8ks_own_field_names_and_worked_answers(tmp_path):
    """The hub's GSM8K has `question` and an `answer` that is the whole worked solution."""
    path = write(tmp_path / "a.jsonl", {"question": "2+2?", "answer": "2+2=<<2+2=4>>4\n#### 4"})
    names = FieldNames(question="question", solution="answer")
    (problem,) = files._read(config(path, fields=names), str(path))
    assert (problem.answer, problem.solution) == ("4", "2+2=4\nThe answer is \\boxed{4}.")
    with pytest.raises(ProblemError, match="GSM8K's shape") as refused:
        files._read(config(path), str(path))
    words = [word.rstrip(".") for word in str(refused.value).split() if word.startswith("problems.fields.")]
    told = load_config(None, ["problems.source=jsonl", f"problems.path={path}", *words]).problems.fields
    assert files._read(config(path, fields=told), str(path)) == [problem]


@pytest.mark.parametrize(
    "solution, read",
    [
        ("so 3", "so 3\nThe answer is \\boxed{3}."),
        ("<think>\\boxed{3}?</think>so 3", "<think>\\boxed{3}?</think>so 3\nThe answer is \\boxed{3}."),
        ("$1+2=\\boxed{3}$, done", "$1+2=\\boxed{3}$, done"),
        ("#### Step 1\n1+2\n#### 3", "#### Step 1\n1+2\nThe answer is \\boxed{3}."),
        ("1+2=<<1+2=3>>3, if (1 << 2) >= 3", "1+2=3, if (1 << 2) >= 3\nThe answer is \\boxed{3}."),
        ("#### 3", None),
        ("3", None),
    ],
)
def test_worked_solutions_end_in_a_box(tmp_path, solution, read):
    path = str(write(tmp_path / "a.jsonl", {"problem": "a", "answer": 3, "solution": solution}))
    (problem,) = files._read(config(path), path)
    assert problem.solution == read


def test_a_gold_that_no_box_holds_stays_where_it_is(tmp_path):
    lines = [
        {"problem": "a", "answer": "}{", "solution": "so\n#### }{"},
        {"problem": "b", "answer": "$\\boxed{\\{1\\}}$", "solution": "so"},
    ]
    a, b = files._read(config("a"), str(write(tmp_path / "a.jsonl", *lines)))
    assert (a.solution, b.solution) == ("so\n#### }{", "so\nThe answer is \\boxed{\\{1\\}}.")


def test_a_worlds_demonstrations_end_as_its_file_says(tmp_path):
    path = str(write(tmp_path / "a.jsonl", {"problem": "a", "answer": "3", "solution": "1 + 2 = 3"}))
    assert files.read_demonstrations(config(None, source="induction"), path)[0].solution == "1 + 2 = 3"


def test_answers_become_text_and_optional_fields_are_kept(tmp_path):
    lines = [
        {"problem": "a", "answer": 3, "abstraction": "count", "solution": "  so \\boxed{3} "},
        {"problem": "b", "answer": 0.5, "abstraction": "", "solution": None},
        {"problem": "c", "answer": 4.0},
    ]
    path = str(write(tmp_path / "a.jsonl", *lines, ""))
    a, b, c = files._read(config(path), path)
    assert [p.answer for p in (a, b, c)] == ["3", "0.5", "4"]
    assert (a.abstraction, a.solution, b.abstraction, b.solution) == ("count", "so \\boxed{3}", None, None)


def test_parquet_and_jsonl_give_the_same_problems(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    path = tmp_path / "rows.parquet"
    datasets.Dataset.from_list([json.loads(line) for line in Path(GSM8K).read_text().splitlines()]).to_parquet(path)
    assert files._read(config(path, "parquet"), str(path)) == files._read(config(GSM8K), GSM8K)


def test_a_dataset_folder_goes_the_hubs_way(tmp_path, monkeypatch, capfd):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "dataset"
    folder.mkdir()
    train, test = write(folder / "train.jsonl", *rows(40)), write(folder / "test.jsonl", *rows(50)[40:])
    there = config(folder, "hub", test_path=f"{folder}:test", validation_path=GSM8K)
    assert _facts(load_problems(there, "train")) == _facts(files._read(config(train), str(train)))
    assert _facts(load_problems(there, "test")) == _facts(files._read(config(test), str(test)))
    assert len(load_problems(there, "validation")) == 12  # a file beside a dataset
    assert datasets.is_progress_bar_enabled()
    assert "%|" not in capfd.readouterr().err


def _facts(problems) -> list[tuple]:
    return [(p.id, p.question, p.answer, p.solution, p.abstraction) for p in problems]


# ------------------------------------------------------------------------------------------------ splits
def test_held_out_rows_are_split_off_by_the_question(tmp_path):
    path = write(tmp_path / "a.jsonl", *rows(400))
    splits = {split: load_problems(config(path), split) for split in SPLITS}
    ids = [{p.id for p in problems} for problems in splits.values()]
    assert sum(map(len, ids)) == len(set.union(*ids)) == 400
    assert 270 < len(ids[0]) < 370 and len(ids[1]) > 15 and len(ids[2]) > 15
    shuffled = write(tmp_path / "b.jsonl", *reversed(rows(400)))
    assert {p.id for p in load_problems(config(shuffled), "test")} == ids[2]
    assert {p.id for p in load_problems(config(path, seed=1), "test")} != ids[2]


def test_a_held_out_file_frees_its_share_for_training_and_its_questions_are_kept_out(tmp_path):
    path = write(tmp_path / "a.jsonl", *rows(100))
    test = write(tmp_path / "t.jsonl", *rows(10), {"problem": "What  is 3\n+ 3?", "answer": 6})
    here = config(path, test_path=str(test))
    parts = {split: {p.id for p in load_problems(here, split)} for split in SPLITS}
    assert len(parts["test"]) == 10  # the repeated question is one problem
    assert not parts["train"] & parts["test"]
    assert len(parts["train"]) + len(parts["validation"] | parts["test"]) == 100


def test_fewer_rows_are_a_fixed_sample_not_the_files_head(tmp_path):
    path = write(tmp_path / "a.jsonl", *rows(300))
    few = load_problems(config(path, train=20), "train")
    everything = load_problems(config(path), "train")
    assert len(few) == 20 and {p.id for p in few} < {p.id for p in everything}
    assert [p.id for p in few] != [p.id for p in everything[:20]]
    assert load_problems(config(path, train=20), "train") == few
    assert load_problems(config(path, train=5), "train") == few[:5]
    assert len(load_problems(config(path, train=5000), "train")) == len(everything)


# ------------------------------------------------------------------------------------------------ bad input
def refusal(bad: ProblemsConfig, split: str = "train") -> str:
    with pytest.raises(ProblemError) as caught:
        load_problems(bad, split)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_missing_field_names_itself_and_the_columns(tmp_path):
    path = write(tmp_path / "a.jsonl", *rows(2), {"problem": "q", "solution": "s"})
    assert refusal(config(path)) == (
        f"Line 3 of '{path}' has no field 'answer' (problems.fields.answer); it has 'problem', 'solution'."
    )
    names = FieldNames(question="prompt")
    assert "no field 'prompt' (problems.fields.question); it has 'problem', 'answer'" in refusal(
        config(write(tmp_path / "b.jsonl", *rows(1)), fields=names)
    )


def test_a_line_that_is_not_json_is_named_by_its_number(tmp_path):
    path = write(tmp_path / "a.jsonl", *rows(1), "", "{'problem': 1}")
    assert refusal(config(path)).startswith(f"Line 3 of '{path}' is not JSON")
    path = write(tmp_path / "b.jsonl", "[1, 2]")
    assert refusal(config(path)) == f"Line 1 of '{path}' is not a JSON object."
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"problem": "\xff"}\n')
    assert refusal(config(path)) == f"Line 1 of '{path}' is not UTF-8 text."


def test_missing_empty_and_broken_files(tmp_path):
    assert refusal(config(tmp_path / "no.jsonl")) == f"There is no file '{tmp_path / 'no.jsonl'}'."
    empty = write(tmp_path / "empty.jsonl", "")
    assert refusal(config(empty)) == f"'{empty}' holds no problems."
    broken = write(tmp_path / "broken.parquet", "text")
    assert refusal(config(broken, "parquet")).startswith(f"'{broken}' is not a Parquet file")
    assert refusal(ProblemsConfig(source="jsonl")) == "problems.source=jsonl needs problems.path."
    folder = tmp_path / "no" / "dataset"
    assert refusal(config(folder, "hub")).startswith(f"The dataset '{folder}' cannot be loaded")


def test_a_handful_of_rows_still_has_all_three_splits(tmp_path):
    for count in range(3, 12):
        path = write(tmp_path / "a.jsonl", *rows(count))
        ids = [p.id for split in SPLITS for p in load_problems(config(path), split)]
        assert len(ids) == len(set(ids)) == count


def test_too_few_rows_for_a_split(tmp_path):
    path = write(tmp_path / "a.jsonl", *rows(1))
    refused = [split for split in SPLITS if "leaves no problem" in _outcome(config(path), split)]
    assert len(refused) == 2
    assert refusal(config(path), refused[-1]) == (
        f"'{path}' leaves no problem for the {refused[-1]} split; give more rows or a problems.{refused[-1]}_path."
    )


def _outcome(here: ProblemsConfig, split: str) -> str:
    try:
        return str(load_problems(here, split))
    except ProblemError as error:
        return str(error)


def test_rows_without_an_answer_are_left_out_with_a_warning(tmp_path, caplog):
    path = str(write(tmp_path / "a.jsonl", *rows(3), {"problem": "q", "answer": None}, {"problem": " ", "answer": "1"}))
    with caplog.at_level(logging.WARNING):
        assert len(files._read(config(path), path)) == 3
    assert "2 rows without question or answer left out, the first is line 4" in caplog.text


@pytest.mark.process
def test_datasets_is_imported_only_when_it_is_needed():
    code = (
        "import sys; from rlad.config import ProblemsConfig; from rlad.problems import load_problems;"
        f"load_problems(ProblemsConfig(source='jsonl', path={GSM8K!r}), 'train');"
        "assert not {'datasets', 'torch', 'sympy', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=DATA.parent.parent)
