"""The whole pipeline on a tiny world with our own server as teacher, killed with SIGKILL in every stage: FOLDER.

All processes are forks of this one, which has imported what they need: a stage's process is what `python -m` would run,
and DeepSpeed's launcher is left out (its rank runs in the launcher's process). Prints what was seen as one JSON object.
"""

import contextlib
import fcntl
import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import httpx
from forked_programs import as_rank, ended, forked, forked_programs, imported, module
from two_ranks import SMALL
from warm_base import EASY, FOLDER

from trainers.launching import pipeline

MODULES = (
    *("rlad.serving.app", "rlad.serving.start", "rlad.serving.listen", "trainers.cotrain", "trainers.warmstart"),
    *(
        "trainers.curriculum",
        "trainers.distill.pipeline",
        "trainers.distill.card",
        "trainers.launching.command",
        "evals.sweep",
    ),
)
STAGES = ("distill", "warmstart", "curriculum", "train", "sweep")
SERVERS: list[int] = []
"""Those that run."""
QUESTION = "1 , 2 > 2 ; 3 , 1 > ?"


def words_of(folder: Path, teacher: str) -> list[str]:
    """The command behind `./launch.sh pipeline`, of a configuration that the program writes."""
    models = [f"distill.{role}.{one}" for role in ("teacher", "solver")
              for one in (f"url={teacher}/v1", "max_tokens=40", "requests=1")]  # fmt: skip
    keys = [
        *(f"stages=[{','.join(STAGES)}]", f"runs_dir={folder}", "name=run", f"base.path={FOLDER}", "launch.ranks=1"),
        *("problems.train=20", "problems.validation=2", "problems.test=2", "solution.reward=verdict"),
        *("distill.teacher.name=rlad-abstraction", "distill.solver.name=rlad-solution", "distill.least_chars=1"),
        *("distill.problems=6", "distill.traces=4", "distill.guided=4", "distill.candidates=2", "distill.probe=0"),
        "distill.alpha=0.999",
        # What any rows of the teacher can show: a tiny one's solutions may be the bare answer, which shows no way.
        *(f"warmstart.mixture.{task}=0" for task in ("plain", "guided", "refine", "propose_set")),
        *("warmstart.steps=4", "warmstart.log_every=1", "warmstart.checkpoint_every=2", "curriculum.samples=2"),
        *("curriculum.bands=[easy, medium, hard]", "cotrain.steps=3", "cotrain.checkpoint_every=1"),
        *("cotrain.problems=4", "instruments.every=0", "instruments.rank_every=0", "sweep.grid=[[2, 1]]"),
        *("sweep.problems=2", "sweep.plain_samples=2", "sweep.plain_temperatures=[1.0]", "sweep.iid_abstractions=2"),
        *("sweep.iid_solutions=1", "sweep.bootstrap=20", "sweep.select=[majority]", "serving.engine=transformers"),
    ]
    (folder / "pipeline.yaml").write_text("{}\n")
    return [str(folder / "pipeline.yaml"), *SMALL, *EASY, *models, *keys]


# ----------------------------------------------------------------------------------------------------- processes
def watched(place: str, tally: Path, told: Callable[..., list[str]], kill_at: int) -> contextlib.AbstractContextManager:
    """Notes what `told` makes of every call of MODULE:ATTRIBUTE, and ends this process and its parent at one of them.

    kill_at: the number of the call, after which everything is killed; negative: before it; 0 = never.
    """
    home, _, name = place.partition(":")
    owner = importlib.import_module(home)
    while "." in name:
        head, _, name = name.partition(".")
        owner = getattr(owner, head)
    call, calls = getattr(owner, name), []

    def wrapped(*given, **named):
        calls.append(None)
        if -len(calls) == kill_at:
            kill_all()
        result = call(*given, **named)
        with tally.open("a") as file:
            file.writelines(f"{line}\n" for line in told(*given))
        if len(calls) == kill_at:
            kill_all()
        return result

    return patch.object(owner, name, wrapped)


def kill_all() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


WORK = {
    "distill": ("trainers.distill.calls:Calls._keep", lambda calls, key, *_: [key], 9),
    "warmstart": ("trainers.learner.sft:supervised_step", lambda *_: ["step"], 4),
    "curriculum": (
        "rlad.reasoning.reasoner:Reasoner.solve_bare", lambda _, trees, *__: [tree.problem.id for tree in trees], -2,
    ),
    "train": ("trainers.learner.checkpoint:complete", lambda target, _: [target.name], -2),
    "sweep": ("evals.samples.journal:Journal.add", lambda _, name, __: [name], 3),
}  # fmt: skip
"""Stage -> what does its work piece by piece, what is noted of a piece, and at which everything is killed."""


class Scene:
    """The pipeline's command, as a user gives it again and again."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self.folder, self.words, self.killing, self.started = folder, words, "", folder / "started"

    def start_stage(self, words: list[str]) -> int:
        stage = next(name for name, one in pipeline.STAGES.items() if list(one.module) == words[: len(one.module)])
        with self.started.open("a") as file:
            file.write(f"{stage}\n")
        place, told, kill_at = WORK[stage]

        def work() -> None:
            tally, at = self.folder / f"tally_{stage}", kill_at if stage == self.killing else 0
            with watched(place, tally, told, at), forked_programs(as_rank):
                module(words)

        return ended(forked(work))

    def give(self, killing: str = "") -> int:
        """Gives the command; `killing`: the stage in which all its processes are killed. Returns the exit code."""
        self.killing = killing
        with patch.object(pipeline, "start", self.start_stage):
            code = ended(forked(lambda: sys.exit(pipeline.main(self.words))))
        with (self.folder / "run" / "logs" / "lock_0").open() as file:  # workers of a killed stage end by themselves
            signal.alarm(300)
            fcntl.flock(file, fcntl.LOCK_EX)
            signal.alarm(0)
        return code

    def noted(self, stage: str) -> list[str]:
        return (self.folder / f"tally_{stage}").read_text().splitlines()


def fingerprint(folder: Path) -> dict[str, str]:
    """What was written and when, without logs and the configuration, which every stage writes anew."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and "logs" not in file.parts)
    return {
        str(file.relative_to(folder)): f"{file.stat().st_mtime_ns} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in files
        if file.name not in ("config.yaml", pipeline.MARKS)
    }


# ---------------------------------------------------------------------------------------------------------- servers
class Logged:
    """Notes the body of every chat request that a server answers."""

    def __init__(self, app, file: Path) -> None:
        self.app, self.file = app, file

    async def __call__(self, scope, receive, send) -> None:
        async def noted():
            message = await receive()
            if body := message.get("body"):
                with self.file.open("ab") as file:
                    file.write(body + b"\n")
            return message

        await self.app(scope, noted, send)


def serve(given: str, log: Path, *words: str) -> tuple[int, str]:
    """Serves a run or a configuration in a process of its own: (its number, its address)."""
    app = importlib.import_module("rlad.serving.app")
    create, (reading, writing) = app.create_app, os.pipe()

    def create_logged(*given_to_app):
        made = create(*given_to_app)
        made.add_middleware(Logged, file=log)
        return made

    def work() -> None:
        os.dup2(writing, 1)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        with patch.object(app, "create_app", create_logged):
            module(["rlad.serving", given, "--engine", "transformers", "--port", "0", *words])

    pid = forked(work)
    SERVERS.append(pid)
    os.close(writing)
    with os.fdopen(reading) as said:
        address = said.readline().split(" served at ")[1].split()[0]
    return pid, address


def end(pid: int) -> None:
    """Ends a server with SIGKILL."""
    SERVERS.remove(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def ask(address: str) -> str:
    body = {"model": "rlad", "messages": [{"role": "user", "content": QUESTION}], "seed": 3}
    answer = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=300)
    answer.raise_for_status()
    return answer.json()["rlad"][0]["abstractions"] + [answer.json()["choices"][0]["message"]["content"]]


def teacher_of(folder: Path) -> Path:
    """The warm base with room for what a teacher is shown; its positions are rotary."""
    shutil.copytree(FOLDER, folder / "model")
    for name in ("config.json", "tokenizer_config.json"):
        file = folder / "model" / name
        file.write_text(file.read_text().replace(": 160", ": 1024"))
    (folder / "teacher.yaml").write_text("{}\n")
    return folder / "model"


def main(folder: Path) -> None:
    imported(MODULES)
    given = [*SMALL, f"base.path={teacher_of(folder)}", f"runs_dir={folder}", "name=teacher", "base.max_positions=1024"]
    asked = folder / "asked"
    teacher, address = serve(str(folder / "teacher.yaml"), asked, *given)
    scene, run, seen = Scene(folder, words_of(folder, address)), folder / "run", {}
    seen["killed"], seen["finished"] = [], {}
    for stage in STAGES:
        seen["killed"].append(scene.give(killing=stage))
        seen["finished"][stage] = fingerprint(run)
    seen["code"] = scene.give()
    seen["end"] = fingerprint(run)
    seen["started"] = scene.started.read_text().split()
    seen["again"] = scene.give()
    seen["untouched"] = fingerprint(run) == seen["end"] and len(scene.started.read_text().split()) == len(
        seen["started"]
    )
    seen |= {"noted": {stage: scene.noted(stage) for stage in STAGES}, "asked": asked.read_text().splitlines()}
    end(teacher)
    seen["answers"] = []
    for _ in range(2):
        server, address = serve(str(run), folder / "served")
        seen["answers"].append(ask(address))
        end(server)
    seen["served"] = fingerprint(run) == seen["end"]
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seen["seconds"] = round(sum(one.ru_utime + one.ru_stime for one in spent), 1)
    (folder / "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    finally:  # none outlives a failure, and the test does not wait for its output
        for pid in list(SERVERS):
            end(pid)
