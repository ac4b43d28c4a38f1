"""A server selects by what its run's own sweep found best, and by majority where nothing was measured."""

import json

import pytest

from rlad.config import ConfigError, ServingConfig, load_config
from rlad.selection.proposing import ProposerKeys
from rlad.serving.ruling import settle_rule

FOUND = {
    "checkpoint": "cotrained", "chosen_on": "validation", "rule": "proposer", "keys": {"alpha": 0.5}, "breadth": 0.326,
    "problems": 1000,
}  # fmt: skip


def settled(folder, selection, config=None):
    if selection is not None:
        (folder / "sweep.json").write_text(json.dumps({"selection": selection}))
    config = config or ServingConfig()
    return config, settle_rule(config, folder)


def test_the_sweeps_rule_and_its_fitted_keys_are_the_default(tmp_path):
    config, reason = settled(tmp_path, FOUND)
    assert config.select == "proposer" and config.of("proposer") == ProposerKeys(alpha=0.5)
    assert "the run's sweep found it best, 32.6 % right on 1000 test problems" in reason


@pytest.mark.parametrize(
    ("selection", "why"),
    [
        (None, "no sweep"),
        ({**FOUND, "checkpoint": "warmstart"}, "no rule for this pair"),
        ({**FOUND, "chosen_on": "test"}, "no rule for this pair"),
    ],
)
def test_what_was_not_measured_on_other_problems_is_no_default(tmp_path, selection, why):
    config, reason = settled(tmp_path, selection)
    assert config.select == "majority" and why in reason


def test_a_rule_that_is_named_stays_and_a_broken_file_is_said(tmp_path):
    named = load_config(None, ["serving.select=draws"]).serving
    assert settled(tmp_path, FOUND, named)[0].select == "draws"
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(ConfigError, match="is no JSON"):
        settle_rule(ServingConfig(), tmp_path)
