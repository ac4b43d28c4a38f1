"""A warm start from a file: the file's rows, all of them, with the world's tokenizer."""

import json
import random

import pytest
from chat_tokenizers import chat_tokenizer

from rlad.config import MixtureConfig, load_config
from rlad.players.policy import load_tokenizer
from rlad.players.prompts import Prompts
from rlad.problems import ProblemError
from trainers.data.demonstrations import Demonstrations
from trainers.warmstart import demonstrated


def test_a_file_takes_the_place_of_the_worlds_own_demonstrations(tmp_path):
    rows = [
        {"problem": f"{i} , 1 > 9 ; 2 , 2 > ?", "answer": "8", "solution": f"{i} \\boxed{{ 8 }}"} for i in range(40)
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = load_config(None, [f"warmstart.path={file}", "problems.train=10"])
    problems, world = demonstrated(run)
    assert (len(problems), world) == (40, None)  # none is held out, and the world solves nothing
    prompts = Prompts(load_tokenizer(run.base, run.problems))
    plain = MixtureConfig(plain=1, propose=0, guided=0)
    data, rng = Demonstrations(problems, world, prompts, plain), random.Random(0)
    drawn = {prompts.decode(list(data.draw(rng)[1].completion)).strip() for _ in range(400)}
    assert drawn == {row["solution"] for row in rows}
    with pytest.raises(ProblemError, match="no demonstrations for propose"):
        Demonstrations(problems, world, prompts, MixtureConfig())


def test_without_a_file_the_world_demonstrates():
    problems, world = demonstrated(load_config(None, ["problems.train=10"]))
    assert len(problems) == 10 and world.name == "induction"


@pytest.mark.parametrize("task", ["plain", "guided", "one_pass", "refine"])
def test_no_calculator_annotation_is_demonstrated_and_the_answer_is_boxed(tmp_path, task):
    """Rows as GSM8K writes them, in what the model is to write under a prompt that asks for a box."""
    row = {
        "question": "2+2?", "answer": "2+2=<<2+2=4>>4\n#### 4", "abstraction": "count",
        "attempt": "5", "critique": "no",
    }  # fmt: skip
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row) + "\n")
    fields = ["problems.fields.question=question", "problems.fields.solution=answer"]
    run = load_config(None, ["problems.source=jsonl", f"problems.path={file}", f"warmstart.path={file}", *fields])
    prompts = Prompts(chat_tokenizer("chatml"))
    only = MixtureConfig(**{"plain": 0, "propose": 0, "guided": 0, task: 1})
    drawn, shown = Demonstrations(*demonstrated(run), prompts, only).draw(random.Random(0))
    assert drawn == task and "\\boxed{}" in prompts.decode(list(shown.prompt))
    written = prompts.decode(list(shown.completion))
    hint = "<abstraction>\ncount\n</abstraction>\n\n" if task == "one_pass" else ""
    assert written == hint + "2+2=4\nThe answer is \\boxed{4}."
