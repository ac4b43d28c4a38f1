"""``./launch.sh card RUN``: the model cards of a run's players, and the hub, if they are to be pushed there.

Training, exports and sweeps write the cards themselves: `export/PLAYER/README.md` says what the model is, how it is
asked, and what of the run is known, numbers of `sweep.json` where there are some.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import yaml

from rlad.cli import Parser, PlainError, main_guard
from rlad.config import RunConfig, load_config
from rlad.players.roles import Role, playing

CARD = "README.md"
LICENSES = {
    "Qwen/Qwen3-": "apache-2.0",
    "meta-llama/Llama-3.2-": "llama3.2",
    "HuggingFaceTB/SmolLM": "apache-2.0",
    "models/smollm2": "apache-2.0",
}
"""Beginning of a model's name -> its license as the hub calls it, where the model brings no card of its own."""
REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
CHECKPOINTS = {"pretrained": "pretrained model", "warmstart": "base", "cotrained": "this pair"}


class Hub(Protocol):
    """What is asked of `huggingface_hub.HfApi`."""

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> Any:
        """Makes a repository where there is none."""

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str) -> Any:
        """Sends a folder as one commit."""


def license_of(base: str | None) -> str | None:
    """The license of a model that a run started from, as its card says or by its name; None where it is not known.

    >>> license_of("Qwen/Qwen3-4B"), license_of(None), license_of("somebody/else")
    ('apache-2.0', None, None)
    """
    if base is None:
        return None
    card = Path(base) / CARD
    head = re.match(r"---\n(.*?)\n---", card.read_text(encoding="utf-8"), re.DOTALL) if card.is_file() else None
    said = yaml.safe_load(head[1]) if head else None
    if isinstance(said, dict) and isinstance(said.get("license"), str):
        return said["license"]
    return next((terms for name, terms in LICENSES.items() if base.startswith(name)), None)


def base_of(run: RunConfig, role: str) -> str | None:
    """The pretrained model that a player comes from; None for one that was made from scratch."""
    return (run.players[role].model or run.base).path


def model_card(run: RunConfig, folder: Path, role: Role) -> str:
    """The card of a player, from what lies in the run's folder: configuration, newest metrics, sweep.

    Numbers are those that were measured, with their 95 % intervals and what they were measured on.
    """
    base = base_of(run, role.name)
    head = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["rlad", role.name, "reinforcement-learning"],
        "license": license_of(base),
        "base_model": base if base and REPOSITORY.fullmatch(base) and not Path(base).exists() else None,
    }
    said = yaml.safe_dump({name: value for name, value in head.items() if value}, sort_keys=False).rstrip()
    written = (folder / "config.yaml").read_text(encoding="utf-8") if (folder / "config.yaml").is_file() else ""
    lines = ["---", said, "---", "", f"# {run.name}: {role.title}", "", (type(role).__doc__ or "").strip(), ""]
    together = len(playing(run))
    how = f"One of {together} players trained together" if together > 1 else "A player trained alone"
    lines += [f"{how} by rlad (2510.02263).", ""]
    lines += [*_origin(run, base), "", "## How it is asked", "", *_asked(run, role), ""]
    lines += _trained(folder, role.name)
    lines += _measured(folder)
    if written:
        digest = hashlib.sha256(written.encode()).hexdigest()[:16]
        lines += ["## Configuration", "", f"SHA-256 of `config.yaml`: `{digest}...`", ""]
        lines += ["<details>", "", "```yaml", without_folders(written.rstrip()), "```", "", "</details>", ""]
    return "\n".join(lines)


def without_folders(text: str) -> str:
    """A text in which absolute paths are names alone: the folders of whoever trained go to no hub.

    >>> without_folders("path: /home/me/data/train.jsonl"), without_folders("path: Qwen/Qwen3-4B")
    ('path: train.jsonl', 'path: Qwen/Qwen3-4B')
    """
    return re.sub(r"(?<![\w.:/])(?:/[^\s'\"/]+)*/([^\s'\"/]+)/?(?=[\s'\"]|$)", r"\1", text)


def _origin(run: RunConfig, base: str | None) -> Iterator[str]:
    where = "a model of its own size made from scratch" if base is None else f"`{without_folders(base)}`"
    problems = run.problems
    source = f"the world `{problems.source}`" if problems.generated else f"`{Path(problems.path or '').name}`"
    adapters = f", adapters of rank {run.lora.rank} merged into it" if run.lora.rank else ""
    adapters = ", steering vectors merged into its biases" if run.steering.active else adapters
    yield f"It comes from {where}{adapters}; its problems are those of {source}."
    if base is not None and license_of(base) is None:
        yield "The license of that model is not known here: it holds for this one, too."


def _asked(run: RunConfig, role: Role) -> Iterator[str]:
    world = run.base.path is None and run.problems.generated
    layout = "as plain text" if world else "as the user's message of its chat template"
    yield f"Prompts by task, {layout}; the words in braces are filled in:"
    yield ""
    for name in role.own_tasks:
        task = role.tasks[name]
        text = task.world if world else (task.short or task.chat) if run.wording == "short" else task.chat
        yield f"- `{name}`: {json.dumps(text, ensure_ascii=False)}"
    yield ""
    player = run.players[role.name]
    if player.thinking != "auto":
        yield f"The chat template is told enable_thinking={player.thinking} in all of them."
        yield ""
    yield f"Trained at temperature {player.temperature:g}, with at most {player.max_new_tokens} new tokens."


def _trained(folder: Path, role: str) -> list[str]:
    """What the run's newest step says of the player."""
    file = folder / "metrics.jsonl"
    rows = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    if not rows:
        return []
    newest = json.loads(rows[-1])
    numbers = [("steps", newest["step"]), ("generated tokens, both players", newest.get("tokens_generated_total"))]
    numbers += [(name, newest.get(role, {}).get(name)) for name in ("reward", "entropy", "kl", "length")]
    lines = ["## Training", "", "| | newest step |", "|---|---|"]
    lines += [
        f"| {name} | {f'{value:,}' if isinstance(value, int) else f'{value:.4g}'} |"
        for name, value in numbers
        if value is not None
    ]
    return [*lines, ""]


def _measured(folder: Path) -> list[str]:
    """The sweep's triple and its largest budget, before and after."""
    file = folder / "sweep.json"
    if not file.is_file():
        return ["## Evaluation", "", "Not swept yet (`./launch.sh sweep RUN`).", ""]
    sweep = json.loads(file.read_text(encoding="utf-8"))
    most, asked = sweep["meta"]["problems"], {cell["checkpoint"]: cell.get("problems") for cell in sweep["cells"]}
    fewer = "".join(f" ({CHECKPOINTS.get(name, name)}: {n})" for name, n in asked.items() if n and n != most)
    lines = ["## Evaluation", "", f"On {most} held-out problems{fewer}, 95 % intervals over problems; "]
    lines += ["accuracy without an abstraction, with one (mean), with the best of them (an oracle):", ""]
    lines += ["| | without | with, mean | with, best |", "|---|---|---|---|"]
    for name, row in sweep.get("triple", {}).items():
        told = [_percent(row[key], row.get(f"{key}_ci95")) for key in ("without", "with_mean", "with_best")]
        lines.append(f"| {CHECKPOINTS.get(name, name)} | {' | '.join(told)} |")
    lines += ["", "At the largest budget of each kind, generated tokens counted:", ""]
    lines += ["| | n x m | tokens per problem | any solution right | selected answer right |", "|---|---|---|---|---|"]
    largest: dict[tuple[str, str], dict] = {}
    for cell in sweep["cells"]:
        key = (cell["checkpoint"], "plain" if cell["n"] == 0 else "abstractions")
        largest[key] = max(largest.get(key, cell), cell, key=lambda one: (one["tokens_per_problem"], one["pass_at_k"]))
    for (name, kind), cell in largest.items():
        size = f"{cell['n']} x {cell['m']:g}" if cell["n"] else f"{cell['m']:.1f} plain"
        covered = _percent(cell["pass_at_k"], cell.get("pass_ci95"))
        selected = f"{_percent(cell['accuracy'], cell.get('ci95'))} ({cell['select']})"
        told = f"{size} | {cell['tokens_per_problem']:.0f} | {covered} | {selected}"
        lines.append(f"| {CHECKPOINTS.get(name, name)}, {kind} | {told} |")
    return [*lines, ""]


def _percent(value: float, interval: list[float] | None) -> str:
    """A share in percent with its interval.

    >>> _percent(0.2364, [0.2216, 0.252])
    '23.6 % (22.2 to 25.2)'
    """
    around = f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else ""
    return f"{100 * value:.1f} %{around}"


def write_cards(run: RunConfig, folder: Path) -> dict[str, Path]:
    """Writes a card into every exported player's folder; role -> that folder."""
    found = {}
    for name, role in playing(run).items():
        target = folder / "export" / name
        if (target / "config.json").is_file():
            (target / CARD).write_text(model_card(run, folder, role), encoding="utf-8")
            found[name] = target
    return found


def push(folders: dict[str, Path], repository: str, private: bool, hub: Hub) -> list[str]:
    """Sends every player to a repository of its own, OWNER/NAME-PLAYER; the repositories.

    Raises PlainError for a name that is no OWNER/NAME, before anything is sent.
    """
    if not REPOSITORY.fullmatch(repository):
        raise PlainError(f"--push={repository} must be OWNER/NAME; each player gets a repository OWNER/NAME-PLAYER.")
    made = []
    for role, folder in folders.items():
        made.append(f"{repository}-{role}")
        hub.create_repo(made[-1], private=private, exist_ok=True)
        hub.upload_folder(repo_id=made[-1], folder_path=str(folder), commit_message=f"The {role} player")
    return made


def main(words: list[str] | None = None, hub: Hub | None = None) -> None:
    parser = Parser(prog="card", description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of a run, or of an exported checkpoint")
    parser.add_argument("--push", metavar="OWNER/NAME", help="send the players to OWNER/NAME-PLAYER on the hub")
    parser.add_argument("--public", action="store_true", help="repositories that are made are public")
    arguments = parser.parse_args(words)
    if not (arguments.run / "config.yaml").is_file():
        raise PlainError(f"'{arguments.run}' is not the folder of a run: it has no config.yaml.")
    folders = write_cards(load_config(arguments.run / "config.yaml"), arguments.run)
    if not folders:
        raise PlainError(f"'{arguments.run}' has no exported player yet; ./launch.sh export makes one of a checkpoint.")
    print("\n".join(f"{folder / CARD}" for folder in folders.values()))
    if arguments.push:
        if hub is None:
            from huggingface_hub import HfApi  # asked for where something is sent

            hub = HfApi()
        print("\n".join(push(folders, arguments.push, not arguments.public, hub)))


if __name__ == "__main__":
    main_guard(main)
