"""Novelty against complexity: classes, the null, a logistic model that finds what was planted, and the command."""

import json
import math
import random

import numpy as np
import pytest

from evals.novelty import Placed, analysed, edits, main, novelty, novelty_of, placed, told
from evals.samples.trees import NAME, Condition, Draws, Grown, Guided, Sampled, Samples
from evals.statistics.logistic import fit_logistic, no_slip, slip_rate
from rlad.cli import PlainError
from rlad.config import load_config, save_config
from rlad.config.problems import ProblemsConfig
from rlad.problems import Problem, load_problems, world_of
from rlad.problems.algebra import Algebra
from rlad.problems.induction import Form, Induction, InductionKeys
from rlad.problems.word_problems.templates import AMOUNTS
from rlad.problems.word_problems.world import WordProblems


def test_another_order_is_new_only_where_it_is_another_function():
    """Over all forms of depth 2: one recipe and coefficients give one function, whatever order it is written in."""
    world = Induction(keys=InductionKeys(depth=2))
    functions = {}
    for form in world.prior:
        problem = world.sample(random.Random(0))
        problem.meta["form"] = form.text
        values = tuple(form(a, b) for a in range(1, 7) for b in range(1, 7))
        functions.setdefault(values, set()).add(world.recipe(problem))
        assert len(world.recipe(problem)) == (1 if form.stages[0][0] == "*" else 2)
    folded = [recipes for recipes in functions.values() if any(len(recipe) == 1 for recipe in recipes)]
    assert folded and all(len(recipes) == 1 for recipes in folded)
    assert Form.parse("1 max * 3")(4, 2) == Form.parse("3 max")(4, 2)


def rot13(text):
    return "".join(chr((ord(letter) - ord("A") + 13) % 26 + ord("A")) for letter in text)


def shifted(text):
    return text[1:] + text[:1]


def reversed_(text):
    return text[::-1]


def test_the_strings_of_dataalchemy_by_hand():
    """2508.01191's functions on ABCD: which orders and repetitions are another function, so another recipe."""
    assert [function("ABCD") for function in (rot13, shifted, reversed_)] == ["NOPQ", "BCDA", "DCBA"]
    assert rot13(rot13("ABCD")) == "ABCD" and edits((), ("f1", "f1")) == 2  # a composition that is none
    assert rot13(shifted("ABCD")) == shifted(rot13("ABCD")) == "OPQN"  # another order, one function
    assert (reversed_(shifted("ABCD")), shifted(reversed_("ABCD"))) == ("ADCB", "CBAD")  # and here two
    assert no_slip(0.05, 10) == pytest.approx(0.5987, abs=5e-5)
    commuting = [tuple(sorted(order)) for order in (("f1", "f2"), ("f2", "f1"))]  # the canonical form of the first two
    assert novelty(commuting[1], False, {commuting[0]}) == ("new values", 0)
    assert novelty(("f3", "f2"), False, {("f2", "f3")}) == ("new composition", 2)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("x + y", ("+",)),
        ("y - x", ("-",)),
        ("x - z", ("-",)),  # an amount too many is no operation
        ("x - y - z", ("-", "-")),
        ("x - y + z", ("+", "-")),  # as x + y - z: with the amounts renamed one function
        ("x * y / z", ("*", "/")),
        ("x * y + z", ("*", "+")),
        ("(x + y) * z", ("+", "*")),  # these two are different functions
        ("(x - y) / z", ("-", "/")),
    ],
)
def test_what_a_word_problem_takes_by_hand(kind, expected):
    world, problem = WordProblems(), Problem("", "", "", meta={"kind": kind})
    assert world.recipe(problem) == expected and world.steps(problem) == len(expected)
    assert kind in AMOUNTS and all(world.recipe(Problem("", "", "", meta={"kind": one})) for one in AMOUNTS)


def test_word_problems_stand_on_both_axes_and_those_of_a_file_are_refused():
    config = ProblemsConfig(source="word_problems", train=600, validation=0, test=40)
    training, problems, world = load_problems(config, "train"), load_problems(config, "test"), world_of(config)
    places = placed(problems, training, world)
    assert {place.novelty for place in places} == {"new values"} and {place.steps for place in places} == {1, 2}
    assert placed(training[:1], training, world)[0].novelty == "seen"
    few = [problem for problem in training if problem.meta["kind"] in ("x + y", "x * y")]
    other = [Problem(kind, "", "", meta={"kind": kind}) for kind in ("x - y", "x * y + z")]
    assert placed(other, few, world) == [Placed("new operation", 1, 1), Placed("new composition", 1, 2)]
    with pytest.raises(PlainError, match="cannot say which operations problems of a file take"):
        placed([Problem("a", "3 pens cost 6 dollars. What does one cost?", "2")], training, world)


@pytest.mark.parametrize(
    ("recipe", "seen", "expected"),
    [
        (("a", "b"), True, ("seen", 0)),
        (("a", "b"), False, ("new values", 0)),
        (("b", "a"), False, ("new composition", 1)),
        (("b", "b", "b"), False, ("new composition", 2)),
        (("a", "b", "b"), False, ("new composition", 1)),
        (("a", "z"), False, ("new operation", 1)),
    ],
)
def test_classes_and_distances(recipe, seen, expected):
    assert novelty(recipe, seen, {("a", "b"), ("b",), ("a", "b", "a")}) == expected


def test_the_logistic_model_finds_what_was_planted_and_its_errors_hold():
    """300 samples: the 95 % intervals hold the truth about so often, though a problem's samples share its luck."""
    rng, truth = np.random.default_rng(0), np.array([0.5, -1.0, 0.3])
    inside = np.zeros(3)
    for _ in range(300):
        x = np.stack([np.ones(80), rng.integers(0, 2, 80), rng.normal(size=80)], axis=1)
        odds = x @ truth
        right = rng.binomial(5, rng.beta(8 / (1 + np.exp(-odds)), 8 / (1 + np.exp(odds))))
        model = fit_logistic(x, right, np.full(80, 5))
        low, high = model.intervals().T
        inside += (low < truth) & (truth < high)
    assert (inside / 300 > 0.88).all() and (inside / 300 < 0.99).all()


def test_a_slip_rate_is_found_again():
    rng = np.random.default_rng(1)
    steps = rng.integers(1, 9, 4000)
    right = rng.binomial(10, no_slip(0.07, steps))
    assert slip_rate(steps, right, np.full(4000, 10)) == pytest.approx(0.07, abs=0.003)


def planted(novel, long):
    """Problems on both axes whose successes have given log-odds, many samples each."""
    places, right = [], []
    for distance in (0, 1):
        for steps in (2, 4, 6):
            for _ in range(20):
                places.append(Placed("new operation" if distance else "new values", distance, steps))
                right.append(round(1000 / (1 + math.exp(-(1.0 + novel * distance + long * (steps - 4))))))
    return places, right, [1000] * len(places)


def test_either_cause_is_told_from_the_other():
    only_novel, only_long = (analysed(*planted(*causes))["logistic"] for causes in ((-1.5, 0.0), (0.0, -0.4)))
    assert only_novel["novelty"]["value"] == pytest.approx(-1.5, abs=0.01)
    assert only_novel["steps"]["value"] == pytest.approx(0, abs=0.01)
    assert only_long["steps"]["value"] == pytest.approx(-0.4, abs=0.01)
    assert only_long["novelty x steps"]["value"] == pytest.approx(0, abs=0.01)


def test_cells_and_the_null_by_hand():
    """Slips of a tenth fitted on what is near: 4 steps of a new operation should go right in .9^4 = .6561."""
    places = [Placed("new values", 0, 1), Placed("new values", 0, 2), Placed("new operation", 1, 4)]
    found = analysed([*places, Placed("new values", 0, 9)], [90, 81, 20, 0], [100, 100, 100, 0])
    assert found["slip_rate"] == pytest.approx(0.1, abs=1e-4)
    assert [(cell["novelty"], cell["steps"], cell["problems"]) for cell in found["cells"]] == [
        ("new values", 1, 1),
        ("new values", 2, 1),
        ("new operation", 4, 1),
    ]
    assert found["cells"][2]["null"] == pytest.approx(0.6561, abs=1e-3) and found["cells"][2]["right"] == 0.2


def test_what_does_not_vary_is_left_out():
    alike = [Placed("new values", 0, 4)] * 3
    assert analysed(alike, [1, 2, 3], [4, 4, 4])["logistic"] == {}
    lengths = [Placed("new values", 0, steps) for steps in (2, 4, 6)]
    assert set(analysed(lengths, [3, 2, 1], [4, 4, 4])["logistic"]) == {"steps"}


def test_a_proposer_whose_abstractions_are_all_dropped_has_no_cells():
    """As the pretrained model on one seed of the second demo: there is a condition and no solution in it."""
    found = analysed([Placed("new values", 0, 1)] * 2, [0, 0], [0, 0])
    assert found == {"cells": [], "slip_rate": None, "logistic": {}}
    words = told({"checkpoint": "pretrained", "mode": "distinct", "temperature": 0.3} | found)
    assert words == "pretrained, distinct, solutions at T 0.3:\n  no solution of any problem"


def test_a_world_without_operations_is_refused():
    config = ProblemsConfig(source="countdown", train=5, validation=0, test=5)
    problems = load_problems(config, "test")
    with pytest.raises(PlainError, match="'countdown' does not say"):
        placed(problems, problems, world_of(config))


@pytest.fixture
def run(tmp_path):
    """A run trained on two algebra families and swept on three; the third is never solved, guided more than plain."""
    words = ["problems.source=algebra", "problems.train=40", "problems.validation=0", "problems.test=60"]
    known = sorted(Algebra().families)[:2]
    other = sorted(Algebra().families)[2]
    trained = load_config(None, [*words, f"problems.algebra.families=[{','.join(known)}]"])
    save_config(trained, tmp_path / "config.yaml")
    families = f"problems.algebra.families=[{','.join([*known, other])}]"
    problems = load_problems(load_config(tmp_path / "config.yaml", [families]).problems, "test")

    def samples(problem, guided):
        right = 0 if problem.meta["family"] == other else 3 if guided else 2
        verdicts = ["correct"] * right + ["incorrect"] * (4 - right)
        return Samples([""] * 4, [1] * 4, [None] * 4, verdicts, [0] * 4)

    plain = [samples(problem, False) for problem in problems]
    grown = [Grown(Draws([], [], []), [Guided("z", False, samples(problem, True))]) for problem in problems]
    conditions = {
        Condition("cotrained", "", "plain", 1.0): plain,
        Condition("cotrained", "", "distinct", 0.3, depth=(4,)): grown,
    }
    Sampled({"test": problems}, conditions).write(tmp_path / NAME)
    return tmp_path, families


def test_the_command_over_a_sweeps_trees(run, capsys):
    folder, families = run
    plain, guided = novelty_of(str(folder), families)
    for result, share in ((plain, 0.5), (guided, 0.75)):
        by_class = {}
        for cell in result["cells"]:
            by_class.setdefault(cell["novelty"], set()).add(cell["right"])
        assert by_class == {"new values": {share}, "new operation": {0.0}}
        assert sum(cell["problems"] for cell in result["cells"]) == 60
    main([str(folder), families, "--json"])
    assert json.loads(capsys.readouterr().out) == [plain, guided]
    main([str(folder), families])
    assert "cotrained, distinct, solutions at T 0.3:" in capsys.readouterr().out


def test_what_the_command_refuses(run, tmp_path):
    folder, families = run
    with pytest.raises(PlainError, match="give the words it was swept with"):
        novelty_of(str(folder))
    with pytest.raises(PlainError, match="There is no run folder"):
        novelty_of(str(folder / "nowhere"))
    (folder / NAME).unlink()
    with pytest.raises(PlainError, match="run the sweep first"):
        novelty_of(str(folder), families)
