"""A player that chooses among answers in a sweep: what it is shown, what that costs, what stands beside it."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import simulated_jobs
from rich.console import Console
from simulated_jobs import run_folder

from evals import sweep
from evals.charts.plots import sweep_figure
from evals.charts.series import sweep_chart
from evals.samples import choosing as jobs
from evals.samples.journal import Journal
from evals.samples.judged import BreadthSamples
from evals.samples.trees import NAME, Draws, Grown, Guided, ModelPair, Sampled, Samples
from evals.sweeping import asking
from evals.tables.choosing import headline, print_choosing
from evals.tables.spending import print_spending
from rlad.config import RunConfig
from rlad.generation import Completion
from rlad.players.prompts import Prompts
from rlad.players.roles import role_of
from rlad.players.tokenizer import world_tokenizer
from rlad.problems import Problem, make_world
from rlad.reasoning.budget_policy import Spending
from rlad.reasoning.judge import Judge

PROMPTS = Prompts(world_tokenizer(make_world(RunConfig().problems).vocabulary(), 512, role_of("selector").marks))
WORDS = ["roles=[abstraction, solution, selector]", "problems.test=11"]


class Reader:
    """A sampler that chooses the answer that is shown last, or the right one, in three tokens; `asked` counts its
    prompts."""

    asked, knows = 0, False

    def generate(self, prompts, sampling):
        Reader.asked += len(prompts)
        assert sampling.temperature == 0
        shown = [[one.strip() for one in PROMPTS.decode(prompt).split("<sep>")[1:-1]] for prompt in prompts]
        said = ["0" if self.knows and "0" in answers else answers[-1] for answers in shown]
        return [Completion((*PROMPTS.completion_ids(text)[:2], 0), (), "stop", 0) for text in said]


@pytest.fixture
def done(monkeypatch):
    jobs_done = simulated_jobs.simulate(monkeypatch)
    base, pair = simulated_jobs.PAIRS
    pair = ModelPair.of({**vars(pair), "choosers": [["selector", "models/selector"]]})
    monkeypatch.setattr("evals.sweep.pairs_of", lambda run, folder: [base, pair])
    monkeypatch.setattr(jobs, "open_reader", lambda run, folder: (Reader(), PROMPTS))
    return jobs_done


def tree():
    """Two abstractions: the first one's solutions say 2, 7; the second one's 7, 2."""
    texts = [["so \\boxed{ 2 }", "so \\boxed{ 7 }"], ["but \\boxed{ 7 }", "but \\boxed{ 2 }"]]
    keys = [[0, 1], [1, 0]]
    branches = [
        Guided(f"z{i}", False, Samples(own, [4, 4], [-1.0, -1.0], ["correct", "incorrect"], key))
        for i, (own, key) in enumerate(zip(texts, keys, strict=True))
    ]
    return Grown(Draws(["z0", "z1"], [2, 2], [0, 1]), branches)


def test_a_cell_shows_the_answers_that_stand_in_it_and_no_others():
    own = jobs.judged([Problem("p", "?", "2")], [tree()], Judge(RunConfig().verifier))[0]
    narrow, wide, deep = (jobs.answers_in(tree(), own, depths) for depths in ((1,), (1, 1), (2, 2)))
    assert {key: answer for key, (answer, _) in narrow.items()} == {0: "2"}
    assert {key: (answer, [one.text for one in several]) for key, (answer, several) in wide.items()} == {
        0: ("2", ["so \\boxed{ 2 }"]), 1: ("7", ["but \\boxed{ 7 }"]),
    }  # fmt: skip
    assert [one.text for one in deep[1][1]] == ["so \\boxed{ 7 }", "but \\boxed{ 7 }"]
    assert [one.correct for one in deep[0][1]] == [True, True]


def test_a_sweep_with_a_chooser_is_the_same_after_a_kill_in_shards_and_from_its_trees(tmp_path, done, monkeypatch):
    whole, killed, parts = (run_folder(tmp_path / name, *WORDS) for name in ("whole", "killed", "parts"))
    sweep.main([str(whole)])
    trees = (whole / NAME).read_bytes()
    for part in ("2/2", "1/2"):
        sweep.main([str(parts), "--shard", part])
    assert (parts / NAME).read_bytes() == trees
    add = Journal.add

    def dies(self, name, records):
        add(self, name, records)
        if "chosen" in name:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", dies)
    with pytest.raises(KeyboardInterrupt):
        sweep.main([str(killed)])
    monkeypatch.setattr(Journal, "add", add)
    sweep.main([str(killed)])
    assert (killed / NAME).read_bytes() == trees
    asked = Reader.asked
    found = sweep.sweep_run(str(whole), rescore=True)["choosers"]
    assert Reader.asked == asked and found == sweep.sweep_run(str(parts), rescore=True)["choosers"]


def test_its_own_tokens_are_its_cells_and_a_vote_may_spend_them(tmp_path, done):
    folder = run_folder(tmp_path / "run", *WORDS)
    found = sweep.sweep_run(str(folder))
    sampled = Sampled.read(folder / NAME)
    drawn = {c.temperature: BreadthSamples.of(c, records) for c, records in sampled.of("distinct")["cotrained"]}
    rows = found["choosers"]
    assert {(row["checkpoint"], row["n"], row["m"]) for row in rows} == {("cotrained", 2, 1), ("cotrained", 3, 2)}
    assert len({row["temperature"] for row in rows if row["chosen"]}) == 1
    for row in rows:
        chosen = {c.temperature: records for c, records in sampled.of("chosen:selector")["cotrained"]}
        records = chosen[row["temperature"]]
        place = records[0].cells.index([row["n"], row["m"]])
        own = [one.tokens[place] for one in records]
        assert set(own) <= {0, 3} and row["own_tokens"] == pytest.approx(np.mean(own), abs=1e-4)
        spent = drawn[row["temperature"]].spent(row["n"], row["m"])
        assert row["tokens_per_problem"] == pytest.approx(spent.mean() + np.mean(own), abs=1e-3)
        assert row["read_tokens"] > 5 * row["own_tokens"] and 0 < row["asked"] <= 1
        ways = [vote["mode"] for vote in row["votes"]]
        assert ways == ["abstractions"] * 3 + ["plain"] * 3 and sum(vote["chosen"] for vote in row["votes"]) == 2
        for vote in row["votes"]:  # never more tokens than the player's cell; plain sampling has exactly as many
            assert vote["tokens_per_problem"] <= row["tokens_per_problem"] + 1e-3
            assert vote["difference"] == pytest.approx(row["accuracy"] - vote["accuracy"], abs=2e-4)
            if vote["mode"] == "plain":
                assert vote["tokens_per_problem"] == pytest.approx(row["tokens_per_problem"], abs=1e-3)
        largest = (row["n"], row["m"]) == (3, 2)
        assert row["matched"] is not largest  # the trees hold nothing beyond their largest cell
    assert (headline(found)["n"], headline(found)["m"]) == (2, 1)
    out = Console(file=io.StringIO(), width=80)
    print_choosing(found, out)
    text = out.file.getvalue()
    assert "The selector on 2 x 1, co-trained" in text and "…" not in text
    assert any("selector's choice" in line.label for line in sweep_chart(found, "accuracy").series)
    assert any("selector's choice" in text.get_text() for text in sweep_figure(found).legends[0].get_texts())


def test_a_sweep_without_one_says_nothing_of_it(tmp_path, done, monkeypatch):
    """The pair's own numbers are those of a sweep without the player, and nothing else is added."""
    alone, beside = (run_folder(tmp_path / name, *WORDS) for name in ("alone", "beside"))
    more = sweep.sweep_run(str(beside))
    monkeypatch.setattr("evals.sweep.pairs_of", lambda run, folder: simulated_jobs.PAIRS)
    less = sweep.sweep_run(str(alone))
    assert set(more) - set(less) == {"choosers"}
    for name in ("rules", "triple", "joint"):
        assert more.get(name) == less.get(name)
    assert [one for one in more["cells"] if one["n"]] == [one for one in less["cells"] if one["n"]]


# ------------------------------------------------------------------------------------------ as an action of budget=auto
ASKING = [*WORDS, "sweep.budget_policy=true", "problems.validation=30"]


def test_a_policy_may_ask_it_and_the_sweep_keeps_what_it_said(tmp_path, done, monkeypatch):
    monkeypatch.setattr(Reader, "knows", True)
    whole, parts = (run_folder(tmp_path / name, *ASKING) for name in ("whole", "parts"))
    found = sweep.sweep_run(str(whole))
    for part in ("2/2", "1/2"):
        sweep.main([str(parts), "--shard", part])
    assert (parts / NAME).read_bytes() == (whole / NAME).read_bytes()
    budget, asked = found["budget"], Reader.asked
    own = budget["selector"]
    assert own["statistics"]["rescue"] > 0.3 and own["statistics"]["tokens"][0] == 3 and own["lacking"] == 0
    assert [row["budget"] for row in own["rows"]] == [row["budget"] for row in budget["rows"]]
    for row, votes in zip(own["rows"], budget["rows"], strict=True):
        assert row["own_tokens"] == pytest.approx(3 * row["choices"], abs=1e-3) and row["choices"] > 0
        assert row["without"]["accuracy"] == votes["accuracy"] and row["without"]["tokens"] == votes["tokens"]
        assert row["without"]["difference"] == pytest.approx(row["accuracy"] - votes["accuracy"], abs=2e-4)
    assert max(row["without"]["difference"] for row in own["rows"]) > 0
    sampled = Sampled.read(whole / NAME)
    for split, count in (("validation", 30), ("test", 11)):
        ((condition, records),) = sampled.of("asked:selector", split)["cotrained"]
        assert len(records) == count and condition.temperature == budget["temperature"]
        assert all(set(one.tokens) <= {3} and len(one.key) == len(one.states) == len(one.read) for one in records)
    again = sweep.sweep_run(str(whole), rescore=True)
    assert again["budget"] == budget and Reader.asked == asked
    kept = Spending.read(whole / "budget.json")
    assert kept.player.rescue == own["statistics"]["rescue"] and len(kept.asking_prices) == len(own["prices"])
    out = Console(file=io.StringIO(), width=80)
    print_spending(found, out)
    assert "budget=auto with the selector" in out.file.getvalue() and "…" not in out.file.getvalue()


def test_shards_of_machines_that_round_otherwise_are_merged(tmp_path, done, monkeypatch):
    """What a policy knows is fitted anew by each of them, and never to the same last digit."""
    folder = run_folder(tmp_path / "run", *ASKING)
    sweep.main([str(folder), "--shard", "2/2"])
    fitted = asking.statistics
    monkeypatch.setattr(asking, "statistics", lambda pools: replace(fitted(pools), unseen=fitted(pools).unseen + 1e-9))
    sweep.main([str(folder), "--shard", "1/2"])
    found = json.loads((folder / "sweep.json").read_text())["budget"]
    assert found["selector"]["lacking"] == 0


def test_trees_that_were_sampled_without_the_policy_say_that_it_was_not_asked(tmp_path, done):
    folder = run_folder(tmp_path / "run", *WORDS, "problems.validation=30")
    sweep.sweep_run(str(folder))
    found = sweep.sweep_run(str(folder), "sweep.budget_policy=true", rescore=True)
    assert "selector" not in found["budget"]
    assert [one for one in found["warnings"] if "replayed without the selector" in one]


def test_states_in_which_it_was_not_asked_are_told(tmp_path, done, monkeypatch):
    """Another rule, or other keys, go another way through the trees than the one that was sampled."""
    monkeypatch.setattr(Reader, "knows", True)
    folder = run_folder(tmp_path / "run", *ASKING)
    whole = sweep.sweep_run(str(folder))["budget"]
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    for tree in (tree for line in lines for tree in line["trees"] if tree["mode"] == "asked:selector"):
        tree |= {"states": [], "key": [], "tokens": [], "read": []}
    (folder / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = sweep.sweep_run(str(folder), rescore=True)
    own = found["budget"].pop("selector")
    assert own["lacking"] > 0 and all(row["choices"] == 0 for row in own["rows"])
    assert found["budget"] == {name: value for name, value in whole.items() if name != "selector"}
    assert [one for one in found["warnings"] if "keep no choice of it" in one]


def test_a_policy_without_such_a_player_is_what_it_was(tmp_path, done, monkeypatch):
    """The votes' policy, its prices and its rows are the same to the digit beside a player that chooses."""
    alone, beside = (run_folder(tmp_path / name, *ASKING) for name in ("alone", "beside"))
    more = sweep.sweep_run(str(beside))["budget"]
    monkeypatch.setattr("evals.sweep.pairs_of", lambda run, folder: simulated_jobs.PAIRS)
    less = sweep.sweep_run(str(alone))["budget"]
    assert "selector" in more and less == {name: value for name, value in more.items() if name != "selector"}
    assert set(json.loads((alone / "budget.json").read_text())) == {"rule", "statistics", "prices"}
