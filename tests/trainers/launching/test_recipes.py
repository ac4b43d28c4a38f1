"""Recipes dry-run on the machines that they are for, from a file of hosts, under Slurm and in a Kubernetes job."""

import itertools
import re
import shutil
from pathlib import Path

import pytest
import yaml

from rlad.config import load_config
from rlad.players.gpus import GPUS
from rlad.players.shapes import model_shape, parameters
from trainers.launching import command
from trainers.launching.engine_memory import smallest_gpu
from trainers.launching.memory import memory, peak_bytes, staying
from trainers.launching.scaling import costs
from trainers.launching.warm_memory import warm_peak

ROOT = Path(__file__).parents[3]
RECIPES, DEPLOY = ROOT / "configs" / "recipes", ROOT / "deploy"
MODELS = {
    "Qwen3-0.6B": "Qwen/Qwen3-0.6B",
    "Llama-3.2-1B": "meta-llama/Llama-3.2-1B-Instruct",
    "Qwen3-1.7B": "Qwen/Qwen3-1.7B",
    "Llama-3.2-3B": "meta-llama/Llama-3.2-3B-Instruct",
    "Qwen3-4B": "Qwen/Qwen3-4B",
    "Qwen3-8B": "Qwen/Qwen3-8B",
}
RECIPE_NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml"))
NODES = {"4-nodes": 4}
CAPACITY = {"1x24gb": 24, "1x24gb-lora": 24}
"""GB of a recipe's GPUs; 80 for all others."""
PRICE = "$ a GPU hour, assumed"


def table(head):
    """recipe -> column -> cell, of the table of docs/recipes.md that begins so."""
    lines = (ROOT / "docs" / "recipes.md").read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(head))
    names, found = [cell.strip() for cell in lines[first].split("|")[2:-1]], {}
    for line in itertools.takewhile(lambda line: line.startswith("|"), lines[first + 2 :]):
        recipe, *cells = (cell.strip() for cell in line.split("|")[1:-1])
        found[recipe.strip("`")] = dict(zip(names, cells, strict=True))
    return found


def told():
    """recipe -> model -> (GB, whether it is printed in bold)."""
    return {
        recipe: {name: (int(cell.strip("*")), cell.startswith("*")) for name, cell in row.items()}
        for recipe, row in table("| recipe | Qwen3-0.6B").items()
    }


def modelled(recipe, model, gpu):
    """Seconds of a step, GPU hours of the run."""
    run = load_config(RECIPES / f"{recipe}.yaml", [f"base.path={model}"])
    ranks = run.launch.ranks * NODES.get(recipe, 1)
    seconds = sum(one.seconds for one in costs(run, ranks, GPUS[gpu]).values())
    return seconds, seconds * run.cotrain.steps * ranks / 3600


def least(recipe, model, *words):
    run = load_config(RECIPES / f"{recipe}.yaml", [f"base.path={model}", *words])
    return smallest_gpu(run, memory(run, run.launch.ranks * NODES.get(recipe, 1))) / 1e9


@pytest.mark.parametrize("recipe", RECIPE_NAMES)
def test_the_page_says_what_the_dry_run_says(recipe):
    row = told()[recipe]
    assert list(row) == list(MODELS)
    for name, (gb, bold) in row.items():
        assert gb == round(least(recipe, MODELS[name])), name
        assert bold == (gb <= CAPACITY.get(recipe, 80)), name
    default = load_config(RECIPES / f"{recipe}.yaml").base.path
    assert row[next(name for name, path in MODELS.items() if path == default)][1]


def rounded(hours):
    return f"{hours:.0f}" if hours >= 10 else f"{hours:.1f}"


@pytest.mark.parametrize("recipe", RECIPE_NAMES)
def test_modelled_times_and_costs_are_those_of_the_model(recipe):
    """Seconds and GPU hours of what fits, on the GPU that the row names; money is hours times the row's price."""
    row, default = dict(table("| recipe | GPU assumed")[recipe]), load_config(RECIPES / f"{recipe}.yaml").base.path
    gpu, price, cost = row.pop("GPU assumed"), row.pop(PRICE), row.pop("$ of the recipe's own model")
    assert list(row) == list(MODELS) and GPUS[gpu].memory / 1e9 == CAPACITY.get(recipe, 80)
    for name, (_, fits) in told()[recipe].items():
        seconds, hours = modelled(recipe, MODELS[name], gpu)
        assert row[name] == (f"{seconds:.0f} s, {rounded(hours)} h" if fits else "–"), name
    assert cost == f"{modelled(recipe, default, gpu)[1] * float(price):.0f}"


def test_the_page_says_which_times_are_modelled():
    page = (ROOT / "docs" / "recipes.md").read_text()
    section = page.partition("## Times and costs, modelled")[2].partition("\n## ")[0]
    assert "**Modelled, not measured**" in section and "**The prices are assumptions**" in section


@pytest.mark.parametrize("file", [*RECIPES.glob("*.yaml"), *RECIPES.parent.glob("qwen3-*.yaml")], ids=lambda f: f.stem)
def test_a_warm_start_of_a_pretrained_model_is_gentle_and_keeps_checkpoints(file):
    """The default rate, 3e-3, is for models built from scratch, and 64 long sequences at a time fit no GPU."""
    run = load_config(file)
    assert run.warmstart.lr == (1e-4 if run.warmstart.lora else 1e-5) and run.warmstart.checkpoint_every
    assert 0 < run.warmstart.micro_tokens <= 16_384


def test_an_8b_pair_fits_one_node_without_references_and_with_its_optimisers_outside():
    words = ("abstraction.kl_coef=0", "solution.kl_coef=0")
    assert round(least("8x80gb", MODELS["Qwen3-8B"], "zero.offload_optimizer=true", *words)) == 75
    assert round(least("4-nodes", MODELS["Qwen3-8B"], *words)) == 80


def test_the_smallest_gpu_by_hand():
    """Two engines of a quarter each stay beside what stays; one that serves adapters never sleeps."""
    words = ["base.path=Qwen/Qwen3-0.6B", "launch.device=cuda", "launch.ranks=1", "problems.source=hub"]
    words += ["problems.path=x/y", "base.dtype=bfloat16", "engine.memory_share=0.25", "cotrain.micro_batch=1"]
    run = load_config(None, words)
    parts = memory(run, 1)
    assert smallest_gpu(run, parts) == pytest.approx(2 * staying(parts))
    adapters = load_config(None, [*words, "lora.rank=8", "engine.placement=lora"])
    assert smallest_gpu(adapters, memory(adapters, 1)) == pytest.approx(peak_bytes(memory(adapters, 1)) / 0.75)
    crowded = load_config(None, [*words, "engine.memory_share=0.01"])
    assert smallest_gpu(crowded, parts) > 100 * 1.19e9  # the weights must fit into a hundredth
    assert smallest_gpu(load_config(None, ["launch.device=cpu"]), parts) is None


def test_a_warm_start_of_an_adapter_fits_where_one_of_all_weights_does_not(capsys):
    """Qwen3-1.7B on 24 GB: 16 bytes for each of 1.72 billion parameters, or 2 and the adapter's own."""
    recipe, found = RECIPES / "1x24gb-lora.yaml", []
    for words in ([], ["warmstart.lora=false"]):
        run = load_config(recipe, words)
        found.append(warm_peak(run, 1) / 1e9)
    adapter, whole = found
    assert 3.44 + 0.56 < adapter < 7 and 27.5 < whole < 33  # 16 bytes for each of 34.9 million beside the base
    assert re.search(rf"of an adapter: peak +{adapter:.3f} GB", dry_run(["warmstart", str(recipe)], capsys))
    micro = load_config(recipe, ["warmstart.lora=false", "warmstart.micro_tokens=16384"])
    assert warm_peak(micro, 1) > whole * 1e9  # a larger micro-batch keeps more


@pytest.mark.parametrize(("name", "billions"), [("1B", 1.236), ("3B", 3.213)])
def test_llamas_have_as_many_parameters_as_they_say(name, billions):
    run = load_config(RECIPES / "1x80gb.yaml", [f"base.path={MODELS[f'Llama-3.2-{name}']}"])
    assert parameters(model_shape(run.base, run)) / 1e9 == pytest.approx(billions, abs=0.001)


def dry_run(words, capsys):
    assert command.main([*words, "--dry-run"]) == 0
    return capsys.readouterr().out


def test_four_nodes_from_the_example_of_hosts_and_under_slurm(monkeypatch, capsys):
    recipe = str(RECIPES / "4-nodes.yaml")
    printed = dry_run(["train", recipe, "--hostfile", str(DEPLOY / "hostfile.example")], capsys)
    assert "32 on 4 nodes" in printed and "64 = 2 on each rank" in printed
    assert re.search(r"smallest GPU, vLLM engines beside a rank included +5[01]\.\d+ GB", printed)
    step = {"SLURM_NNODES": "4", "SLURM_STEP_NUM_NODES": "4", "SLURM_STEP_ID": "0", "SLURM_NODEID": "2"}
    step |= {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NODELIST": "node[1-4]", "SLURM_JOB_ID": "77"}
    for name, value in step.items():
        monkeypatch.setenv(name, value)
    assert "32 on 4 nodes" in dry_run(["train", recipe], capsys)


def test_the_slurm_script_asks_for_one_task_a_node_and_the_recipe_s_gpus():
    script = (DEPLOY / "slurm.sh").read_text()
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script, re.MULTILINE))
    run = load_config(RECIPES / "4-nodes.yaml")
    assert asked["ntasks-per-node"] == "1" and int(asked["gpus-per-node"]) == run.launch.ranks
    assert int(asked["nodes"]) == NODES["4-nodes"]
    assert './launch.sh "$@"' in script


def test_the_kubernetes_job_starts_a_recipe_with_as_many_gpus_as_ranks(tmp_path, capsys):
    job = yaml.safe_load((DEPLOY / "kubernetes-train.yaml").read_text())
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(places) == {volume["name"] for volume in pod["volumes"]}
    for item in next(volume["configMap"]["items"] for volume in pod["volumes"] if volume["name"] == "recipe"):
        target = tmp_path / item["path"]
        target.parent.mkdir(exist_ok=True)
        (file,) = (ROOT / "configs").rglob(item["key"])
        shutil.copy(file, target)
    words = [re.sub(f"^{places['recipe']}/", f"{tmp_path}/", word) for word in container["args"]]
    printed = dry_run(words, capsys)
    gpus = container["resources"]["limits"]["nvidia.com/gpu"]
    assert f"ranks                        {gpus} on 1 node" in printed
    assert all(places["data"] in word for word in words if word.startswith(("runs_dir=", "problems.path=")))
