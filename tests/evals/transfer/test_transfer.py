"""Abstractions in other hands: a stub server that follows whatever form it is given, and tiny models of another run."""

import json
import random
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from chat_server import chat_server, in_openais_form
from simulated_jobs import InThisProcess

from evals.samples import workers
from evals.samples.trees import Draws, Grown, Guided, Sampled, Samples
from evals.transfer import sampling
from evals.transfer.__main__ import main
from evals.transfer.measuring import MEASURES
from evals.transfer.solvers import require_words, solver_of
from evals.transfer.sources import irrelevant, permuted, shuffled, sources_for
from evals.transfer.study import RESULT, TREES, transfer
from evals.transfer.table import print_transfer
from rlad.cli import PlainError, main_guard
from rlad.config import ChatServerConfig, load_config, save_config
from rlad.players.policy import make_policy
from rlad.problems import Problem, load_problems, world_of
from rlad.verifier import verify

SMALL = [
    *("problems.train=50", "problems.validation=4", "problems.test=7", "sweep.problems=7", "sweep.shard=3"),
    *("base.hidden_size=16", "base.layers=1", "base.heads=2", "base.kv_heads=1", "base.intermediate_size=32"),
    *("abstraction.max_new_tokens=5", "solution.max_new_tokens=8", "launch.ranks=1", "sweep.plain_samples=2"),
    *("sweep.grid=[[3,1],[1,2]]", "sweep.guided_temperatures=[0.3,0.6]", "sweep.plain_temperatures=[1.0]"),
    *("sweep.bootstrap=50", "sweep.select=[majority,draws]"),
]


def made(runs, name, *words):
    """A run's folder with an untrained base in it."""
    run = load_config(None, [f"runs_dir={runs}", f"name={name}", *SMALL, *words])
    make_policy("base", run.base, run, runs / name / "base").export()
    save_config(run, runs / name / "config.yaml")
    return runs / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(tmp_path_factory.mktemp("runs"), "giver")


@pytest.fixture
def run(folder, monkeypatch):
    """The giver's configuration; jobs are done in this process, and its proposer writes forms that may be right."""
    monkeypatch.setattr(workers, "ProcessPoolExecutor", InThisProcess)
    yield load_config(folder / "config.yaml")
    shutil.rmtree(folder / "transfer", ignore_errors=True)


def proposed(run, problem):
    """Two forms, the first drawn twice."""
    world, rng = world_of(run.problems), random.Random(problem.id)
    forms = [world.propose(problem, rng), "3 times"]
    drawn = Draws([forms[0], *forms], [6, 6, 3], [0, 0, 1], [-1.0, -1.0, -2.0])
    return Grown(drawn, [Guided(form, False, Samples.of([])) for form in forms])


@pytest.fixture
def scripted(run, monkeypatch):
    def job(own, problems, *_):
        return [proposed(own, problem) for problem in problems]

    monkeypatch.setattr(sampling, "propose_job", job)
    return run


class Follower:
    """Solves by the form in the hint, and nothing without one."""

    def __init__(self, run):
        self.world, self.tokens, self.asked, self.breaks_after = world_of(run.problems), 0, [], None
        self.told = set()
        self.problems = {p.question: p for split in ("validation", "test") for p in load_problems(run.problems, split)}

    def __call__(self, body, request):
        if self.breaks_after is not None and len(self.asked) >= self.breaks_after:
            return 400, {"error": {"message": "worn out"}}
        message = body["messages"][0]["content"]
        hint = re.search(r"<abstraction>\n(.*)\n</abstraction>", message)
        text = self.solved(self.problems[message.split("\n")[0]], hint and hint[1])
        self.asked.append((message, body["seed"], body["n"]))
        self.told.add(body.get("chat_template_kwargs", {}).get("enable_thinking"))
        self.tokens += len(text.split())
        return 200, in_openais_form([text], usage={"completion_tokens": len(text.split())})

    def solved(self, problem, form):
        known = form is not None and self.world.canonical_abstraction(form) in {f.text for f in self.world.prior}
        return self.world.solve(problem, form, random.Random(0)) if known else "I cannot say ."


def covered(follower, problems, given):
    """Share of the problems that one of their abstractions solves."""
    return np.mean([
        any(verify(problem.answer, follower.solved(problem, b.abstraction)).correct for b in one.branches)
        for problem, one in zip(problems, given, strict=True)
    ])  # fmt: skip


def test_a_solver_behind_a_server_with_every_control_at_equal_tokens(scripted, folder, capsys):
    run = scripted
    follower, problems = Follower(run), load_problems(run.problems, "test")
    with chat_server(follower) as url:
        found = transfer(run, folder, url, "stub")
        rows = {row["source"]: row for row in found["sources"]}
        assert list(rows) == ["own", "irrelevant", "shuffled", "oracle"]
        assert "no proposer of its own" in found["meta"]["notes"][0]
        own = [proposed(run, problem) for problem in problems]
        seed = f"{run.seed}|test"
        given = {"own": own, "irrelevant": irrelevant(own, seed), "shuffled": shuffled(own, seed)}
        for source, several in given.items():
            assert rows[source]["covered"] == pytest.approx(covered(follower, problems, several), abs=1e-4)
        oracle = rows["oracle"]
        assert [oracle[name] for name in MEASURES] == [1, 1, 1] == [oracle[f"{name}_difference"] for name in MEASURES]
        assert (oracle["n"], oracle["m"], rows["own"]["n"], rows["own"]["distinct"]) == (1, 3, 3, 2)
        for row in rows.values():
            assert row["plain_tokens"] == pytest.approx(row["tokens"], abs=0.02) and row["plain_covered"] == 0
        kept = Sampled.read(folder / "transfer" / "stub" / TREES)
        written = sum(
            sum(tokens)
            for records in kept.conditions.values()
            for one in records
            for tokens in ([b.solutions.tokens for b in one.branches] if isinstance(one, Grown) else [one.tokens])
        )
        assert written == follower.tokens  # what is reported is what was generated
        assert {n for *_, n in follower.asked} == {1} and len({seed for _, seed, _ in follower.asked}) > 30
        minus = {row["source"]: row["covered_difference"] for row in found["own_minus"]}
        assert minus["oracle"] == pytest.approx(rows["own"]["covered"] - 1, abs=1e-4)
        assert not list((folder / "transfer" / "stub").rglob("*.journal"))
        before = len(follower.asked)
        again = transfer(run, folder, url, "stub", rescore=True)
        assert len(follower.asked) == before and again["sources"] == found["sources"]
    print_transfer(found)
    assert "another problem's" in capsys.readouterr().out


def test_what_was_broken_off_goes_on_where_it_was(scripted, folder):
    run = replace(scripted, transfer=replace(scripted.transfer, endpoint=ChatServerConfig(thinking="false")))
    whole, broken = Follower(run), Follower(run)
    with chat_server(whole) as url:
        found = transfer(run, folder, url, "whole")
    with chat_server(broken) as url:
        broken.breaks_after = len(whole.asked) // 2
        with pytest.raises(PlainError, match="worn out"):
            transfer(run, folder, url, "broken")
        assert broken.told == {False}  # whether to think, though the run's own models have no such switch
        done, broken.breaks_after = len(broken.asked), None
        again = transfer(run, folder, url, "broken")
        assert len(broken.asked) - done < 0.8 * len(whole.asked)
    assert (again["sources"], again["own_minus"]) == (found["sources"], found["own_minus"])


def test_tokens_that_a_server_does_not_count_are_refused(scripted, folder):
    with (
        chat_server(lambda body, request: (200, in_openais_form(["\\boxed{ 1 }"]))) as url,
        pytest.raises(PlainError, match="does not say how many tokens"),
    ):
        transfer(scripted, folder, url)


def test_another_runs_solver_gets_all_five_and_no_problem_that_it_learnt_from(run, folder):
    words = ["problems.seed=1", "problems.train=4000", "sweep.select=[majority,unguided]"]
    made(folder.parent, "taker", *words)
    run = load_config(folder / "config.yaml", ["problems.test=40", "sweep.problems=6", "sweep.select=[unguided]"])
    found = transfer(run, folder, str(folder.parent / "taker"))
    assert [row["source"] for row in found["sources"]] == ["own", "irrelevant", "shuffled", "oracle", "pair"]
    solver = solver_of(f"{folder.parent}/taker", run)
    learnt = {problem.question for problem in load_problems(solver.run.problems, "train")}
    kept = Sampled.read(folder / "transfer" / "taker" / TREES)
    assert not learnt & {problem.question for problem in kept.problems["test"]} and len(kept.problems["test"]) == 6
    assert "The solver has trained on" in found["meta"]["notes"][0]
    oracle = next(row for row in found["sources"] if row["source"] == "oracle")
    assert oracle["tokens"] > 5 and (oracle["n"], oracle["m"]) == (1, 3)
    condition = next(one for one in kept.conditions if one.checkpoint == "oracle" and one.split == "test")
    grown = kept.conditions[condition][0]
    forms = {problem.question: problem.meta["form"] for problem in load_problems(run.problems, "test")}
    assert grown.branches[0].abstraction == forms[kept.problems["test"][0].question]
    assert None not in grown.branches[0].solutions.unguided and grown.draws.model_logprob[0] < 0
    assert json.loads((folder / "transfer" / "taker" / RESULT).read_text())["sources"] == found["sources"]


def test_a_folder_inside_a_run_is_known_by_the_run(folder):
    run = load_config(folder / "config.yaml")
    found = solver_of(f"{folder}/base", replace(run, name="other"))
    assert (found.name, found.pair.label, found.proposer) == ("giver-base", "base solver of giver", f"{folder}/base")


def test_what_is_not_there_is_refused_in_a_sentence(folder, tmp_path, capsys):
    run = load_config(folder / "config.yaml")
    with pytest.raises(SystemExit) as ended:
        main_guard(lambda: main([str(folder), "--solver", "nowhere"]))
    assert ended.value.code == 2 and "'nowhere' is no solver" in capsys.readouterr().err
    known = {"test": load_problems(run.problems, "test")}
    unknown = {"test": [Problem("a", "1 + 1?", "2"), Problem("b", "1 + 2?", "3")]}
    path = tmp_path / "problems.jsonl"
    path.write_text('{"problem": "1 + 1?", "answer": "2"}\n')
    file = load_config(None, ["problems.source=jsonl", f"problems.path={path}"])
    assert sources_for(run, known, None) == (["own", "irrelevant", "shuffled", "oracle", "pair"], [])
    sources, notes = sources_for(file, unknown, "solver")
    assert sources == ["own", "irrelevant", "shuffled"] and len(notes) == 2
    for source, problems, words in (
        ("oracle", unknown, "no oracle"),
        ("pair", unknown, "no proposer"),
        ("irrelevant", {"test": unknown["test"][:1]}, "only one problem"),
    ):
        named = replace(file, transfer=replace(file.transfer, sources=[source]))
        with pytest.raises(PlainError, match=words):
            sources_for(named, problems, "solver")


def test_a_solver_from_another_world_is_refused(folder, tmp_path):
    run = load_config(folder / "config.yaml")
    other = solver_of(str(made(tmp_path, "other", "problems.source=countdown")), run)
    with pytest.raises(PlainError, match="another world"):
        require_words(other, load_problems(run.problems, "test"))


def test_shuffled_words_are_the_same_words_in_another_order():
    rng = random.Random(1)
    for text in ("2 a + 1 b", "3 max mod 7"):
        mixed = permuted(text, rng)
        assert mixed != text and sorted(mixed.split()) == sorted(text.split())


def test_the_command_is_kept_as_it_was_typed(folder, monkeypatch, capsys):
    kept = []
    monkeypatch.setattr("evals.transfer.study.transfer", lambda *given: kept.append(given[-1]))
    monkeypatch.setattr("evals.transfer.table.print_transfer", print)
    main([str(folder), "--solver", "http://h/v1", "transfer.sources=[own, oracle]", "--rescore"])
    assert kept == [f"./launch.sh transfer {folder} 'transfer.sources=[own, oracle]' --solver http://h/v1 --rescore"]
