"""Environments of `verifiers` as problems and the other way round; with the package itself where it is installed."""

import asyncio
import sys
from types import ModuleType

import pytest
from stub_verifiers import install, said

from rlad import environment
from rlad.config import load_config
from rlad.problems import ProblemError, load_problems
from rlad.problems.environments import taskset_rows

ROWS = [(f"What is {i} + {i}?", str(2 * i)) for i in range(12)]


@pytest.fixture
def vf(monkeypatch):
    environment.taskset_type.cache_clear()
    yield install(monkeypatch)
    environment.taskset_type.cache_clear()
    sys.modules.pop("rlad_environment", None)


def made(vf, monkeypatch, name="their_sums", endless=False, container=False, prompt=lambda text: text, wants=False):
    """Installs a task set of sums under a name, as somebody else would write one; `wants`: it must be configured."""

    class Config(vf.TasksetConfig):
        upper: bool = False

    class Wanting(vf.TasksetConfig):
        dataset: str

    class Data(vf.TaskData):
        answer: str

    class Sum(vf.Task[Data, vf.State, vf.TaskConfig]):
        NEEDS_CONTAINER = container

    class Sums(vf.Taskset[Sum, Wanting if wants else Config]):
        INFINITE = endless

        def load(self):
            number = 0
            while number < len(ROWS) or endless:
                question, answer = ROWS[number % len(ROWS)]
                text = question if number < len(ROWS) else f"{number}: {question}"
                yield Sum(Data(prompt=prompt(text), answer=answer), self.config.task)
                number += 1

    module = ModuleType(name)
    module.Sums, module.__all__ = Sums, ["Sums"]
    monkeypatch.setitem(sys.modules, name, module)
    return name


def run_of(name, *words):
    return load_config(None, ["problems.source=verifiers", f"problems.path={name}", "problems.train=0", *words])


def test_a_task_set_is_read_as_problems(vf, monkeypatch):
    run = run_of(made(vf, monkeypatch), "problems.validation=0", "problems.test=0")
    found = [problem for split in ("train", "validation", "test") for problem in load_problems(run.problems, split)]
    assert {(problem.question, problem.answer) for problem in found} == set(ROWS)


def test_of_a_conversation_the_users_turn_is_the_question(vf, monkeypatch):
    def told(text):
        return [{"role": "system", "content": "Say it in a box."}, {"role": "user", "content": text}]

    def asked_back(text):
        return [{"role": "user", "content": text}, {"role": "assistant", "content": "1"}]

    run = run_of(made(vf, monkeypatch, prompt=told), "problems.validation=0", "problems.test=0")
    assert all((problem.question, problem.answer) in ROWS for problem in load_problems(run.problems, "train"))
    run = run_of(made(vf, monkeypatch, prompt=asked_back))
    with pytest.raises(ProblemError, match="Task 1 of 'their_sums'.* no conversation with one turn of the user"):
        load_problems(run.problems, "train")


def test_an_endless_task_set_gives_as_many_as_are_wanted(vf, monkeypatch):
    name = made(vf, monkeypatch, endless=True)
    assert len(list(taskset_rows(name, 30))) == 30
    with pytest.raises(ProblemError, match="is endless; set problems.train"):
        list(taskset_rows(name, 0))


def test_what_is_no_problem_is_refused(vf, monkeypatch):
    with pytest.raises(ProblemError, match="worked on in a container"):
        list(taskset_rows(made(vf, monkeypatch, container=True), 5))
    with pytest.raises(ProblemError, match="needs the package verifiers and a task set 'nobodys_tasks'"):
        list(taskset_rows("nobodys_tasks", 5))
    with pytest.raises(ProblemError, match="needs the package verifiers and a task set 'json' .*no Taskset subclass"):
        list(taskset_rows("json", 5))
    with pytest.raises(ProblemError, match=r"'their_sums' wants to be configured \(dataset: Field required\);"):
        list(taskset_rows(made(vf, monkeypatch, wants=True), 5))
    run = run_of(made(vf, monkeypatch), "problems.fields.answer=gold")
    with pytest.raises(ProblemError, match="Task 1 of 'their_sums' has no field 'gold'"):
        load_problems(run.problems, "train")


def rewards(task, *replies):
    return [asyncio.run(task.right(said(reply))) for reply in replies]


def test_a_world_is_a_task_set_with_our_judge(vf):
    kind = environment.taskset_type()
    words = ["problems.source=countdown", "problems.train=4", "problems.validation=4", "problems.test=4"]
    config = type_of_config(kind)(id="rlad-environment", overrides=words, split="test")
    tasks = list(kind(config))
    problems = load_problems(load_config(None, words).problems, "test")
    assert [task.data.answer for task in tasks] == [problem.answer for problem in problems]
    first = tasks[0]
    assert problems[0].question in first.data.prompt and "boxed" in first.data.prompt
    # The answer alone is right for the verifier and against the world's rule, which wants the way to it.
    assert rewards(first, rf"\boxed{{{first.data.answer}}}", r"\boxed{-1}", "") == [0.0, 0.0, 0.0]
    words[0] = "problems.source=induction"
    config = type_of_config(kind)(id="rlad-environment", overrides=words, split="train")
    task = next(iter(kind(config)))
    assert rewards(task, rf"so \boxed{{{task.data.answer}}}", r"\boxed{-1}") == [1.0, 0.0]


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"split": "tset"}, "'tset' is not a split; the splits are train, validation, test"),
        ({"config": "nowhere.yaml"}, "There is no configuration file 'nowhere.yaml'"),
        ({"overrides": ["problems.sorce=algebra"]}, "nearest known key is 'problems.source'"),
        ({"overrides": ["problems.source=search"]}, "call a tool"),
    ],
)
def test_what_cannot_be_a_task_set_is_refused_while_its_flags_are_read(vf, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        type_of_config(environment.taskset_type())(id="rlad-environment", **given)


def type_of_config(kind):
    from verifiers.v1.utils.loaders import taskset_config_type

    assert kind.__name__ == "RladTaskset"
    return taskset_config_type("rlad-environment")


def test_there_and_back_again(vf):
    """A task set by its own id, so that problems read from it are the problems themselves."""
    (row, *_) = list(taskset_rows("rlad-environment", 0))
    assert row[0] == "task 1" and row[1]["answer"] and row[1]["problem"].startswith(row[1]["question"])
