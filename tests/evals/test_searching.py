"""How differently solutions search: the measures, runs side by side, and what has nothing to compare."""

import json
import math
import re

import pytest
from simulated_jobs import InThisProcess

from evals import sweep
from evals.samples import workers
from evals.samples.trees import NAME, Condition, Draws, Grown, Guided, Sampled, Samples
from evals.searching import Searches, compared, comparison, first_of, main, measured, searches
from rlad.cli import PlainError
from rlad.config import load_config, save_config
from rlad.players.policy import make_policy
from rlad.problems.base import Problem

DIRECT = "\\search born ki \\endsearch \\result ki born 7 \\endresult \\boxed{ 7 }"
LONG = "\\search bore ki \\endsearch \\result nothing \\endresult \\search ki \\endsearch \\boxed{ 7 }"
NONE = "\\boxed{ 3 }"


def samples(*texts):
    verdicts = ["correct" if text == DIRECT else "incorrect" for text in texts]
    return Samples(list(texts), [5] * len(texts), [None] * len(texts), verdicts, [0] * len(texts))


def test_the_measures_by_hand():
    found = searches([DIRECT, DIRECT, LONG, NONE], [True, True, False, False])
    assert found.accuracy == 0.5 and found.coverage == 1 and found.distinct_queries == 3 and found.calls == 1
    assert found.query_distance == pytest.approx(5 / 6)  # of six pairs the two direct ones are alike
    assert found.strategy_entropy == pytest.approx(0.5 * math.log(2) + 2 * 0.25 * math.log(4))
    assert found.fruitless == 0.25
    silent = searches([NONE, NONE], [False, False])
    assert silent == Searches(0, 0, 0, 0, 0, 0, 0, 0)


def test_queries_that_share_letters_are_nearer_by_chrf_and_no_nearer_as_sets():
    near = searches(["\\search born ki \\endsearch", "\\search bore ki \\endsearch"], [True, True])
    # of six letters five are shared, of five pairs three, of four triples one, and nothing longer
    assert near.query_distance == 1 and near.chrf_distance == pytest.approx(1 - (5 / 6 + 3 / 5 + 1 / 4) / 6)
    assert searches([DIRECT, NONE], [True, False]).chrf_distance == 1


def test_solutions_are_taken_breadth_first_and_as_many_of_every_question():
    grown = Grown(Draws([], [], [], []), [Guided("a", False, samples(DIRECT, NONE)), Guided("b", False, samples(LONG))])
    assert first_of(grown, 2) == ([DIRECT, LONG], [True, False])
    assert first_of(grown, 3) == ([DIRECT, LONG, NONE], [True, False, False])
    assert first_of(grown, 4) is None and first_of(samples(NONE), 1) == ([NONE], [False])


def run_with(folder, *, source="search", texts=((DIRECT, DIRECT), (DIRECT, DIRECT))):
    """A run folder whose sweep sampled these texts of each problem, before RL and (in reverse) after it."""
    folder.mkdir()
    save_config(load_config(None, [f"problems.source={source}", f"name={folder.name}"]), folder / "config.yaml")
    problems = [Problem(f"p{i}", "?", "7") for i in range(len(texts))]
    conditions = {
        Condition(checkpoint, checkpoint, "plain", 1.0): [samples(*own) for own in texts]
        for checkpoint in ("warmstart", "cotrained")
    }
    Sampled({"test": problems}, conditions).write(folder / NAME)
    return str(folder)


def test_runs_are_compared_with_the_first_ones_base_problem_by_problem(tmp_path, capsys):
    narrow = run_with(tmp_path / "narrow")
    diverse = run_with(tmp_path / "diverse", texts=((DIRECT, LONG), (DIRECT, NONE)))
    rows = comparison([narrow, diverse], 2)
    assert [(row["run"], row["checkpoint"]) for row in rows] == [
        (run, checkpoint) for run in ("narrow", "diverse") for checkpoint in ("warmstart", "cotrained")
    ]
    assert "difference" not in rows[0] and rows[1]["difference"]["coverage"] == [0, 0, 0]
    assert rows[2]["measures"]["coverage"] == [1, 1, 1] and rows[2]["problems"] == 2
    assert rows[2]["difference"]["strategy_entropy"][0] == pytest.approx(math.log(2))
    mean, low, high = rows[2]["difference"]["distinct_queries"]
    assert low <= mean == 1 <= high
    main([narrow, diverse, "--samples", "2"])
    said = capsys.readouterr().out
    assert "diverse, warmstart, plain, solutions at T 1, 2 problems:" in said and "minus the first base" in said
    assert re.search(r"strategy entropy +0.693 \(.*\) +\+0.693 \(", said) and max(map(len, said.splitlines())) <= 80
    main([narrow, "--samples", "2", "--json"])
    assert len(json.loads(capsys.readouterr().out)) == 2


SMALL = ["people=30", "works=20", "cities=12", "countries=4", "calls=2"]
TINY = ["hidden_size=16", "layers=1", "heads=2", "kv_heads=1", "intermediate_size=32"]


def test_a_sweep_of_players_that_search_is_measured_whole_and_can_be_compared(tmp_path, monkeypatch, capsys):
    """Untrained ones: what they write holds a call now and then."""
    monkeypatch.setattr(workers, "ProcessPoolExecutor", InThisProcess)
    run = load_config(None, [
        f"runs_dir={tmp_path}", "name=tiny", "problems.source=search", "problems.train=20", "problems.validation=2",
        "problems.test=4", *(f"problems.search.{word}" for word in SMALL), *(f"base.{word}" for word in TINY),
        "solution.max_new_tokens=60", "sweep.grid=[[2,1]]", "sweep.plain_samples=8", "sweep.plain_temperatures=[1.0]",
        "sweep.guided_temperatures=[1.0]", "sweep.iid_abstractions=1", "sweep.iid_solutions=1", "sweep.bootstrap=20",
    ])  # fmt: skip
    folder = tmp_path / "tiny"
    make_policy("base", run.base, run, folder / "base").export()
    save_config(run, folder / "config.yaml")
    sweep.main([str(folder)])
    ((_, plain),) = Sampled.read(folder / NAME).of("plain")["warmstart"]
    texts, tokens = ([one for record in plain for one in getattr(record, name)] for name in ("text", "tokens"))
    own = [len(re.sub(r"(?<=\\endsearch) \\result .*?\\endresult", "", text).split()) for text in texts]
    assert any("\\endsearch \\result " in text for text in texts)
    assert all(known <= number <= 60 for known, number in zip(own, tokens, strict=True))
    cells = json.loads((folder / "sweep.json").read_text())["cells"]
    assert {cell["mode"] for cell in cells} == {"abstractions", "plain"}
    main([str(folder), "--samples", "2"])
    assert "tiny, warmstart, plain, solutions at T 1, 4 problems:" in capsys.readouterr().out


def test_other_problems_are_not_compared():
    values = vars(searches([DIRECT, NONE], [True, False]))
    assert compared({"a": values}, {"b": values}) == {}
    condition = Condition("warmstart", "", "plain", 1.0, split="validation")
    assert measured(Sampled({"validation": []}, {condition: []}), 2) == []


def test_what_cannot_be_compared_is_one_sentence(tmp_path):
    with pytest.raises(PlainError, match="There is no run folder"):
        comparison([str(tmp_path / "none")], 2)
    with pytest.raises(PlainError, match="those of 'induction'; only"):
        comparison([run_with(tmp_path / "other", source="induction")], 2)
    run = run_with(tmp_path / "run")
    with pytest.raises(PlainError, match="has 3 solutions; sweep more.*or lower --samples"):
        comparison([run], 3)
    with pytest.raises(PlainError, match="must be at least 2"):
        main([run, "--samples", "1"])
    (tmp_path / "run" / NAME).unlink()
    with pytest.raises(PlainError, match="run the sweep first"):
        comparison([run], 2)
