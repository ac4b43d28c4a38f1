"""Which vLLM servers a pair wants, what each is told, and which model of a server is a player's."""

from pathlib import Path

import pytest
from served_run import make_run

from rlad.config import ConfigError, load_config
from rlad.generation.base import SamplerFailed
from rlad.reasoning.pair import newest_pair
from rlad.serving.servers import card_of, planned


def plans_of(run, folder):
    found = planned(run, folder, {role: Path(path) for role, path in newest_pair(run, folder).items()})
    return [(plan.name, plan.roles, plan.model, list(plan.arguments)) for plan in found]


def test_a_model_each_is_a_server_each_and_one_model_is_one_server(tmp_path):
    folder = make_run(tmp_path)
    run, export = load_config(folder / "config.yaml"), folder / "export"
    assert plans_of(run, folder) == [
        (role, (role,), export / role, ["--served-model-name", f"rlad-{role}"]) for role in ("abstraction", "solution")
    ]
    run.cotrain.shared_weights = True  # both folders hold the same then
    both = ["--served-model-name", "rlad-abstraction", "rlad-solution"]
    assert plans_of(run, folder) == [("pair", ("abstraction", "solution"), export / "abstraction", both)]


def test_adapters_are_served_beside_their_base_by_one_server(tmp_path):
    folder = make_run(tmp_path, adapters=True)
    run = load_config(folder / "config.yaml", ["serving.adapters=true"])
    ((name, roles, model, words),) = plans_of(run, folder)
    assert (name, roles, model) == ("pair", ("abstraction", "solution"), folder / "base")
    at = words.index("--lora-modules")
    layers = sorted(run.lora.targets)  # with room for one on the output head, no given text could be scored
    modules = [f"rlad-{role}={folder}/export/{role}/adapter" for role in roles]
    assert words[at + 1 :] == [*modules, "--lora-target-modules", *layers]
    assert words[:at] == [
        *("--served-model-name", "rlad-base", "--enable-lora", "--max-loras", "2", "--max-lora-rank", "8")
    ]
    (folder / "export" / "solution" / "adapter" / "adapter_config.json").unlink()
    with pytest.raises(ConfigError, match=r"no adapter in '.*solution/adapter'; './launch.sh export .* writes"):
        plans_of(run, folder)
    run.lora.rank = 0
    with pytest.raises(ConfigError, match="trained with lora.rank"):
        plans_of(run, folder)


@pytest.mark.parametrize(
    "words", [["serving.engine=transformers"], ["serving.abstraction_url=http://a", "serving.solution_url=http://a"]]
)
def test_adapters_are_for_a_server_that_is_started_here(words):
    with pytest.raises(ConfigError, match="a vLLM server that is started here"):
        load_config(None, ["serving.adapters=true", *words])


def test_a_server_of_several_models_must_call_the_players_as_they_are():
    cards = [{"id": "base", "max_model_len": 128}, {"id": "solver", "max_model_len": None}]
    with pytest.raises(SamplerFailed, match="has the models base, solver; call its own rlad-solution"):
        card_of("solution", cards)
