"""The house's walls: who may import whom, how long a file may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("rlad", "trainers", "evals")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

MAY_IMPORT = {"rlad": {"rlad"}, "trainers": {"rlad", "trainers"}, "evals": {"rlad", "evals"}}
"""trainers -> rlad <- evals."""

PURE = {"rlad.verifier", "rlad.entropy", "rlad.selection"}
"""Import nothing of ours but the configuration and themselves; the verifier is also a command."""

INSIDE = {
    "rlad.problems": {"rlad.config", "rlad.problems", "rlad.verifier"},
    "rlad.players.prompts": {
        "rlad.players.confidence",
        "rlad.players.lists",
        "rlad.players.plain",
        "rlad.players.roles",
        "rlad.players.tokenizer",
        "rlad.config",
        "rlad.problems",
        "rlad.verifier",
    },
    "rlad.generation": {
        "rlad.players.adapters",
        "rlad.players.lean",
        "rlad.players.logprobs",
        "rlad.players.marks",
        "rlad.config",
        "rlad.generation",
        "rlad.problems.base",
    },
    "rlad.players.adapters": {"rlad.config", "rlad.players.steering"},
    "rlad.players.steering": {"rlad.config"},
    "rlad.players.marks": {"rlad.config", "rlad.problems.base"},
}
"""What the lower floors of rlad may stand on; the reasoner and the server stand on all of them."""
ABOVE = {"rlad.environment", "rlad.serving", "rlad.reasoning", "rlad.reasoning.reasoner", "rlad.reasoning.pair"}
"""The upper floors: nothing of rlad below them imports them."""


FLOORS = {
    "rlad": [
        {"verifier", "entropy"},
        {"config"},
        {"problems", "selection"},
        {"cli", "players"},
        {"card", "chat_model", "generation", "keys", "model"},
        {"reasoning"},
        {"environment", "serving"},
    ],
    "trainers": [
        {"losses", "rewards", "runtime", "launching"},
        {"data"},
        {"credit", "distill", "learner"},
        {"methods", "metrics"},
        {"rollout"},
        {"cotrain", "curriculum", "export", "warmstart"},
    ],
    "evals": [
        {"runs", "statistics"},
        {"law", "samples", "tables"},
        {"cells", "charts"},
        {"dynamics", "report", "spending"},
        {"sweeping"},
        {"sweep"},
        {
            "benchmarks",
            "ceiling",
            "collapse",
            "compare",
            "concepts",
            "features",
            "formats",
            "laws",
            "novelty",
            "pooled",
            "pruning",
            "routing",
            "searching",
            "transfer",
        },
    ],
    "evals.benchmarks": [
        {"harness"},
        {"analysis", "device", "gateway", "memory", "rollouts", "steps", "verifier"},
        {"gpu"},
        {"rehearsal"},
    ],
}
"""The rooms of a package, from below: a room imports only what is on a lower floor, so there is no circle."""


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] in ("__init__", "__main__") else parts)


def imports(path):
    """Dotted names of ours that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            # `from trainers import zero3` imports a module, `from rlad.config import X` a name: keep both readings.
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in PACKAGES}


def within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_arrows(path):
    name, used = module_name(path), imports(path)
    allowed = MAY_IMPORT[name.split(".")[0]]
    assert {other for other in used if other.split(".")[0] not in allowed} == set()
    for package in PURE:
        if within(name, [package]):
            commands = {"rlad.cli"} if path.name in ("__main__.py", "cli.py") else set()
            assert {o for o in used if not within(o, {package, "rlad.config", *commands})} - {"rlad"} == set()
    for package, floor in INSIDE.items():
        if within(name, [package]):
            assert {o for o in used if not within(o, floor)} - {"rlad"} == set()
    if name.startswith("rlad") and not within(name, ABOVE):
        assert {o for o in used if within(o, ABOVE)} == set()


def arrows(package):
    """(room, room) of every import between two rooms of a package."""
    found, folder = set(), ROOT / package.replace(".", "/")
    for path in folder.rglob("*.py"):
        room = path.relative_to(folder).parts[0].removesuffix(".py")
        others = {name.removeprefix(f"{package}.").split(".")[0] for name in imports(path) if within(name, [package])}
        found |= {(room, other) for other in others - {room} if room != "__init__"}
    return found


@pytest.mark.parametrize("package", FLOORS)
def test_rooms_stand_on_lower_floors_only(package):
    floor = {room: number for number, rooms in enumerate(FLOORS[package]) for room in rooms}
    folder = ROOT / package.replace(".", "/")
    rooms = {path.name.removesuffix(".py") for path in folder.iterdir() if path.suffix in ("", ".py")}
    assert rooms - {"__init__", "__main__", "__pycache__"} == set(floor)
    between = {(room, other) for room, other in arrows(package) if {room, other} <= set(floor)}
    assert {(room, other) for room, other in between if floor[room] <= floor[other]} == set()
    assert len(between) > 3  # a wall that is never touched proves nothing


@pytest.mark.parametrize("path", sorted(path for path in FILES if path.name == "__init__.py"), ids=module_name)
def test_every_folder_says_what_may_be_in_it(path):
    said = ast.get_docstring(ast.parse(path.read_text()))
    assert said and said.splitlines()[0].endswith((".", ":")), path


def test_the_test_sees_imports():
    """A wall that is never touched proves nothing: the arrows that must exist are found."""
    assert "rlad.config" in imports(ROOT / "trainers" / "launching" / "command.py")
    assert "trainers.launching.launcher" in imports(ROOT / "trainers" / "launching" / "command.py")


def test_nothing_imports_vllm_at_module_level():
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not any(name and name.split(".")[0] in ("vllm", "wandb") for name in names), path


LONG = 400


def test_no_file_is_too_long():
    tests = sorted((ROOT / "tests").rglob("*.py"))
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in [*FILES, *tests]}
    assert {path: length for path, length in lengths.items() if length > LONG} == {}
