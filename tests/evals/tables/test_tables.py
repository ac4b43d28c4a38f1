"""Tables say what the sweep says, within 80 columns."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from evals.cells.temperatures import Choice, warnings
from evals.concepts.table import print_concepts
from evals.features.table import print_features
from evals.routing.table import print_routing
from evals.tables.rules import selection_sentences
from evals.tables.sweep import print_sweep
from evals.tables.ways import at_best_temperature

RESULTS = Path(__file__).parents[3] / "docs" / "results"


def printed(sweep, width=80):
    out = Console(file=io.StringIO(), width=width)
    print_sweep(sweep, out)
    return out.file.getvalue()


def test_terminal_tables_fit_eighty_columns(sweep):
    text = printed(sweep)
    assert "…" not in text
    assert "94.3 (92.0–96.5)" in text
    assert "+8.1 (+4.0 to +12.0)" in text
    assert "co-trained, 16 abstr. × 1, 672 tokens minus co-trained" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize("shown", [print_concepts, print_features, print_routing])
def test_what_was_measured_is_shown_whole_on_eighty_columns(shown):
    for kept in sorted((RESULTS / shown.__name__.removeprefix("print_")).glob("*.json")):
        out = Console(file=io.StringIO(), width=80)
        shown(json.loads(kept.read_text()), out)
        text = out.file.getvalue()
        assert "…" not in text and max(map(len, text.splitlines())) <= 80


def test_the_selected_answer_is_told_with_everything_that_stands_around_it(sweep):
    text = " ".join(printed(sweep).split())
    assert "breadth (proposer at T 0.3) 32.6 %, plain sampling (marginal at T 1) 30.0 %" in text
    assert "+2.6 (+0.1 to +5.0) points, breadth wins; rules and temperatures chosen on the validation problems" in text
    assert "random pick 16.8 %, oracle (coverage) 90.0 %" in text and "at its best temperature 27.2 %" in text
    assert "Had the test problems themselves chosen: breadth (draws" in text
    assert "proposer alpha 0.5" in text and "63.0 (60.0–66.0)" in text
    sweep["selection"] |= {"chosen_on": "test", "ci95": [-0.01, 0.06]}
    words = " ".join(selection_sentences(sweep))
    assert "not decided" in words and "for want of validation problems" in words
    assert selection_sentences({}) == []


def test_tables_cope_with_a_sweep_that_has_only_cells(sweep):
    text = printed({"cells": sweep["cells"][-3:]})
    assert "plain × 28" in text
    assert "Paired" not in text


def test_a_grid_whose_end_wins_is_warned_of(sweep):
    """In the terminal, in the table and in the report: the optimum may lie beyond the grid."""
    values = {0.7: 0.9, 1.0: 0.8, 1.3: 0.7}
    choice = Choice("warmstart", "base", "plain", "coverage", "test", values)
    inside = Choice("cotrained", "co-trained", "plain", "coverage", "test", {0.7: 0.8, 1.0: 0.9, 1.3: 0.7})
    assert choice.at_edge and not inside.at_edge
    sweep["temperatures"], sweep["warnings"] = [choice.row(), inside.row()], warnings([choice, inside])
    for cell in sweep["cells"]:
        if cell["label"] == "base" and not cell["n"]:
            cell["pass_at_k"] += cell["temperature"] == 0.7
    text = printed(sweep)
    words = " ".join(text.split())
    assert "0.7*" in text and "* best, and an end of its grid" in words and "1*" not in text
    assert "Warning: base, plain sampling: coverage is best at T 0.7, an end of sweep.plain_temperatures" in words
    assert max(len(line) for line in text.splitlines()) <= 80


def test_without_shared_budgets_temperatures_meet_at_the_number_of_samples(sweep):
    cold = sweep["cells"][8] | {"m": 4, "tokens_per_problem": 80.0, "pass_at_k": 0.3, "temperature": 0.7}
    warm = cold | {"tokens_per_problem": 90.0, "pass_at_k": 0.4, "temperature": 1.0}
    assert at_best_temperature([cold, warm], "pass_at_k") == [warm]


def test_references_stand_in_the_table(sweep):
    sweep["references"] = [sweep["cells"][-1] | {"checkpoint": "other", "label": "plain solver, all tokens"}]
    assert "plain solver, all tokens" in printed(sweep, 120)
