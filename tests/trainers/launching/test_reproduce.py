"""docs/reproduce.md: its commands are configurations that load, and its program makes a test set of hard problems."""

import json
import re
import shlex
from pathlib import Path

import pytest

from rlad.config import load_config, save_config
from rlad.problems import load_problems

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reproduce.md").read_text()
JOINED = PAGE.replace("\\\n", " ")
COMMANDS = re.findall(r"^ +\./launch\.sh (\w+) (\S+) (.*)$", JOINED, re.MULTILINE)


def words_of(text):
    """A command's words; models that earlier commands make are named as the hub's."""
    text = text.replace("$test", "problems.benchmark=aime25").replace("${name%.jsonl}", "aime25").replace("$1", "base")
    return [re.sub(r"path=(runs/.*|\$2)$", "path=Qwen/Qwen3-1.7B", word) for word in shlex.split(text)]


@pytest.mark.parametrize(("verb", "config", "rest"), COMMANDS)
def test_commands_load(verb, config, rest):
    train = "configs/baselines/dapo.yaml" if config == "runs/dapo" else "configs/qwen3-1.7b.yaml"
    run = load_config(ROOT / (train if config.startswith("runs/") else config), words_of(rest))
    if verb == "sweep":
        assert (run.sweep.iid_abstractions, run.sweep.iid_solutions, run.solution.max_new_tokens) == (4, 16, 32768)
    elif "medium" in rest:
        assert run.cotrain.micro_tokens > run.solution.max_new_tokens + 3072  # the paper's longest prompt
    elif run.name == "dapo":
        assert run.cotrain.abstractions == 0 and run.solution.kl_coef and not run.cotrain.dynamic_sampling


def test_every_row_has_its_commands():
    assert [verb for verb, _, _ in COMMANDS] == ["curriculum", "pipeline", "train", "pipeline", "train", "sweep"]


def test_the_program_keeps_hard_problems_out_of_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("data", "runs/measure"):
        Path(folder).mkdir(parents=True)
    rows = [{"problem": f"What is {number}?", "answer": str(number)} for number in range(40)]
    Path("data/all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["problems.source=jsonl", "problems.path=data/all.jsonl", "problems.train=0"]
    run = load_config(None, [*words, "problems.validation=2", "problems.test=2"])
    save_config(run, Path("runs/measure/config.yaml"))
    train = load_problems(run.problems, "train")
    hard = {problem.question for problem in train[:5]}
    lines = [{"made_with": {}}]
    lines += [{"problem": p.id, "right": 1 if p.question in hard else 2, "sampled": 8} for p in train]
    Path("runs/measure/curriculum.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    exec(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], {})
    kept = [json.loads(line) for line in Path("data/dsr-hard.jsonl").read_text().splitlines()]
    assert {row["problem"] for row in kept} == hard
    after = load_config(None, [*words, "problems.test_path=data/dsr-hard.jsonl", "problems.test=0"])
    assert not {problem.question for problem in load_problems(after.problems, "train")} & hard
    assert {problem.question for problem in load_problems(after.problems, "test")} == hard
