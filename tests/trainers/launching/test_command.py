"""Where ranks are placed, which command starts them, and what is said about how they ended. Nothing is started here."""

import base64
import json
import os
import sys
from pathlib import Path

import pytest

from rlad.cli import PlainError
from rlad.config import load_config, save_config
from trainers.launching import command as launch
from trainers.launching.folder import changed, prepared_folder
from trainers.launching.launcher import KEPT_MEMORY, choose_device, command, environment, outcome, require_compiler
from trainers.launching.nodes import Placement, expand_nodelist, place, read_hostfile
from trainers.launching.rank import done_file, leave_sentence

TRIM = "MALLOC_TRIM_THRESHOLD_"


# ------------------------------------------------------------------------------------------------- placement
def test_one_machine_is_the_default():
    assert place(2, 0, {}) == Placement(slots=(2,))
    assert place(2, 0, {"SLURM_JOB_ID": "1", "SLURM_NNODES": "1"}) == Placement(slots=(2,))


def test_nodes_by_hand():
    placement = place(4, 0, {}, nodes=2, node_rank=1, master="10.0.0.1:1234")
    assert (placement.ranks, placement.nodes) == (8, 2)
    assert (placement.node_rank, placement.master, placement.port) == (1, "10.0.0.1", 1234)


SLURM = {
    "SLURM_JOB_ID": "123456", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_NODES": "3", "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_NODELIST": "gpu[08-09,12]", "SLURM_NODEID": "2",
}  # fmt: skip


def test_slurm_step_places_this_node():
    placement = place(8, 0, SLURM)
    assert placement == Placement(slots=(8, 8, 8), node_rank=2, master="gpu08", port=20_000 + 123456 % 20_000)
    # every node works out the same address
    assert place(8, 0, {**SLURM, "SLURM_NODEID": "0"}).port == placement.port
    # what the user says wins
    assert place(8, 0, SLURM, nodes=1, node_rank=0, master="a").slots == (8,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"SLURM_STEP_NUM_TASKS": "6"}, "6 tasks on 3 nodes"),
        ({"SLURM_STEP_NODELIST": "gpu1"}, "does not name 3 nodes"),
        ({"SLURM_STEP_ID": None}, "srun --ntasks-per-node=1"),
    ],
)
def test_slurm_misuse(change, words):
    variables = {key: value for key, value in {**SLURM, **change}.items() if value is not None}
    with pytest.raises(PlainError, match=words):
        place(8, 0, variables)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("n[1-3]", ["n1", "n2", "n3"]),
        ("n[008-010]-ib", ["n008-ib", "n009-ib", "n010-ib"]),
        ("r[1-2]n[1,3]", ["r1n1", "r1n3", "r2n1", "r2n3"]),
    ],
)
def test_node_lists(text, names):
    assert expand_nodelist(text) == names


def test_hostfile(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("a slots=8\n\n# spare\nb slots=4  # half\n")
    assert read_hostfile(hosts) == {"a": 8, "b": 4}
    placement = place(2, 0, {}, hostfile=str(hosts))
    assert (placement.slots, placement.hostfile, placement.node_rank) == ((8, 4), hosts, None)
    one_of_them = place(2, 0, {}, hostfile=str(hosts), node_rank=1, master="a:99")
    assert (one_of_them.slots, one_of_them.node_rank, one_of_them.hostfile) == ((8, 4), 1, None)
    hosts.write_text("localhost slots=3\n")
    assert place(2, 0, {}, hostfile=str(hosts)) == Placement(slots=(3,))  # no ssh to oneself


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no host"),
        ("a 8\n", "Line 1 .* 'HOST slots=N'"),
        ("a slots=0\n", "Line 1"),
        ("a slots=1\na slots=2\n", "Line 2 .* again"),
    ],
)
def test_malformed_hostfile(tmp_path, text, words):
    (tmp_path / "hosts").write_text(text)
    with pytest.raises(PlainError, match=words):
        place(2, 0, {}, hostfile=str(tmp_path / "hosts"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"hostfile": "/nowhere"}, "no hostfile"),
        ({"nodes": 2}, "go together"),
        ({"nodes": 2, "node_rank": 2, "master": "a"}, "below --nodes=2"),
        ({"nodes": 2, "node_rank": 0, "master": "a:port"}, "HOST or HOST:PORT"),
    ],
)
def test_arguments_that_do_not_fit(arguments, words):
    with pytest.raises(PlainError, match=words):
        place(2, 0, {}, **arguments)


# ------------------------------------------------------------------------------------------------- command
def start_line(tmp_path, placement, device="cpu", base=()):
    env = environment(dict(base), device, 1, tmp_path, True)
    return command(placement, device, tmp_path, "module", ["--run", "x"], env), env


def world_of(line):
    """Every node's accelerators, as DeepSpeed's node launcher is told."""
    (world,) = [word.partition("=")[2] for word in line if word.startswith("--world_info=")]
    return json.loads(base64.urlsafe_b64decode(world))


def test_command_of_one_machine(tmp_path):
    line, env = start_line(
        tmp_path, Placement(slots=(2,), port=99), base={"CUDA_VISIBLE_DEVICES": "3", "PYTHONPATH": "own"}
    )
    assert line[1:4] == ["-u", "-m", "deepspeed.launcher.launch"]
    assert world_of(line) == {"node-0": [0, 1]}
    assert {"--node_rank=0", "--master_addr=127.0.0.1", "--master_port=99"} <= set(line)
    assert line[-5:] == ["--module", "trainers.launching.rank", "module", "--run", "x"]
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["DS_ACCELERATOR"] == "cpu"
    assert "CUDA_VISIBLE_DEVICES" not in env
    assert env["PYTHONPATH"].split(os.pathsep)[1:] == ["own"]  # a package of one's own is found by the ranks too


def test_a_cpu_rank_keeps_what_an_update_has_freed_unless_its_user_says_otherwise(tmp_path):
    by_itself, asked = (start_line(tmp_path, Placement(slots=(1,)), base=base)[1] for base in ({}, {TRIM: "1"}))
    assert by_itself.items() >= KEPT_MEMORY.items()
    assert asked[TRIM] == "1"
    assert not asked.keys() & (KEPT_MEMORY.keys() - {TRIM})
    assert not start_line(tmp_path, Placement(slots=(1,)), "cuda")[1].keys() & KEPT_MEMORY.keys()


def test_chosen_gpus_are_kept(tmp_path):
    line, env = start_line(tmp_path, Placement(slots=(2,)), "cuda", {"CUDA_VISIBLE_DEVICES": "5,6,7"})
    assert world_of(line) == {"node-0": ["5", "6"]}
    assert "OMP_NUM_THREADS" not in env


def test_command_of_one_node_of_several(tmp_path):
    placement = Placement(slots=(2, 3), node_rank=1, master="a", port=5)
    line, _ = start_line(tmp_path, placement)
    assert {"--node_rank=1", "--master_addr=a", "--master_port=5"} <= set(line)
    assert world_of(line) == {"node-0": [0, 1], "node-1": [0, 1, 2]}
    line, _ = start_line(tmp_path, placement, "cuda", {"CUDA_VISIBLE_DEVICES": "4,5,6,7"})
    assert world_of(line) == {"node-0": [0, 1], "node-1": ["4", "5", "6"]}


def test_deepspeeds_front_end_starts_the_hosts_of_a_file(tmp_path):
    line, env = start_line(tmp_path, Placement(slots=(1, 1), master="a", hostfile=Path("hosts"), port=7))
    assert line[1:4] == ["-u", "-m", "deepspeed.launcher.runner"]
    assert {"--hostfile=hosts", "--master_port=7"} <= set(line)
    assert "DS_ACCELERATOR=cpu\n" in Path(env["DS_ENV_FILE"]).read_text()


def test_device():
    assert choose_device("auto", 8, 0) == "cpu"
    assert choose_device("auto", 2, 2) == "cuda"
    assert choose_device("cpu", 8, 2) == "cpu"
    with pytest.raises(PlainError, match="wants 8 GPUs on this node"):
        choose_device("cuda", 8, 2)


def test_missing_compiler(monkeypatch):
    monkeypatch.setattr("trainers.launching.launcher.collectives_built", lambda environment: True)
    require_compiler({"PATH": "/nowhere"})  # nothing has to be compiled
    monkeypatch.setattr("trainers.launching.launcher.collectives_built", lambda environment: False)
    with pytest.raises(PlainError, match="no C\\+\\+ compiler 'c\\+\\+'"):
        require_compiler({"PATH": "/nowhere"})


# ------------------------------------------------------------------------------------------------- outcome
def test_first_failure_is_the_one_told(tmp_path):
    two = Placement(slots=(2,))
    assert leave_sentence(tmp_path, 0, 1, RuntimeError("first")) == 1
    assert leave_sentence(tmp_path, 0, 0, RuntimeError("a consequence")) == 1
    code, why = outcome(1, tmp_path, two)
    assert code == 1
    assert why.startswith("Rank 1 failed: RuntimeError: first (traceback:")


def test_success_needs_every_local_rank(tmp_path):
    second_node = Placement(slots=(2, 2), node_rank=1)
    for rank in (0, 1, 2):
        done_file(tmp_path, rank).touch()
    assert outcome(0, tmp_path, second_node)[0] == 1
    done_file(tmp_path, 3).touch()
    assert outcome(0, tmp_path, second_node) == (0, None)
    assert outcome(-9, tmp_path, second_node)[0] == 1  # the node launcher itself was killed


# ------------------------------------------------------------------------------------------------- the command line
SMALL = ["problems.train=20", "problems.validation=4", "problems.test=4"]

SMALL_WORLD = ["problems.source=countdown", "problems.countdown.max_number=2", "problems.countdown.max_target=3"]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(f"runs_dir: {tmp_path}\nname: here\nlaunch: {{device: cpu}}\n")
    return str(path)


def test_training_wants_a_warm_start_first(config, tmp_path):
    with pytest.raises(PlainError, match="no warm-started base yet"):
        launch.main(["train", config, *SMALL])
    assert not (tmp_path / "here").exists()


def test_changed_settings_are_told(config, tmp_path, capsys):
    with prepared_folder(load_config(config), "warmstart") as folder:
        pass
    assert capsys.readouterr().out == ""
    later = load_config(config, ["cotrain.steps=7"])
    assert changed(later, folder) == ["cotrain.steps: 100 -> 7"]
    with prepared_folder(later, "warmstart"):
        pass
    assert "cotrain.steps: 100 -> 7" in capsys.readouterr().out
    assert load_config(folder / "config.yaml").cotrain.steps == 7


def test_broken_rows_and_small_worlds_are_found_before_anything_starts(config, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"problem": "1+1", "answer": "2"}) + "\n{broken\n")
    with pytest.raises(ValueError, match="Line 2 of .* is not JSON"):
        launch.main(["train", config, "problems.source=jsonl", f"problems.path={rows}", "problems.train=0"])
    with pytest.raises(ValueError, match="too small"):
        launch.main(["warmstart", config, *SMALL, *SMALL_WORLD])
    with pytest.raises(ValueError, match="There is no file '/nowhere.jsonl'"):
        launch.main(["warmstart", config, *SMALL, "warmstart.path=/nowhere.jsonl"])
    assert not (tmp_path / "here").exists()


def test_dry_run_comes_before_the_data(config, capsys):
    arguments = ["train", config, "problems.source=jsonl", "problems.path=/nowhere.jsonl", "base.path=Qwen/Qwen3-1.7B"]
    assert launch.main([*arguments, "--dry-run"]) == 0
    assert "there is no file '/nowhere.jsonl' yet" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no file '/nowhere.jsonl'"):
        launch.main(arguments)


def test_ranks_of_all_nodes_must_divide_the_problems(config):
    with pytest.raises(ValueError, match="does not divide over 6 ranks"):
        launch.main(["train", config, *SMALL, "--nodes", "3", "--node-rank", "0", "--master", "a"])


def test_a_rank_reads_which_run_it_was_started_for(tmp_path, monkeypatch):
    from trainers.launching.folder import started_run

    save_config(load_config(None, ["cotrain.steps=7"]), tmp_path / "config.yaml")
    monkeypatch.setattr(sys, "argv", ["trainers.cotrain", "--run", str(tmp_path)])
    run, folder = started_run("what it does")
    assert (run.cotrain.steps, folder) == (7, tmp_path)
    monkeypatch.setattr(sys, "argv", ["trainers.cotrain"])
    with pytest.raises(SystemExit):
        started_run("what it does")
