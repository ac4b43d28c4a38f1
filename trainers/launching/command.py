"""Starts the warm start or co-training on all ranks: `python -m trainers.launching train CONFIG [key=value ...]`.

Everything that can be refused is refused here, in one sentence and before a model is loaded: the configuration, the
problems, the placement, the models' form; torch is imported only for a model that has its own tokenizer, and for
adapters. Then the run folder is made, the resolved configuration written into it, and the real `deepspeed` launcher
started on this machine, on the hosts of a file, or as this node's part of a multi-node run.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
from pathlib import Path

from rlad.cli import Parser, PlainError
from rlad.config import EngineConfig, ProblemsConfig, RunConfig, load_config
from rlad.config.rules import check_ranks, dropouts, model_config, models, require_weights
from rlad.generation import SamplerFailed
from rlad.generation.vllm.link import SCRATCH, private_folder
from rlad.generation.vllm.setup import SPARE, require_vllm
from rlad.players.forms import check_forms
from rlad.players.lengths import check_lengths
from rlad.problems import SPLITS, load_problems
from rlad.problems.files import read_demonstrations
from trainers.launching.dry_run import describe
from trainers.launching.folder import config_path, prepared_folder
from trainers.launching.launcher import (
    choose_device,
    clear_reports,
    command,
    count_gpus,
    environment,
    outcome,
    require_compiler,
    require_remote_shell,
    run,
    spare_gpus,
)
from trainers.launching.memory import on_cpu
from trainers.launching.nodes import Placement, place

PROCESSOR = Path("/proc/cpuinfo")
MODULES = {"warmstart": "trainers.warmstart", "train": "trainers.cotrain"}


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="launch", description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=MODULES)
    parser.add_argument("config", help="a YAML file, or the folder of a run to go on with")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")
    parser.add_argument("--dry-run", action="store_true", help="print what would run, and what memory it needs")
    parser.add_argument("--hostfile", help="lines 'HOST slots=N'; the hosts are reached over ssh")
    parser.add_argument("--nodes", type=int, help="nodes of a run with one launcher on each")
    parser.add_argument("--node-rank", type=int, help="which of them this one is, from 0")
    parser.add_argument("--master", metavar="HOST[:PORT]", help="where node 0 listens")
    return parser.parse_intermixed_args(words)


def check_problems(config: RunConfig, dry_run: bool) -> dict[str, int] | None:
    """Reads or generates every split once: a broken row, a world too small, or a question too long for a player is
    found before anything starts. Returns the longest sequence of each role, None where that is not known yet.

    A dry run may come before data and model do: it asks no hub, and a file that is not there is only mentioned.
    """
    source = config.problems.source
    if dry_run and not config.problems.generated:
        away = source in ("hub", "verifiers")
        absent = [] if away else [file for file in data_files(config.problems) if not Path(file).is_file()]
        if absent:
            print(f"Note: there is no file '{absent[0]}' yet.\n")
        if absent or away:
            return None
    problems = [problem for split in SPLITS for problem in load_problems(config.problems, split)]
    if dry_run and any(model.path is not None and model_config(model.path) is None for _, model in models(config)):
        print("Note: a model is not here yet; whether the questions fit it is not checked.\n")
        return None
    return check_lengths(config, problems)


def dropout_note(verb: str, config: RunConfig) -> str | None:
    """What becomes of the dropout that a model asks for; None where none does."""
    for name, model in models(config):
        asked = dropouts(model_config(model.path) or {}) if model.path is not None else {}
        if asked:
            shares = ", ".join(f"{key}={value:g}" for key, value in asked.items())
            if verb == "warmstart" and config.warmstart.dropout:
                return (
                    f"Warning: the warm start keeps the dropout of '{model.path}' ({shares}; warmstart.dropout=true); "
                    "co-training switches it off."
                )
            return f"The dropout of '{model.path}' ({name}.path: {shares}) is off: samplers have none."
    return None


def bfloat16_note(config: RunConfig, processor: str) -> str | None:
    """That a processor without instructions for bfloat16 is slow with it; None where it has them or needs none.

    processor: what the system says of it (`/proc/cpuinfo`).

    >>> from rlad.config import ModelConfig
    >>> run = RunConfig(base=ModelConfig(dtype="bfloat16"))
    >>> bfloat16_note(run, "flags : avx2 avx512f avx512_bf16"), bfloat16_note(RunConfig(), "flags : avx2")
    (None, None)
    >>> bfloat16_note(run, "flags : avx2 avx512f")[:44]
    'Warning: base.dtype=bfloat16 is several time'
    """
    if {"avx512_bf16", "amx_bf16", "bf16"} & set(processor.split()):
        return None
    for name, model in models(config):
        if model.dtype == "bfloat16":
            return (
                f"Warning: {name}.dtype=bfloat16 is several times slower than float32 on this processor, which has "
                "neither avx512_bf16 nor amx_bf16 (5.6 times, measured with AVX2)."
            )
    return None


def data_files(problems: ProblemsConfig) -> list[str]:
    return [path for path in (problems.path, problems.validation_path, problems.test_path) if path]


def check_sampler(engine: EngineConfig, device: str) -> None:
    """Raises PlainError where vLLM is asked for and cannot run; vLLM itself is not imported."""
    if engine.kind == "auto" and device != "cpu" and not importlib.util.find_spec("vllm"):
        print(
            "vLLM is not installed, so rollouts run on transformers, several times slower; "
            "'./launch.sh setup --with vllm' installs it, engine.kind=transformers says that this is meant.",
            file=sys.stderr,
        )
    if engine.kind != "vllm":
        return
    try:
        require_vllm(device)
    except SamplerFailed as error:
        raise PlainError(str(error)) from error


def launch(verb: str, config: RunConfig, placement: Placement) -> int:
    """Runs the verb on all ranks of this launcher; returns the exit code and has said why it is not 0."""
    slots, gpus = max(placement.slots), count_gpus()
    device = choose_device(config.launch.device, slots, gpus)
    if device == "cpu":
        require_compiler()
    if verb == "train":
        check_sampler(config.engine, device)
    if placement.hostfile is not None:
        require_remote_shell()
    with prepared_folder(config, verb, placement.node_rank or 0) as folder:
        code, why = _run_ranks(verb, config, placement, folder, device, gpus)
    if why is not None:
        print(f"error: {why}", file=sys.stderr)
    return code


def _run_ranks(
    verb: str, config: RunConfig, placement: Placement, folder: Path, device: str, gpus: int
) -> tuple[int, str | None]:
    """The exit code and, when it isn't 0, the sentence why."""
    logs = folder / "logs"
    clear_reports(logs, placement.node_rank or 0)
    env = environment(os.environ, device, config.launch.threads_per_rank, logs, placement.hostfile is None)
    if device == "cuda":
        env[SPARE] = spare_gpus(max(placement.slots), gpus, os.environ)
    line = command(placement, device, logs, MODULES[verb], ["--run", str(folder.resolve())], env)
    scratch = private_folder()
    if placement.hostfile is None:
        env[SCRATCH] = str(scratch)  # an engine and its rank may end in ways that leave them no time to clear up
    try:
        return outcome(run(line, env), logs, placement)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main(words: list[str] | None = None) -> int:
    arguments = _arguments(words)
    config = load_config(config_path(arguments.config), arguments.overrides)
    require_weights(config)
    placement = place(
        config.launch.ranks,
        config.launch.port,
        os.environ,
        hostfile=arguments.hostfile,
        nodes=arguments.nodes,
        node_rank=arguments.node_rank,
        master=arguments.master,
    )
    check_ranks(config, placement.ranks)
    check_forms(config)
    lengths = check_problems(config, arguments.dry_run)
    if arguments.verb == "warmstart" and config.warmstart.path is not None:
        read_demonstrations(config.problems, config.warmstart.path)  # refused here, before a rank starts
    if note := dropout_note(arguments.verb, config):
        print(f"{note}\n")
    if on_cpu(config) and PROCESSOR.is_file() and (note := bfloat16_note(config, PROCESSOR.read_text())):
        print(f"{note}\n")
    if arguments.dry_run:
        print(describe(config, placement, lengths))
        return 0
    return launch(arguments.verb, config, placement)
