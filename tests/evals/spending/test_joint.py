"""Lists of abstractions in a sweep: each side at its own temperature and rule, at equal tokens, and printed."""

import io
import json
from collections import Counter
from dataclasses import replace
from math import exp
from unittest.mock import Mock

import numpy as np
import pytest
import simulated_jobs
from rich.console import Console
from simulated_jobs import WORDS, run_folder

from evals import pooled, sweep
from evals.cells.rows import breadth_covered
from evals.samples import workers
from evals.samples.journal import FOLDER
from evals.samples.judged import BreadthSamples
from evals.samples.trees import NAME, Grown, Sampled
from evals.spending.joint import as_draws
from evals.tables.lists import print_lists
from rlad.config import load_config

CELLS = {(name, n, m) for name in ("warmstart", "cotrained") for n, m in ((2, 1), (3, 2))}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A sweep with lists under all rules that the samples can answer."""
    simulated_jobs.simulate(monkeypatch)
    words = ["sweep.joint=true", "warmstart.mixture.propose_set=0.1", "sweep.plain_samples=6"]
    rules = "sweep.select=[majority,proposer,marginal,unguided,horvitz_thompson,platt,most_probable]"
    folder = run_folder(tmp_path / "run", *words, rules, "problems.validation=20")
    sweep.main([str(folder)])
    return folder


def printed(found):
    out = Console(file=io.StringIO(), width=80)
    print_lists(found, out)
    return out.file.getvalue()


def test_lists_select_by_their_own_rule_and_temperature_at_equal_tokens(folder):
    found, sampled = json.loads((folder / "sweep.json").read_text()), Sampled.read(folder / NAME)
    rows = found["joint"]
    assert {(row["checkpoint"], row["n"], row["m"]) for row in rows} == CELLS
    for name, conditions in as_draws(sampled).of("distinct", "validation").items():
        assert [condition.temperature for condition, _ in conditions] == [0.3, 0.6], name
    lists = {
        (name, c.temperature): BreadthSamples.of(c, records)
        for name, conditions in as_draws(sampled).of("distinct").items()
        for c, records in conditions
    }
    for row in rows:
        n, m, selected = row["n"], row["m"], row["selected"]
        covering = lists[row["checkpoint"], row["temperature"]]
        assert row["tokens_per_problem"] == pytest.approx(covering.spent(n, m).mean(), abs=1e-3)
        cells = {"coverage": breadth_covered(covering, n, m), "majority": covering.accuracy(n, m, "majority")}
        for name, values in cells.items():
            one = row[name]
            assert one["joint"] - one["independent"] == pytest.approx(one["difference"], abs=2e-4)
            assert one["cell"] == pytest.approx(np.mean(values), abs=1e-4) and one["joint"] >= one["cell"] - 1e-9
            assert sum(share for *_, share in one["joint_splits"]) <= 1 + 1e-4
        selecting = lists[row["checkpoint"], selected["temperature"]]
        keys = type(load_config(folder / "config.yaml").sweep.of(selected["rule"]))
        right = selecting.accuracy(n, m, selected["rule"], keys and keys(**selected["keys"]))
        assert selected["accuracy"] == pytest.approx(np.mean(right), abs=1e-4)
        assert selected["chosen_on"] == "validation"
        draws, plain = selected["votes"]
        assert (draws["mode"], plain["mode"]) == ("abstractions", "plain") and draws["chosen"] and plain["chosen"]
        assert plain["joint"] == selected["accuracy"] <= draws["joint"] + 1e-9  # hindsight for both ways, or for none
        for vote in (draws, plain):  # the simulated lists are better than both
            assert vote["difference"] == pytest.approx(vote["joint"] - vote["accuracy"], abs=2e-4)
            assert vote["tokens_per_problem"] <= selected["tokens_per_problem"] + 1e-3
            assert vote["difference"] > 0
    chosen = {row["mode"]: row for row in found["rules"] if row["chosen"] and row["checkpoint"] == "cotrained"}
    votes = next(row for row in rows if row["checkpoint"] == "cotrained")["selected"]["votes"]
    assert {vote["mode"]: vote["select"] for vote in votes} == {way: row["select"] for way, row in chosen.items()}


def test_items_of_a_list_vote_with_how_likely_each_is_by_itself(folder):
    sampled = Sampled.read(folder / NAME)
    (condition, records), *_ = as_draws(sampled).of("distinct")["cotrained"]
    assert records == sampled.of("joint")["cotrained"][0][1]
    samples, run = BreadthSamples.of(condition, records), load_config(folder / "config.yaml")
    votes = [Counter() for _ in records]
    for vote, one in zip(votes, records, strict=True):
        for index, branch in enumerate(one.branches):
            if branch.solutions.key[0] is not None:
                vote[branch.solutions.key[0]] += exp(one.draws.model_logprob[one.draws.branch.index(index)])
    right = [float(vote.most_common(1)[0][0] == 0) if vote else 0.0 for vote in votes]  # in the simulation 0 is right
    found = samples.accuracy(3, 1, "proposer", run.sweep.of("proposer")).tolist()
    assert found == right != samples.accuracy(3, 1, "majority").tolist()


@pytest.mark.parametrize("words", [(), ("sweep.select=[proposer,most_probable]",)])
def test_lists_whose_items_were_never_scored_are_measured_without_rules_that_read_that(folder, words):
    """Trees of before: one unscored item, of a validation problem, is enough; nothing stands in for what is unknown."""
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    of_lists = [tree for line in lines if line["split"] == "validation" for tree in line["trees"]
                if tree["mode"] == "joint"]  # fmt: skip
    of_lists[3]["draws"]["model_logprob"][0] = None
    (folder / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = sweep.sweep_run(str(folder), *words, rescore=True)
    assert {row["selected"]["rule"] for row in found["joint"]} == {"majority"}
    assert {row["selected"]["chosen_on"] for row in found["joint"]} == {"validation"}
    (said,) = [one for one in found["warnings"] if one.startswith("Lists of abstractions are measured without")]
    assert "proposer" in said and "most_probable" in said and "majority" not in said
    assert {row["select"] for row in found["rules"]} >= {"proposer", "most_probable"}  # those of draws are all there


def test_lists_that_are_the_draws_are_worth_as_much_in_every_cell(folder):
    """A cell whose shape covers less than another of as many tokens is no worse for being written as a list."""
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    for line in lines:
        drawn = [tree for tree in line["trees"] if tree["mode"] == "distinct"]
        others = [tree for tree in line["trees"] if tree["mode"] not in ("distinct", "joint")]
        line["trees"] = [*drawn, *({**tree, "mode": "joint"} for tree in drawn), *others]
    (folder / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = sweep.sweep_run(str(folder), rescore=True)["joint"]
    assert {row[name]["difference"] for row in found for name in ("coverage", "majority")} == {0.0}


@pytest.fixture
def before(tmp_path, monkeypatch):
    """Runs shards of a sweep as they were sampled before items of lists were scored; gives what the words are, and what
    was scored since."""
    simulated_jobs.simulate(monkeypatch)
    words = ["sweep.joint=true", "warmstart.mixture.propose_set=0.1", "problems.validation=5"]
    list_items, scored = workers.joint_job, []

    def unscored(*given):
        lists = list_items(*given)
        return [replace(one, draws=replace(one.draws, model_logprob=[None] * len(one.draws.text))) for one in lists]

    def scores(run, problems, seed, pair, temperature, kept):
        scored.append((pair.checkpoint, temperature, len(problems)))
        whole = list_items(run, problems, seed, pair, temperature)
        assert [one.draws.text for one in whole] == [one.draws.text for one in kept]
        return whole

    def sampled(folder, *parts):
        with monkeypatch.context() as patch:
            patch.setattr(workers, "joint_job", unscored)
            patch.setattr(Grown, "scored", property(lambda self: True))
            patch.setattr("evals.sweep.measure", Mock(side_effect=KeyboardInterrupt))
            for part in parts:
                try:
                    sweep.main([str(folder), *part])
                except KeyboardInterrupt:
                    continue

    monkeypatch.setattr(workers, "scored_job", scores)
    return words, sampled, scored


def test_a_journal_of_before_is_gone_on_with_and_its_lists_are_scored(before, tmp_path):
    words, sampled, scored = before
    whole, killed = run_folder(tmp_path / "whole", *words), run_folder(tmp_path / "killed", *words)
    sweep.main([str(whole)])
    assert not scored
    sampled(killed, [])
    assert list((killed / FOLDER).iterdir())
    sweep.main([str(killed)])
    assert scored and (killed / NAME).read_bytes() == (whole / NAME).read_bytes()


def test_shards_of_before_are_scored_by_who_has_the_players_and_a_merge_says_that_it_has_none(before, tmp_path):
    words, sampled, scored = before
    folder = run_folder(tmp_path / "shards", *words)
    sampled(folder, ["--shard", "1/2"], ["--shard", "2/2"])
    sweep.main([str(folder), "--merge"])
    said = json.loads((folder / "sweep.json").read_text())["warnings"]
    assert not scored and any(one.startswith("Lists of abstractions are measured without proposer") for one in said)
    sweep.main([str(folder), "--shard", "1/2"])  # the other shard's are lacking, and said to be
    sweep.main([str(folder), "--shard", "2/2"])
    count = len(scored)
    sweep.main([str(folder), "--merge"])
    said = json.loads((folder / "sweep.json").read_text())["warnings"]
    assert len(scored) == count and not any("measured without" in one for one in said)


def test_trees_without_lists_of_the_validation_problems_choose_on_the_test_problems_and_say_so(folder):
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    for line in lines:
        if line["split"] == "validation":
            line["trees"] = [tree for tree in line["trees"] if tree["mode"] != "joint"]
    (folder / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = sweep.sweep_run(str(folder), rescore=True)
    assert {row["selected"]["chosen_on"] for row in found["joint"]} == {"test"}
    (said,) = [one for one in found["warnings"] if "chosen on the test problems" in one]
    assert "of lists of abstractions" in said
    text = printed(found)
    assert "the test problems themselves" in text and text.count("right, draws t") == len(CELLS) and "…" not in text


def test_they_are_printed_pooled_and_set_beside_another_run(folder, tmp_path, capsys):
    found = json.loads((folder / "sweep.json").read_text())
    text = printed(found)
    assert text.count("co-trained") == 2 and text.count("right, plain") == len(CELLS) and "…" not in text
    assert "the test problems" not in text
    capsys.readouterr()
    pooled.main([str(folder)])
    names = [row["name"] for row in json.loads(capsys.readouterr().out.splitlines()[-1])]
    mine = [name for name in names if name.startswith("Lists of abstractions, co-trained, 3 x 2")]
    assert len(mine) == 3 and "selected answer, minus plain sampling" in mine[-1]
    other = run_folder(tmp_path / "other", *WORDS[:2], "sweep.plain_samples=6", "problems.validation=20")
    sweep.main([str(other)])
    sweep.main([str(folder), "--against", str(other)])
    against = json.loads((folder / "against.json").read_text())["joint"]
    assert {(row["checkpoint"], row["n"], row["m"]) for row in against} == CELLS
    assert [row["coverage"]["joint"] for row in against] == [row["coverage"]["joint"] for row in found["joint"]]
    assert "One text lists the abstractions" in capsys.readouterr().out
    sweep.main([str(other), "--against", str(folder)])
    assert "joint" not in json.loads((other / "against.json").read_text())
