"""Benchmarks are read from rows in their datasets' shapes, beside any training problems."""

import doctest
import json

import pytest

import rlad.config.problems
from rlad.config import ProblemsConfig
from rlad.config.benchmarks import BENCHMARKS
from rlad.problems import load_problems
from rlad.verifier import verify

ROWS = {
    "gsm8k": (
        {"question": "Ann has 1,000 pens, buys 80. How many?", "answer": "1000+80=<<1000+80=1080>>1,080\n#### 1,080"},
        "1080",
    ),
    "math500": (
        {"problem": "What is $\\frac12+\\frac14$?", "solution": "So $\\boxed{\\frac{3}{4}}$.",
         "answer": "\\frac{3}{4}", "subject": "Prealgebra", "level": 1, "unique_id": "test/prealgebra/1.json"},
        "0.75",
    ),
    "aime24": (
        {"id": 60, "problem": "Find $m+n$.", "solution": "So $m+n=\\boxed{025}$.", "answer": "025", "year": "2024"},
        "25",
    ),
    "aime25": ({"problem": "Find the sum.", "answer": "70", "id": "0"}, "70"),
    "amc23": ({"id": 0, "answer": 27.0, "url": "", "question": "How far is it?"}, "27"),
    "olympiadbench": (
        {"id": 1606, "question": "Find $x$.", "solution": ["By symmetry $x=\\sqrt{2}$."],
         "final_answer": ["$\\sqrt{2}$"], "context": None, "is_multiple_answer": False, "unit": None,
         "answer_type": "Numerical", "error": None},
        "2^{1/2}",
    ),
}  # fmt: skip
"""By benchmark: a row in its shape, and an answer that is right."""


def test_worked_examples_in_docstrings():
    assert doctest.testmod(rlad.config.problems).failed == 0


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_row_in_the_datasets_shape_is_a_problem_with_a_gold_that_is_read(tmp_path, name):
    row, right = ROWS[name]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    (problem,) = load_problems(ProblemsConfig(benchmark=name, test_path=str(path), test=0), "test")
    assert problem.question == row.get("question", row.get("problem"))
    assert verify(problem.answer, f"\\boxed{{{right}}}").correct
    assert not verify(problem.answer, "\\boxed{31}").correct


def test_training_rows_keep_their_columns_and_lose_what_the_benchmark_asks(tmp_path):
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    asked = ROWS["amc23"][0]
    test.write_text(json.dumps(asked) + "\n")
    rows = [{"problem": f"What is {n}+1?", "answer": str(n + 1)} for n in range(20)]
    rows.append({"problem": asked["question"], "answer": "27"})
    train.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = ProblemsConfig(
        source="jsonl", path=str(train), benchmark="amc23", test_path=str(test), train=0, validation=1
    )
    assert [one.question for one in load_problems(config, "test")] == [asked["question"]]
    assert asked["question"] not in {one.question for one in load_problems(config, "train")}


def test_without_a_file_it_is_the_hubs():
    assert ProblemsConfig(benchmark="gsm8k").held_out("test") == "openai/gsm8k:test"
    assert ProblemsConfig(benchmark="gsm8k").held_out("validation") is ProblemsConfig().held_out("test") is None
    own = ProblemsConfig(benchmark="gsm8k").of_split("test")
    assert (own.source, own.path, own.subset, own.generated) == ("hub", "openai/gsm8k", "main", False)
