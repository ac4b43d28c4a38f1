"""Notebooks are Python: their cells run here, over a stand-in for marimo that shows what it is given."""

import ast
import importlib.util
import inspect
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.py"))


class App:
    """Collects cells; runs those whose names are there, until all have run."""

    def __init__(self, **_):
        self.cells = []

    def cell(self, **_):
        return self.cells.append

    def run(self):
        names, waiting = {}, list(self.cells)
        while waiting:
            cell = next(one for one in waiting if inspect.signature(one).parameters.keys() <= names.keys())
            waiting.remove(cell)
            values = cell(*(names[name] for name in inspect.signature(cell).parameters))
            names |= dict(zip(returned(cell), values or (), strict=True))
        return names


def returned(cell):
    """The names that a cell gives to others."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(cell))).body
    value = function.body[-1].value
    return [element.id for element in value.elts] if value else []


@pytest.fixture
def marimo(monkeypatch):
    """The stand-in, with what was shown and what the notebook's command line says."""
    shown, arguments = [], {}

    def show(*given, **_):
        shown.append(given[0])
        return str(given[0])

    def dropdown(options, value, label):
        assert value is None or value in options
        return SimpleNamespace(value=value)

    def table(rows, wrapped_columns=(), **_):
        assert all(column in row for column in wrapped_columns for row in rows)
        return show(rows)

    interface = SimpleNamespace(dropdown=dropdown, table=table)
    made = SimpleNamespace(App=App, md=show, as_html=show, ui=interface, cli_args=lambda: arguments)
    monkeypatch.setitem(sys.modules, "marimo", made)
    return SimpleNamespace(shown=shown, arguments=arguments)


def names_of(notebook):
    spec = importlib.util.spec_from_file_location("notebook", notebook)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app.run()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_name_has_two_cells(notebook):
    """marimo refuses a name that two cells define."""
    cells = [one for one in ast.parse(notebook.read_text()).body if isinstance(one, ast.FunctionDef)]
    own = []
    for cell in cells:
        module = compile(ast.Module([cell], []), str(notebook), "exec")
        code = next(const for const in module.co_consts if inspect.iscode(const))
        own += {*code.co_varnames, *code.co_cellvars} - {argument.arg for argument in cell.args.args}
    own = [name for name in own if not name.startswith("_")]
    assert own and len(own) == len(set(own))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_lists_no_packages(notebook):
    """With such a list and uv at hand marimo runs it in an environment of those alone, which does not have rlad."""
    assert "# /// script" not in notebook.read_text()


def test_the_demos_results_are_shown(marimo):
    names = names_of(ROOT / "docs" / "notebooks" / "demo.py")
    assert list(names["runs"]) == ["seed 0", "seed 1", "seed 2"] and names["run"] is names["runs"]["seed 2"]
    assert {chart.title for chart in names["charts"]} == {"Entropy", "Reward"}
    assert {line["rule"].split()[0] for line in names["lines"]} >= {"majority", "proposer", "unguided"}
    assert len(names["trees"]) == 3 and "✓" in "".join(names["parts"])
    figures = [shown for shown in marimo.shown if hasattr(shown, "axes")]
    assert len(figures) == 3  # tokens, splits, entropy
    assert not any("*This run" in part for part in marimo.shown if isinstance(part, str))


def test_a_run_of_ones_own_joins_them_however_little_there_is(marimo, tmp_path):
    (tmp_path / "config.yaml").write_text("name: mine\n")
    marimo.arguments["run"] = str(tmp_path)
    names = names_of(ROOT / "docs" / "notebooks" / "demo.py")
    assert names["run"].path == tmp_path and not names["charts"] and not names["trees"]
