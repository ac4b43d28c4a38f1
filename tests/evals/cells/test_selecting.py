"""Which rule is best is settled on validation problems, by exact or unbiased accuracies, and said as it is."""

import doctest
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from evals.cells import fitting, scoring, selecting
from evals.samples.judged import BreadthSamples, PlainSamples
from evals.samples.trees import Condition, Draws, Grown, Guided, Sampled, Samples
from evals.statistics import subsets
from evals.sweeping import measuring
from rlad.cli import PlainError
from rlad.config import load_config
from rlad.problems.base import Problem
from rlad.selection import credit
from rlad.selection.proposing import MarginalKeys

RIGHT, WRONG = "correct", "wrong"


def solutions(keys, logprobs, texts=None):
    """Solutions of which answer 0 is the right one."""
    texts = texts or [f"{key} by {i}" for i, key in enumerate(keys)]
    verdicts = [RIGHT if key == 0 else WRONG for key in keys]
    return Samples(texts, [4] * len(keys), list(logprobs), verdicts, list(keys), list(logprobs))


def plain_records(rng, problems=12, samples=9):
    """Few answers, some missing, texts that repeat: what makes rules differ."""
    records = []
    for _ in range(problems):
        keys = [None if rng.random() < 0.1 else int(rng.integers(3)) for _ in range(samples)]
        texts = [f"{key} as {rng.integers(3)}" for key in keys]
        known = {text: -float(rng.exponential()) for text in texts}
        records.append(solutions(keys, [known[text] for text in texts], texts))
    return records


def grown(rng, informed):
    """Four abstractions; with an informed proposer the right one is its likeliest, else its least likely."""
    order = [0, 1, 2, 3] if informed else [1, 2, 3, 0]
    masses = np.log([0.5, 0.2, 0.1, 0.05])
    branches = [Guided(f"z{key}", False, solutions([key], [-1.0])) for key in order]
    draws = Draws([f"z{key}" for key in order], [2] * 4, [0, 1, 2, 3], [float(mass) for mass in masses])
    return Grown(draws, branches)


def sampled_of(informed, validation=True):
    """Breadth and plain sampling of one checkpoint. On the test problems the proposer is `informed`; on the validation
    problems it always is."""
    rng = np.random.default_rng(0)
    splits = {"test": 20} | ({"validation": 20} if validation else {})
    problems = {split: [Problem(f"{split}-{i}", "?", "0") for i in range(count)] for split, count in splits.items()}
    sampled = Sampled(problems)
    for split, count in splits.items():
        for temperature in (0.3, 1.0):
            head = ("cotrained", "co-trained")
            told = informed or split == "validation"
            sampled.conditions[Condition(*head, "distinct", temperature, split, (1, 1, 1, 1))] = [
                grown(rng, told) for _ in range(count)
            ]
            sampled.conditions[Condition(*head, "plain", temperature, split)] = plain_records(rng, count)
    return sampled


def run_of(*words):
    return load_config(None, ["sweep.grid=[[2,1],[4,1]]", "sweep.bootstrap=50", "problems.validation=20", *words])


def test_worked_examples_in_docstrings():
    for module in (fitting, scoring, selecting, subsets):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", ["weighted_majority", "marginal", "platt", "borda", "deepconf", "best_of_majority"])
@pytest.mark.parametrize("size", [1, 4, 9])
def test_accuracy_of_a_rule_is_its_mean_credit_over_the_subsets(name, size):
    plain = PlainSamples.of(Condition("cotrained", "x", "plain", 1.0), plain_records(np.random.default_rng(1)))
    drawn = subsets.random_subsets(9, size)
    expected = [
        np.mean([credit(name, [row[i] for i in subset], flags[subset]) for subset in drawn])
        for row, flags in zip(plain.candidates, plain.correct, strict=True)
    ]
    assert plain.accuracy(size, name) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("name", ["draws", "proposer", "horvitz_thompson"])
def test_rules_that_weigh_plain_samples_alike_have_the_exact_majority(name):
    plain = PlainSamples.of(Condition("cotrained", "x", "plain", 1.0), plain_records(np.random.default_rng(2)))
    for size in (1, 3.5, 9):
        assert (plain.accuracy(size, name) == plain.accuracy(size)).all()


def test_best_of_k_is_exact():
    """Every subset of four of nine, enumerated."""
    rng = np.random.default_rng(3)
    records = [solutions([0, 1, None, 0, 2, 1, 0, 2, 1], -rng.permutation(9) - 1.0) for _ in range(4)]
    plain = PlainSamples.of(Condition("cotrained", "x", "plain", 1.0), records)
    for row, flags, found in zip(plain.candidates, plain.correct, plain.accuracy(4, "most_probable"), strict=True):
        values = [-np.inf if one.key is None else one.joint for one in row]
        best = [max(subset, key=values.__getitem__) for subset in combinations(range(9), 4)]
        assert found == pytest.approx(np.mean(flags[best]))


def test_only_proposals_that_were_paid_for_weigh():
    tree = grown(np.random.default_rng(0), True)
    tree.draws = Draws(["z0", "z1", "z0", "z2", "z3"], [2] * 5, [0, 1, 0, 2, 3], [-1.0, -2.0, -1.0, -3.0, -4.0])
    samples = BreadthSamples.of(Condition("cotrained", "x", "distinct", 0.3), [tree])
    narrow, wide = (samples.problems[0].candidates(n, 1) for n in (2, 4))
    assert [one.draws for one in narrow] == [1, 1] and narrow[0].drawn == 2
    assert [one.draws for one in wide] == [2, 1, 1, 1] and wide[0].drawn == 5
    assert [one.proposal for one in wide] == [-1.0, -2.0, -3.0, -4.0]


def test_the_rule_is_chosen_on_the_validation_problems_even_where_another_is_right_on_the_others():
    """The proposer knows on the validation problems and misleads on the test problems: the choice is kept, and what the
    test problems would have chosen stands beside it."""
    run, sampled = run_of("sweep.select=[majority,proposer]"), sampled_of(informed=False)
    found = measuring.measure(run, sampled)
    selection = found["selection"]
    assert (selection["rule"], selection["chosen_on"], selection["breadth"]) == ("proposer", "validation", 0.0)
    assert selection["on_test"]["rule"] == "majority" and selection["on_test"]["breadth"] == 0.25  # a tie of four
    assert selection["oracle"] == 1.0 and selection["random"] == 0.25
    assert selection["difference"] == pytest.approx(selection["breadth"] - selection["plain"], abs=1e-4)
    assert selection["tokens"] == pytest.approx(selection["plain_tokens"]) and selection["problems"] == 20
    rows = [row for row in found["rules"] if row["mode"] == "abstractions"]
    assert [(row["select"], row["chosen"], row["judged"]) for row in rows] == [
        ("majority", False, 0.25), ("proposer", True, 1.0),
    ]  # fmt: skip


def test_plain_sampling_has_every_budget_under_the_rule_that_was_chosen_for_it():
    """Others than the first are measured at the largest budget alone, and a line of one point is no frontier."""
    found = measuring.measure(run_of("sweep.select=[majority,proposer,marginal]"), sampled_of(True))
    [chosen] = [row for row in found["rules"] if row["mode"] == "plain" and row["chosen"]]
    budgets = {rule: [] for rule in ("majority", "proposer", "marginal")}
    for cell in found["cells"]:
        if cell["mode"] == "plain" and cell["temperature"] == chosen["temperature"]:
            budgets[cell["select"]].append(cell["tokens_per_problem"])
    assert chosen["select"] == "marginal"
    assert budgets["marginal"] == budgets["majority"] and len(budgets["majority"]) == 2
    assert budgets["proposer"] == budgets["majority"][-1:]


def test_without_validation_problems_the_choice_is_made_on_the_test_problems_and_says_so():
    found = measuring.measure(run_of("sweep.select=[majority,proposer]"), sampled_of(True, validation=False))
    assert found["selection"]["chosen_on"] == "test" and found["selection"]["breadth"] == 1.0
    assert "on_test" not in found["selection"]
    assert any("chosen on the test problems themselves" in sentence for sentence in found["warnings"])


def test_default_rules_that_samples_cannot_answer_are_left_out_aloud_and_named_ones_refused():
    sampled = sampled_of(True)
    for condition, records in sampled.conditions.items():
        for one in records if condition.mode == "distinct" else []:
            one.draws.model_logprob = [None] * 4
    found = measuring.measure(run_of(), sampled)
    assert {row["select"] for row in found["rules"]} >= {"majority", "draws"}
    assert "proposer" not in {row["select"] for row in found["rules"]}
    assert any("'proposer' reads the proposal" in sentence for sentence in found["warnings"])
    with pytest.raises(PlainError, match="'proposer' reads the proposal"):
        measuring.measure(run_of("sweep.select=[proposer]"), sampled)


def test_keys_are_fitted_on_validation_problems_only():
    sampled = sampled_of(True)
    known = selecting.sides(run_of(), sampled, "validation", 0.0)
    book = selecting.book_of(run_of("sweep.select=[marginal,platt,isotonic]"), "validation", known)
    keys = book.keys("cotrained", "plain", 1.0, "marginal")
    assert book.keys("cotrained", "plain", 0.5, "marginal") == MarginalKeys()  # nothing was sampled there
    side = known["cotrained", "plain"][1]
    assert side.accuracy("marginal", keys).mean() >= side.accuracy("marginal", MarginalKeys()).mean()
    isotonic = book.keys("cotrained", "abstractions", 0.3, "isotonic")
    assert isotonic.steps == sorted(isotonic.steps) and isotonic.probabilities == sorted(isotonic.probabilities)
    assert book.keys("cotrained", "abstractions", 0.3, "platt").proposal > 0  # likelier abstractions were right
    again = selecting.book_of(
        run_of("sweep.select=[marginal]"), "test", selecting.sides(run_of(), sampled, "test", 0.0), book
    )
    assert again.keys("cotrained", "plain", 1.0, "marginal") == keys
    plainly = run_of("sweep.select=[marginal]", "sweep.fit=false", "sweep.marginal.beta=0.5")
    kept = selecting.book_of(plainly, "validation", known).keys("cotrained", "plain", 1.0, "marginal")
    assert kept == replace(MarginalKeys(), beta=0.5)


def test_fitted_keys_are_judged_on_problems_that_did_not_fit_them():
    """Five keys, each right on one fold alone: fitted inside, .2 of the problems; outside, none."""
    grid = {"alpha": [float(fold) for fold in range(5)]}

    def accuracy(keys):
        return (np.arange(20) % fitting.FOLDS == keys.alpha).astype(float)

    fit = fitting.best_of_grid(MarginalKeys(alpha=7.0), grid, accuracy)
    assert accuracy(fit.keys).mean() == 0.2 and fit.right.max() == 0
    side = selecting.sides(run_of(), sampled_of(True), "validation", 0.0)["cotrained", "plain"][1]
    fit = fitting.fitted("platt", run_of().sweep.of("platt"), *side.candidates(), lambda k: side.accuracy("platt", k))
    assert fit.right.shape == (20,) and fit.right.min() >= 0 and fit.right.max() <= 1


@pytest.mark.parametrize("select", ["majority", "marginal"])
def test_no_keys_are_judged_twice(select):
    """The keys that a rule starts with say what is missing before anything is fitted, and stand in its grid as well."""
    known = selecting.sides(run_of(), sampled_of(True), "validation", 0.0)
    side, judged = known["cotrained", "plain"][0], []

    class Counted(selecting.Side):
        def accuracy(self, select, keys):
            judged.append(repr(keys))
            return super().accuracy(select, keys)

    counted = {("cotrained", "plain"): [Counted(side.samples, side.shape, side.budget)]}
    selecting.book_of(run_of(f"sweep.select=[{select}]"), "validation", counted)
    assert len(judged) == len(set(judged)) > 0


@pytest.mark.parametrize(
    ("better", "split", "kept"), [(1, "validation", True), (9, "validation", False), (1, "test", False)]
)
def test_the_usual_rule_stays_unless_another_is_better_by_more_than_the_error(better, split, kept):
    """Of 100 problems the usual rule has 30; the other loses one and wins two or ten: .01 +- .017, .09 +- .033."""
    usual, number = np.arange(100) < 30, np.arange(100)
    other = (number > 0) & (number < 31 + better)
    for way, name in [*((way, names[0]) for way, names in selecting.USUAL.items()), ("abstractions", "proposer")]:
        options = [selecting.Option(name, 0.3, None, usual * 1.0), selecting.Option("borda", 0.6, None, other * 1.0)]
        book = selecting.Book(run_of(), split, [name, "borda"], [], {("cotrained", way): options})
        assert (book.best("cotrained", way, [0.3, 0.6]).rule == name) is kept
        assert book.best("cotrained", way, [0.3, 0.6], "borda").rule == "borda"


def test_scores_are_measured_inside_problems():
    """An informed proposer's belief separates right from wrong in every problem; agreement says nothing here."""
    rows = measuring.measure(run_of("sweep.select=[majority]"), sampled_of(True))["scores"]
    mine = {row["score"]: row for row in rows if (row["mode"], row["temperature"]) == ("abstractions", 0.3)}
    assert mine["proposal"]["auroc"] == 1.0 and mine["proposal"]["problems"] == 20
    assert mine["proposal"]["brier"] == pytest.approx((0.25 + 0.04 + 0.01 + 0.0025) / 4, abs=1e-4)
    assert "draws" not in mine and "agreement" not in mine  # the same for all: no score


def test_a_budget_that_does_not_buy_one_sample_is_named():
    assert doctest.testmod(measuring).failed == 0
    sampled = sampled_of(informed=True)
    run = run_of("sweep.select=[majority]")
    assert not any("of a sample" in one for one in measuring.measure(run, sampled)["warnings"])
    for condition, records in sampled.conditions.items():
        if condition.mode == "plain":
            for one in records:
                one.tokens = [100] * len(one.tokens)  # a cell of two short solutions does not pay for one of these
    found = measuring.measure(run, sampled)
    thin = [row for row in found["cells"] if row["mode"] == "plain" and row["m"] < 1]
    assert thin and {row["temperature"] for row in thin} == {0.3, 1.0}
    named = [one for one in found["warnings"] if "of a sample" in one]
    assert len(named) == 2 and f"{min(row['m'] for row in thin):g} of a sample" in named[0]
