"""Which vLLM servers a pair wants, what each is told, and which model of a server is a player's."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from served_run import make_run

from evals.sweeping.pairs import pairs_of
from rlad.config import ConfigError, load_config
from rlad.generation.base import Completion, SamplerFailed
from rlad.problems.base import Problem
from rlad.reasoning.budget_policy import SPENDING
from rlad.reasoning.choosing import Asking
from rlad.reasoning.pair import newest_pair
from rlad.reasoning.posterior import COUNTING
from rlad.reasoning.selecting import EXAMPLE
from rlad.reasoning.tree import Solution, Tree
from rlad.serving.metrics import Metrics
from rlad.serving.priced import chooser_of, going_without, spending_of
from rlad.serving.servers import card_of, planned
from rlad.serving.start import opened


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


# ------------------------------------------------------------------------------------------- the selector of a budget
SELECTOR = "roles=[abstraction,solution,selector]"


def priced(folder):
    kept = {"rule": "majority", "statistics": asdict(COUNTING), "prices": [[60.0, 1e-3]]}
    kept["selector"] = {"statistics": asdict(EXAMPLE), "prices": [[60.0, 2e-3]]}
    (folder / SPENDING).write_text(json.dumps(kept))
    return spending_of(folder)


def test_a_selector_that_the_sweep_priced_has_a_server_of_its_own(tmp_path):
    folder = make_run(tmp_path, SELECTOR, adapters=True)
    run, spending = load_config(folder / "config.yaml"), priced(folder)
    more = chooser_of(run, folder, spending)
    assert more == {"selector": folder / "export" / "selector"}
    pair = {role: Path(path) for role, path in newest_pair(run, folder).items()}
    plans = planned(run, folder, pair, more)
    assert [(plan.name, plan.place) for plan in plans] == [
        ("abstraction", (0, 3)),
        ("solution", (1, 3)),
        ("selector", (2, 3)),
    ]
    assert plans[2].arguments == ("--served-model-name", "rlad-selector")
    run.serving.adapters = True
    assert [(plan.name, plan.place) for plan in planned(run, folder, pair, more)] == [
        ("pair", (0, 2)),
        ("selector", (1, 2)),
    ]
    # A sweep that had none prices none, a run without its role has none, and neither has a folder without its model.
    assert chooser_of(run, folder, None) == {} and spending.policy(60).player is None
    assert spending.policy(60, asks=True) != spending.policy(60)
    assert chooser_of(load_config(None), folder, spending) == {} and going_without(run, folder, None) is None
    assert "no player of this run" in going_without(load_config(None), folder, spending)
    assert going_without(run, folder, spending) is None
    (folder / "export" / "selector" / "config.json").unlink()
    assert chooser_of(run, folder, spending) == {} and "no model in" in going_without(run, folder, spending)
    run.serving.abstraction_url = run.serving.solution_url = "http://a"
    assert "serving.selector_url is not set" in going_without(run, folder, spending)


def test_a_selector_that_is_only_warm_started_is_served_as_it_was_swept(tmp_path):
    """The sweep prices the base that the warm start taught to choose; it serves both players, and the selector too."""
    folder = tmp_path
    run = load_config(None, [SELECTOR, "warmstart.mixture.select=0.2"])
    (folder / "base").mkdir()
    (folder / "base" / "config.json").write_text("{}")
    (swept,) = pairs_of(run, folder)
    spending = priced(folder)
    assert dict(swept.choosers) == {"selector": str(folder / "base")}
    more = chooser_of(run, folder, spending)
    assert more == {"selector": folder / "base"} and going_without(run, folder, spending) is None
    pair = {role: Path(path) for role, path in newest_pair(run, folder).items()}
    (plan,) = planned(run, folder, pair, more)
    assert plan.arguments == ("--served-model-name", "rlad-abstraction", "rlad-solution", "rlad-selector")
    run.warmstart.mixture.select = 0.0  # nobody taught it: it has no row in a sweep, and nothing is priced
    assert pairs_of(run, folder)[0].choosers == () and chooser_of(run, folder, spending) == {}
    assert "there is no model in" in going_without(run, folder, spending)


def test_a_selector_in_this_process_chooses_among_a_trees_answers(tmp_path):
    folder = make_run(tmp_path, SELECTOR, "serving.engine=transformers", "selector.max_new_tokens=3")
    priced(folder)
    run = load_config(folder / "config.yaml")
    tree = Tree(Problem("p", "3 , 5 > 14 ; 4 , 1 > ?", ""))
    solutions = [Solution([], Completion((), (), "stop", 0), f"\\boxed{{ {answer} }}") for answer in (7, 9)]

    async def chosen():
        async with opened(run, folder, Metrics()) as pair:
            chooser = pair.explorer().chooser
            asking = Asking(chooser, tree, [(str(i), [one]) for i, one in enumerate(solutions)])
            pieces = [piece async for piece in asking.sample([], 1, chooser.sampling(1))]
            return asking.place, sum(len(piece.token_ids) for piece in pieces), pair.asks

    place, generated, asks = asyncio.run(chosen())
    assert place in (0, 1) and asks and 1 <= generated == tree.tokens <= 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serving.selector_url=http://a"], "give the URLs of both players, too"),
        ([f"serving.{role}_url=http://a" for role in ("abstraction", "solution")] + ["serving.selector_url=a"], "no"),
    ],
)
def test_a_selectors_url_stands_beside_the_players(words, said):
    with pytest.raises(ConfigError, match="serving.selector_url") as refused:
        load_config(None, words)
    assert said in str(refused.value)
