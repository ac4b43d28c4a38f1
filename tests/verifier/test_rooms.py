"""The verifier's rooms: who may import whom inside it, and that it imports nothing else of ours."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import rlad.verifier

HOME = Path(rlad.verifier.__file__).parent
FILES = sorted(path for path in HOME.rglob("*.py") if path != HOME / "__init__.py")
MAY_USE = {
    "types": set(),
    "budget": set(),
    "grammar": {"types", "budget"},
    "reading": {"types", "budget", "grammar"},
    "comparing": {"types", "budget", "grammar"},
    "core": {"types", "budget", "grammar", "reading", "comparing"},
    "pool": {"types", "core"},
    "cli": {"types", "pool"},
    "__main__": {"cli"},
}
"""Room, or file at the top -> what it may import beside itself."""


def room(path):
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def used(path):
    """Modules that a file imports anywhere in it, in full."""
    tree = ast.walk(ast.parse(path.read_text()))
    for node in tree:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(path):
    """Those of the verifier's modules a file imports, as ``room.file`` or ``file``."""
    names = {str(p.relative_to(HOME).with_suffix("")).replace("/", ".") for p in FILES}
    return {n.removeprefix("rlad.verifier.") for n in used(path)} & names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_arrows_point_down(path):
    assert {module.split(".")[0] for module in modules(path)} - {room(path)} <= MAY_USE[room(path)]
    foreign = {n for n in used(path) if n.split(".")[0] in ("rlad", "trainers", "evals")}
    assert {n for n in foreign if n != "rlad.verifier" and not n.startswith("rlad.verifier.")} == set()
    assert {n.split(".")[0] for n in used(path)} & {"torch", "transformers", "omegaconf"} == set()


def test_no_circles():
    """Neither between the rooms nor between the files inside one."""
    files = {str(p.relative_to(HOME).with_suffix("")).replace("/", "."): modules(p) for p in FILES}
    assert len(list(TopologicalSorter(files).static_order())) >= len(files)
    assert len(list(TopologicalSorter(MAY_USE).static_order())) == len(MAY_USE)


def test_the_test_sees_imports():
    assert "comparing.compare" in modules(HOME / "core.py") and "pool.worker" in modules(HOME / "pool" / "pool.py")


def test_rooms_say_what_may_be_in_them():
    for name in ("grammar", "reading", "comparing", "pool"):
        text = ast.get_docstring(ast.parse((HOME / name / "__init__.py").read_text()))
        assert text and len(text.splitlines()) == 1
