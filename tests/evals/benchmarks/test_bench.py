"""`./launch.sh bench`: a list, one JSON object at the end of stdout, refusals in a sentence."""

import importlib
import json
import re
import shlex
import sys
from dataclasses import is_dataclass, replace
from pathlib import Path

import pytest
import simulated_jobs

from evals.benchmarks.__main__ import BENCHMARKS, main, run_benchmark
from evals.benchmarks.analysis import sweep_cells
from rlad.cli import PlainError, main_guard
from rlad.config import ConfigError
from rlad.config.sections import meanings

ROOT = Path(__file__).parents[3]


def test_the_list_names_every_benchmark_with_its_minutes(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(
        f"{name} " in out and f"{entry.minutes:g} min  {entry.what}" in out for name, entry in BENCHMARKS.items()
    )


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_keys_that_say_what_they_mean(name):
    module = importlib.import_module(f"evals.benchmarks.{BENCHMARKS[name].module}")
    assert is_dataclass(module.Keys) and callable(module.bench)
    assert set(meanings(module.Keys)) == set(module.Keys.__dataclass_fields__)


def test_a_benchmark_ends_with_one_json_object_on_stdout(capsys, monkeypatch):
    import evals.benchmarks.verifier.fuzz as fuzz

    monkeypatch.setattr(fuzz, "faults", lambda kind, gold, pred: ["planted"] if pred else [])
    assert main(["fuzz", "cases=20", "seed=3"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and json.loads(out)["cases"] == 20
    assert "planted" in err  # what is said on the way


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["loss-memry"], "There is no benchmark 'loss-memry'; the nearest is 'loss-memory'"),
        (["fuzz", "casess=3"], "'casess' is no key of the benchmark fuzz; it has cases, seed, golds."),
        (["fuzz", "cases=many"], "cases"),
        (["fuzz", "cases"], "key=value"),
        (["instruments"], "'run' must be given"),
        (["sweep-cells", "solutions=1"], "at least 2 x 2"),
        (["sweep-cells", "run=nowhere"], "There is no run folder or configuration file 'nowhere'"),
        (["loss-memory", "shapes=3"], "TOKENSxWORDS"),
        (["loss-memory", "dtype=int8"], "float32 or bfloat16"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(words, sentence, capsys):
    with pytest.raises((PlainError, ConfigError), match=".") as caught:
        run_benchmark(words[0], words[1:])
    assert sentence in str(caught.value)
    with pytest.raises(SystemExit) as ended:
        main_guard(lambda: main(words))
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)


def test_benchmarks_and_their_keys_that_pages_name_exist():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    named = [found for page in pages for found in re.findall(r"launch\.sh bench ([a-z][^`\n;,]*)", page.read_text())]
    for name, *words in (shlex.split(re.split(r"   +| [>(]", text)[0]) for text in named):
        keys = importlib.import_module(f"evals.benchmarks.{BENCHMARKS[name].module}").Keys
        given = {word.lstrip("[").partition("=")[0] for word in words if "=" in word}
        assert given <= set(keys.__dataclass_fields__), (name, words)
    assert len(named) > 20


def test_a_sweep_of_all_cells_is_timed_as_one_of_four_is(tmp_path, monkeypatch):
    """A made-up pool is measured; of a run the pairs are sampled too, and nothing is written there."""
    small = sweep_cells.Keys(abstractions=3, solutions=2, problems=3, validation=2, words=["sweep.bootstrap=20"])
    measured, measure = [], sweep_cells.measure
    monkeypatch.setattr(sweep_cells, "measure", lambda run, sampled: measured.append(measure(run, sampled)))
    for grid in sweep_cells.grids(3, 2).values():
        assert sweep_cells.swept(small, grid).keys() == {"measuring"}
    four, every = ({(c["n"], c["m"]) for c in found["cells"] if c["n"]} for found in measured)
    assert (len(four), len(every)) == (4, 6) and four < every
    simulated_jobs.simulate(monkeypatch)
    folder = simulated_jobs.run_folder(tmp_path / "run")
    timed = sweep_cells.swept(replace(small, run=str(folder)), [[3, 2]])
    assert timed.keys() == {"sampling", "measuring"} and timed["measuring"]["cpu"] > 0
    assert [path.name for path in folder.iterdir()] == ["config.yaml"] and len(measured) == 3
    page = (ROOT / "docs" / "evaluation.md").read_text()
    for name in ("sweep-cells", "sweep-cells-toy"):
        kept = json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text())
        assert kept["cells"] == {"four": 4, "all": 200} and kept["cpu"]["ratio"] <= 1.5
        assert f"a ratio of {kept['cpu']['ratio']}" in page


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_the_loss_in_small():
    """A fifth of full logits even at half the size that the page shows; without TRL its place is null.

    Resident memory varies by 20 MB from run to run, whatever the size, and more beside other work.
    """
    found = run_benchmark("loss-memory", ["shapes=1024x20000", "trl=/nowhere"])
    assert found["ours"]["1024x20000"] < found["full_logits"]["1024x20000"] / 3
    assert found["trl"] is None


@pytest.mark.process
def test_a_pair_and_its_halves_take_turns_on_the_same_trees_in_small():
    words = ["problems=2", "abstractions=2", "solutions=2", "turns=1", "warm=0"]
    found = run_benchmark("pair", words)
    assert set(found["steps"]) == {"pair", "abstraction", "solution"} and found["tokens"][0] > 0
    for clock in (found, found["cpu"]):
        steps = {kind: own[0] for kind, own in clock["steps"].items()}
        assert all(own["update"] > 0 for own in steps.values())  # which is longest is for the benchmark to say
        assert clock["ratio"] == clock["low"] == clock["high"] > clock["apart"]["ratio"] > 0
        for own in steps.values():
            assert own["rollout"] + own["learn"] + own["rest"] == pytest.approx(own["total"])
