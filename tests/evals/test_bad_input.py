"""What cannot work is one sentence and exit code 2, whichever command is given it and whatever is wrong."""

import socket
import sqlite3

import pytest

from evals import sweep
from evals.features import __main__ as features
from evals.features.autoencoder import TopKAutoencoder, save_autoencoder
from evals.transfer import __main__ as transfer
from rlad.cli import main_guard
from rlad.config import load_config, save_config
from rlad.players.policy import make_policy
from rlad.problems.search.facts import Fact
from rlad.problems.search.store import Store
from trainers.launching import command

SMALL = [
    *("problems.train=50", "problems.validation=4", "problems.test=7", "sweep.problems=7", "launch.ranks=1"),
    *("base.hidden_size=16", "base.layers=2", "base.heads=2", "base.kv_heads=1", "base.intermediate_size=32"),
]
HELD = []
"""Sockets that listen to nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with an untrained base of two layers."""
    runs = tmp_path_factory.mktemp("runs")
    run = load_config(None, [f"runs_dir={runs}", "name=tiny", *SMALL])
    make_policy("base", run.base, run, runs / "tiny" / "base").export()
    save_config(run, runs / "tiny" / "config.yaml")
    return runs / "tiny"


def dead_url():
    """The address of a port that nobody listens at, nor can before these tests end."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    HELD.append(one)
    return f"http://127.0.0.1:{one.getsockname()[1]}/v1"


def foreign_autoencoder(folder):
    """One of the right width and layer, whose checksum is another model's."""
    path = folder / "foreign.safetensors"
    save_autoencoder(TopKAutoencoder(16, 24, 3), path, "0" * 32, 0)
    return str(path)


def empty_store(folder):
    """A document store whose facts were deleted."""
    path = folder / "empty.sqlite"
    Store.of([Fact("writer", "red river", "balen vaba")], path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM facts")
    return str(path)


CASES = {
    "a layer that is not there": lambda f: (features, [str(f), "features.layer=2"], "features.layer=2 does not exist"),
    "a layer that is not there to be steered": lambda f: (
        command,
        ["train", str(f), "steering.layers=[2]", "--dry-run"],
        "layer 2, but the model has 2",
    ),
    "an autoencoder of another model": lambda f: (
        features,
        [str(f), "--sae", foreign_autoencoder(f)],
        "was trained on another model",
    ),
    "a server that is down": lambda f: (transfer, [str(f), "--solver", dead_url()], "did not answer"),
    "an address of no server": lambda f: (transfer, [str(f), "--solver", "http://"], "did not answer"),
    "an empty document store": lambda f: (
        sweep,
        [str(f), "problems.source=search", f"problems.search.store={empty_store(f)}"],
        "is empty",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_one_sentence_and_exit_code_2(case, folder, capsys):
    module, words, said = CASES[case](folder)
    with pytest.raises(SystemExit) as ended:
        main_guard(lambda: module.main(words))
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and len(lines) == 1, lines
    assert lines[0].startswith("error: ") and said in lines[0] and lines[0].endswith(".")


def test_a_server_that_is_down_is_told_before_anything_is_sampled_for_it(folder):
    with pytest.raises(SystemExit):
        main_guard(lambda: transfer.main([str(folder), "--solver", dead_url()]))
    assert not (folder / "transfer").exists()
