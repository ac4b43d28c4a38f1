"""``./launch.sh distill CONFIG``: abstraction data for the warm start, from a teacher or from the model itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from rlad.chat_model import HttpModel, Pace
from rlad.cli import Parser, main_guard, progress
from rlad.config import ChatModelConfig, RunConfig, load_config
from rlad.entropy.embedders import local_model
from rlad.generation.together import together
from rlad.problems import Problem, load_problems, require_one_piece, world_of
from rlad.problems.files import read_demonstrations
from rlad.reasoning.judge import Judge
from trainers.distill.calls import Calls
from trainers.distill.card import card
from trainers.distill.own import OwnModel
from trainers.distill.pipeline import Distiller, Worked
from trainers.distill.rows import offered, rejects, rows
from trainers.launching.folder import config_path, prepared_folder


def make_models(run: RunConfig) -> dict[str, HttpModel | OwnModel]:
    """Teacher and solver; where neither has a URL they are one model, loaded once. Those behind one URL begin their
    requests in turns: a server's limit is one for all who ask it."""
    own: list[OwnModel] = []
    configs = {"teacher": run.distill.teacher, "solver": run.distill.solver}
    limits: dict[str, list[int]] = {}
    for config in configs.values():
        limits.setdefault(_server(config), []).append(config.per_minute)
    paces = {url: Pace(min(filter(None, found), default=0)) for url, found in limits.items()}

    def make(role: str, config: ChatModelConfig) -> HttpModel | OwnModel:
        if config.url:
            return HttpModel(config, pace=paces[_server(config)], prefix=f"distill.{role}.")
        own.extend([] if own else [OwnModel(run)])
        return own[0]

    return {role: make(role, config) for role, config in configs.items()}


def _server(config: ChatModelConfig) -> str:
    return (config.url or "").rstrip("/")


async def distil(run: RunConfig, folder: Path, problems: list[Problem]) -> str:
    """Works on all problems and writes sft.jsonl, rejects.jsonl and card.md into `folder`; the card's text.

    Calls are kept in calls.jsonl there, and a second run asks only what is not in it. Raises ModelDown.
    """
    models = make_models(run)
    calls = Calls(folder / "calls.jsonl", models)
    judge = Judge(run.verifier, world_of(run.problems), run.problems.value_answers)
    encode = local_model(run.distill.encoder) if run.distill.encoder else None
    distiller = Distiller(run, calls, judge, encode)
    width = asyncio.Semaphore(max(run.distill.teacher.requests, run.distill.solver.requests))
    try:
        with progress("distilling", len(problems)) as bar:

            async def work(problem: Problem) -> Worked:
                async with width:
                    done = await distiller.work(problem)
                bar.advance(kept=len(done.kept))
                return done

            for model in set(models.values()):
                await model.begin()
            worked = await together([work(problem) for problem in problems])
    finally:
        calls.close()
        judge.close()
        for model in set(models.values()):
            await model.close()
    written = [row for done in worked for row in rows(done, run.distill)]
    _write(folder / "sft.jsonl", written)
    _write(folder / "rejects.jsonl", [row for done in worked for row in rejects(done)])
    tasks = offered(read_demonstrations(run.problems, str(folder / "sft.jsonl")) if written else [])
    text = card(run, worked, {role: model.name for role, model in models.items()}, calls.spent, written, tasks)
    (folder / "card.md").write_text(text)
    return text


def _write(path: Path, lines: list[dict]) -> None:
    """All of a file or nothing."""
    partial = path.with_suffix(".partial")
    partial.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    partial.replace(path)


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="distill", description=__doc__)
    parser.add_argument("config", help="a YAML file, or the folder of a run to go on with")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")
    arguments = parser.parse_intermixed_args(words)
    run = load_config(config_path(arguments.config), arguments.overrides)
    require_one_piece(run.problems, "a solver behind a chat API")
    problems = load_problems(run.problems, "train")[: run.distill.problems or None]
    with prepared_folder(run, "distill") as folder:
        target = folder / "distill"
        target.mkdir(exist_ok=True)
        print(asyncio.run(distil(run, target, problems)))
        print(f"Written to {target}. Warm start: warmstart.path={target / 'sft.jsonl'}")


if __name__ == "__main__":
    main_guard(main)
