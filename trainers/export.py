"""Exports a checkpoint: `python -m trainers.export RUN [--step N]`, also of a run in progress.

What comes out is a run folder of its own, RUN/exports/step_00050, with the players of that step as plain Hugging Face
folders and the base beside them: it is swept, served and reported like any other, while training goes on.
"""

from __future__ import annotations

from pathlib import Path

from rlad.cli import Parser, PlainError, environment_default, main_guard
from rlad.config import load_config


def main(words: list[str] | None = None) -> int:
    parser = Parser(prog="export", description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of a run")
    parser.add_argument("--step", type=int, help="the checkpoint's step; the newest one otherwise")
    arguments = parser.parse_args(words)
    if not (arguments.run / "config.yaml").is_file():
        raise PlainError(f"'{arguments.run}' is not the folder of a run: it has no config.yaml.")
    run = load_config(arguments.run / "config.yaml")
    # Shards are put together on the CPU, wherever they were trained. DeepSpeed, which reads them, would otherwise look
    # for an accelerator as it is imported, and warn where there is none.
    with environment_default("DS_ACCELERATOR", "cpu"):
        from trainers.learner.exporting import export

        target = export(run, arguments.run, arguments.step)
    print(f"The players are in {target}, which sweep, serve and report take like any run.")
    return 0


if __name__ == "__main__":
    main_guard(main)
