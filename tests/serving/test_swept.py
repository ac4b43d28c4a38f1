"""A sweep asks the gateway's two players by their names, as it asks any other server's models."""

import json

import pytest
from fake_gateway import KEY, Gateway, listening
from simulated_jobs import InThisProcess

from evals import sweep
from evals.samples import workers
from evals.samples.trees import NAME
from rlad.chat_model import ModelDown
from rlad.config import load_config, save_config

pytestmark = pytest.mark.process

WORDS = [
    *("problems.train=9", "problems.validation=2", "problems.test=3", "sweep.problems=3", "sweep.grid=[[1,2]]"),
    *("sweep.plain_samples=2", "sweep.plain_temperatures=[1.0]", "sweep.iid_abstractions=1", "sweep.bootstrap=20"),
    *("sweep.iid_solutions=1", "abstraction.max_new_tokens=6", "solution.max_new_tokens=20"),
]


def test_the_gateways_two_players_are_swept_as_a_pair(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "ProcessPoolExecutor", InThisProcess)
    monkeypatch.setattr(workers, "_OPEN", {})
    monkeypatch.setattr("evals.sweep.plot_sweep", lambda result, path: None)
    monkeypatch.setenv("A_KEY", KEY)
    gateway = Gateway()
    with listening(gateway) as url:
        words = [f"runs_dir={tmp_path}", "name=pair", "sweep.select=[majority,draws]", *WORDS]
        for role in ("abstraction", "solution"):
            own = f"{role}.model.server"
            words += [f"{role}.model.path={url}/v1", f"{own}.name=rlad-{role}", f"{own}.api_key=A_KEY"]
        save_config(load_config(None, words), tmp_path / "pair.yaml")
        found = sweep.sweep_run(str(tmp_path / "pair.yaml"))
        workers._OPEN.clear()
        with pytest.raises(ModelDown, match="'logprobs' is not supported.*set 'solution.model.server.drop=.logprobs.'"):
            sweep.sweep_run(str(tmp_path / "pair.yaml"), "sweep.select=[weighted_majority]")
    assert {cell["mode"] for cell in found["cells"]} == {"abstractions", "plain"}
    kept = [json.loads(line) for line in (tmp_path / "pair" / NAME).read_text().splitlines()]
    grown = [tree for line in kept for tree in line["trees"] if tree["mode"] == "distinct"]
    assert len(grown) == 5 and all(tree["branches"][0]["abstraction"] == "1 * a" for tree in grown)
    assert {call[2].max_new_tokens for call in gateway.abstraction.calls} == {6}
    assert {call[2].max_new_tokens for call in gateway.solution.calls} == {20}
