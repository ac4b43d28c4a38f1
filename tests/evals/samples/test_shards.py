"""Shards of a sweep: the same numbers as in one go, after a kill too; what does not fit together is said plainly."""

import doctest
import json
from contextlib import contextmanager, nullcontext

import pytest
import simulated_jobs
from simulated_jobs import run_folder

from evals import sweep
from evals.samples import journal, shards
from evals.samples.journal import FOLDER, Journal, Shard
from evals.samples.trees import NAME, ModelPair
from rlad.cli import PlainError
from rlad.config import load_config


@pytest.fixture
def done(monkeypatch):
    return simulated_jobs.simulate(monkeypatch)


def numbers(folder):
    """sweep.json without what tells one run of the command from another."""
    found = json.loads((folder / "sweep.json").read_text())
    for name in ("run", "seconds", "command", "sampled"):
        found["meta"].pop(name)
    return found


def test_worked_examples_in_docstrings():
    for module in (journal, shards):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("words", [[], ["sweep.guided_temperatures=[]", "sweep.select=[majority]"]])
def test_shards_together_are_the_sweep_to_the_last_digit(tmp_path, done, capsys, words):
    """With validation problems and without: the trees are the same bytes, whichever shard comes first."""
    whole = run_folder(tmp_path / "whole", *words)
    sweep.main([str(whole)])
    alone, cost = set(done), len(done)
    done.clear()
    parts = run_folder(tmp_path / "parts", *words)
    sweep.main([str(parts), "--shard", "2/3"])
    assert "Shard 2/3 is sampled. There is no shard 1/3 here: sample it with --shard 1/3." in capsys.readouterr().out
    assert not (parts / "sweep.json").exists()
    sweep.main([str(parts), "--shard", "3/3"])
    sweep.main([str(parts), "--shard", "1/3"])
    assert (parts / NAME).read_bytes() == (whole / NAME).read_bytes()
    assert numbers(parts) == numbers(whole)
    assert set(done) == alone and len(done) == cost  # nothing was drawn twice
    assert json.loads((parts / "sweep.json").read_text())["meta"]["sampled"]["shards"] == 3
    (parts / NAME).unlink()
    done.clear()
    sweep.main([str(parts), "--merge"])
    assert (parts / NAME).read_bytes() == (whole / NAME).read_bytes() and not done


def test_a_killed_sweep_goes_on_where_it_was(tmp_path, done, monkeypatch):
    whole, killed = run_folder(tmp_path / "whole"), run_folder(tmp_path / "killed")
    sweep.main([str(whole)])
    cost = len(done)
    done.clear()
    add, left = Journal.add, iter(range(9))

    def dies(self, name, records):
        add(self, name, records)
        if next(left, None) is None:
            self.path.write_bytes(self.path.read_bytes()[:-20])  # in the middle of a line
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", dies)
    with pytest.raises(KeyboardInterrupt):
        sweep.main([str(killed)])
    monkeypatch.setattr(Journal, "add", add)
    sweep.main([str(killed)])
    assert len(done) <= cost + 3  # the job whose line was cut, and those that were running
    assert (killed / NAME).read_bytes() == (whole / NAME).read_bytes() and numbers(killed) == numbers(whole)
    assert not list((killed / FOLDER).iterdir())


@contextmanager
def before_the_key(monkeypatch, key):
    """As by a build that does not know a key yet."""
    known = shards.settings_of
    with monkeypatch.context() as older:
        older.setattr(shards, "settings_of", lambda run: {k: v for k, v in known(run).items() if k != key})
        yield


def test_a_journal_that_is_older_than_a_key_goes_on_where_the_key_has_its_default(tmp_path, monkeypatch):
    def kept(*words):
        return shards.keep(load_config(None, words), tmp_path, [], {}, Shard(), {})

    with before_the_key(monkeypatch, "sweep.certainty_window"):
        kept("seed=3").add("a job", [1])
    again = kept("seed=3")
    assert again.find("a job") == [1]
    again.require_same(load_config(None, ["seed=3"]), {})
    assert kept("seed=3", "sweep.certainty_window=7").find("a job") is None


@pytest.mark.parametrize("older", [1, 2])
def test_shards_of_before_and_after_a_key_are_put_together_where_it_has_its_default(tmp_path, monkeypatch, older):
    (tmp_path / FOLDER).mkdir()
    for number in (1, 2):
        with before_the_key(monkeypatch, "sweep.certainty_window") if number == older else nullcontext():
            kept = shards.keep(load_config(None, []), tmp_path / f"on {number}", [], {}, Shard(number, 2), {})
            kept.add(f"job {number}", [number])
        kept.own.path.rename(tmp_path / FOLDER / kept.own.path.name)
    whole = shards.keep_all(tmp_path)
    whole.require_same(load_config(None, []), {})
    assert [whole.find(f"job {number}") for number in (1, 2)] == [[1], [2]]


def test_a_journal_that_was_sampled_otherwise_is_kept_beside_the_new_one(tmp_path, capsys):
    path = tmp_path / "1_of_1.journal"
    for number in range(3):
        journal = Journal.begin(path, {"settings": {"seed": number}})
        assert not journal.jobs
        journal.add("a job", [number])
    said = capsys.readouterr().err.splitlines()
    assert said[1] == f"'{path}' was sampled otherwise (seed is 1 and 2): kept as '1_of_1.journal.2'."
    kept = [Journal.read(path.with_name(f"{path.name}{end}")).jobs["a job"] for end in (".1", ".2", "")]
    assert kept == ["[0]", "[1]", "[2]"]


def test_shards_that_do_not_fit_together_are_refused(tmp_path, done, monkeypatch):
    folder = run_folder(tmp_path / "run")
    with pytest.raises(PlainError, match="There are no shards in"):
        sweep.main([str(folder), "--merge"])
    for part in ("1/2", "2/2"):
        sweep.main([str(folder), "--shard", part])
    one, two = (folder / FOLDER / f"{n}_of_2.journal" for n in (1, 2))
    kept = two.read_bytes()
    two.unlink()
    with pytest.raises(PlainError, match="There is no shard 2/2 here: sample it with --shard 2/2"):
        sweep.main([str(folder), "--merge"])
    two.write_bytes(kept[: len(kept) // 2])
    with pytest.raises(PlainError, match="Shard 2/2 is not finished"):
        sweep.main([str(folder), "--merge"])
    place = kept.index(b"correct")
    two.write_bytes(kept[:place] + b"C" + kept[place + 1 :])
    with pytest.raises(PlainError, match=r"2_of_2.journal' is damaged in line \d+"):
        sweep.main([str(folder), "--merge"])
    two.write_bytes(b"")
    with pytest.raises(PlainError, match="is empty or no journal"):
        sweep.main([str(folder), "--merge"])
    other = run_folder(tmp_path / "other", "sweep.plain_samples=4")
    sweep.main([str(other), "--shard", "2/2"])
    two.write_bytes((other / FOLDER / two.name).read_bytes())
    with pytest.raises(PlainError, match="does not belong to this sweep: sweep.plain_samples is 4 and 3"):
        sweep.main([str(folder), "--merge"])
    two.write_bytes(kept)
    with pytest.raises(PlainError, match=r"sampled otherwise: sweep.plain_samples is 3 and 9.*same words"):
        sweep.main([str(folder), "--merge", "sweep.plain_samples=9"])
    (folder / FOLDER / "1_of_3.journal").write_bytes(one.read_bytes())
    with pytest.raises(PlainError, match="holds shards of 2 and of 3"):
        sweep.main([str(folder), "--merge"])


def test_a_shard_too_few_samples_for_its_cells_is_topped_up_by_all(tmp_path, done, monkeypatch):
    """Where fewer plain samples were foretold than the cells buy, every shard draws the rest once all are there."""
    monkeypatch.setattr("evals.sweeping.drawing.MARGIN", 0.5)
    whole, parts = run_folder(tmp_path / "whole"), run_folder(tmp_path / "parts")
    sweep.main([str(whole)])
    for part in ("1/2", "2/2", "1/2", "2/2"):
        sweep.main([str(parts), "--shard", part])
    assert (parts / NAME).read_bytes() == (whole / NAME).read_bytes() and numbers(parts) == numbers(whole)


@pytest.mark.parametrize("words", ["0/2", "3/2", "2", "a/b", "1/0"])
def test_what_is_no_shard_is_refused(tmp_path, words):
    with pytest.raises(PlainError, match="A shard is one of several, such as 3/8"):
        sweep.main([str(tmp_path), "--shard", words])


def test_two_ways_at_once_are_refused(tmp_path):
    with pytest.raises(PlainError, match="only one can be given"):
        sweep.main([str(tmp_path), "--merge", "--rescore"])


def test_a_pretrained_model_may_be_asked_fewer_problems_and_nothing_else_changes(tmp_path, done, monkeypatch):
    before = ModelPair("pretrained", "pretrained", "models/raw", "models/raw", "plain")
    monkeypatch.setattr("evals.sweep.pairs_of", lambda run, folder: [before, *simulated_jobs.PAIRS])
    few, every = run_folder(tmp_path / "few", "sweep.pretrained_problems=3"), run_folder(tmp_path / "every")
    found = {}
    for folder in (few, every):
        sweep.main([str(folder)])
        found[folder] = numbers(folder)
        asked = [row["problems"] for row in found[folder]["cells"] if row["checkpoint"] == "pretrained"]
        assert asked and set(asked) == {3 if folder == few else 11}
    for name in ("cells", "comparisons", "selection", "curves"):
        rows = [found[folder][name] for folder in (few, every)]
        kept = [[row for row in r if row.get("checkpoint") != "pretrained"] if isinstance(r, list) else r for r in rows]
        assert kept[0] == kept[1], name
    sweep.main([str(few), "--rescore"])
    assert numbers(few) == found[few]
