"""Bands of problems: by the base's success, kept up to date, with dynamic sampling and retirement beside them."""

import json

import pytest
import torch
from gpt2_here import describe_gpt2
from trees import tree

from rlad.cli import PlainError
from rlad.config import ConfigError, CotrainConfig, CurriculumConfig, load_config
from rlad.generation import Completion, Sampling
from rlad.players.roles import playing
from rlad.problems import Problem
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Tree
from rlad.verifier import Outcome, Verdict
from trainers.credit.phase import Credit
from trainers.curriculum import AT_A_TIME, advice, band_summary, measure_success
from trainers.data.curriculum import FILE, Curriculum, decayed_counts, read_measured
from trainers.data.cursor import Cursor
from trainers.data.dynamic_sampling import PassRates, dynamic_sampling
from trainers.data.plans import step_plan

CPU = torch.device("cpu")
RATES = [0, 1, 2, 4, 5, 8]
"""Right of 8: two hard ones, two of medium, two easy ones."""


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    monkeypatch.setattr("trainers.runtime.zero3.total", lambda values, device: [float(value) for value in values])
    monkeypatch.setattr("trainers.runtime.zero3.concatenated", lambda values: (values, 0))


def problems(count=6):
    return [Problem(f"p{i}", f"question {i}", "1") for i in range(count)]


def curriculum(least=1, **keys):
    return Curriculum(CurriculumConfig(**keys), problems(), {f"p{i}": [r, 8] for i, r in enumerate(RATES)}, least)


def test_bands_as_in_the_paper():
    own = curriculum()
    assert [own.band(i) for i in range(6)] == ["hard", "hard", "medium", "medium", "easy", "easy"]
    assert own.sizes() == {"easy": 2, "medium": 2, "hard": 2}


def test_only_the_bands_of_a_step_are_drawn():
    assert curriculum().outside(1) == frozenset()
    assert curriculum(bands=["medium"]).outside(1) == {0, 1, 4, 5}
    staged = curriculum(bands=["easy", "medium"], steps=3)
    assert [staged.outside(step) for step in (1, 3)] == [{0, 1, 2, 3}] * 2
    assert [staged.outside(step) for step in (4, 99)] == [{0, 1, 4, 5}] * 2
    assert set(Cursor(6, 0).take(12, staged.outside(1))) == {4, 5}


STAGED = [
    *("curriculum.bands=[easy,medium]", "curriculum.steps=3", "curriculum.max_new_tokens=[8,48]"),
    *("solution.max_new_tokens=48", "abstraction.max_new_tokens=20"),
]


def test_solutions_have_the_length_of_their_stage_and_proposals_their_own(monkeypatch):
    monkeypatch.setattr("trainers.runtime.zero3.rank", lambda: 0)
    run = load_config(None, STAGED)
    plans = [step_plan(run, step) for step in (0, 1, 3, 4, 99)]
    assert [plan.solve.max_new_tokens for plan in plans] == [8, 8, 8, 48, 48]
    assert {plan.propose.max_new_tokens for plan in plans} == {20}
    plain = step_plan(load_config(None, []), 4)
    assert (plain.solve.max_new_tokens, plain.solve.seed) == (48, plans[3].solve.seed)
    assert run.solution.max_new_tokens == 48  # what memory and positions are counted by


def test_overlong_solutions_are_punished_near_the_end_of_their_stage():
    run = load_config(None, [*STAGED, "solution.overlong=2", "cotrain.drop_constant_groups=false"])
    credit, grown = Credit(run, playing(run), {"solution": None}, {}), tree([[1, 1]])
    for one, tokens in zip(grown.branches[0].solutions, (4, 8), strict=True):
        one.completion = Completion((1,) * tokens, (0.0,) * tokens, "stop", 0)
    early, late = ([row.advantage for row in credit([grown], (), step)["solution"]] for step in (3, 4))
    assert early == pytest.approx([0.5, -0.5]) and late == pytest.approx([0, 0])  # 8 of 8 tokens cost 1


def test_enough_for_a_step_stay_the_nearest_ones():
    assert curriculum(least=3, bands=["medium"]).outside(1) == {0, 4, 5}  # 1/8 touches the band, 0 and 5/8 are 1/8 off
    assert curriculum(least=4, bands=["medium"]).outside(1) == {4, 5}
    assert curriculum(least=9, bands=["hard"]).outside(1) == frozenset()


def test_what_is_solved_moves_a_problem_and_old_solutions_fade():
    own = curriculum(bands=["hard"], memory=16)
    own.count(0, 8, 8)
    assert own.counts[0] == [8, 16] and own.band(0) == "medium" and 0 in own.outside(1)
    own.count(0, 8, 8)
    assert own.counts[0] == [12, 16] and own.band(0) == "easy"
    own.count(0, 0, 32)
    assert own.counts[0] == [0, 16] and own.band(0) == "hard"
    again = curriculum(bands=["hard"], memory=16)
    again.restore(json.loads(json.dumps(own.state())))
    assert again.counts == own.counts
    right, sampled = decayed_counts([1.5, 30], 4, 4, 32)
    assert sampled == 32 and right == pytest.approx(1.5 * 28 / 30 + 4)


def grown(problem, rewards):
    made = tree(rewards)
    made.problem = problem
    return made


def test_dynamic_sampling_stays_in_the_band_and_moves_it():
    """A problem that all solve leaves the band for the next step; what replaces it comes from the same band."""
    given, config = problems(), CotrainConfig(dynamic_sampling=1)
    own = Curriculum(CurriculumConfig(bands=["medium"], memory=8), given, {p.id: [4, 8] for p in given[:4]} | {
        p.id: [0, 8] for p in given[4:]
    }, 1)  # fmt: skip
    rates, cursor = PassRates(given, None, 1, own), Cursor(6, 0)
    first = cursor.take(2, rates.skipped(1))
    trees = [grown(given[first[0]], [[1, 1], [1, 1], [1, 1], [1, 1]]), grown(given[first[1]], [[1, 0]])]
    drawn = []

    def sample(number, missing):
        drawn.extend(cursor.take(missing, rates.skipped(1)))
        return [grown(given[i], [[1, 0]]) for i in drawn]

    counts = dynamic_sampling(trees, config, CPU, sample)
    assert counts["problems_used"] == 2 and len(drawn) == 1 and drawn[0] < 4
    rates.add(trees, config, CPU)
    assert own.band(first[0]) == "easy" and rates.skipped(2) == {first[0], 4, 5}
    assert own.counts[drawn[0]] == [4, 8]  # 4 of 8 before, faded to 3 of 6, and 1 of 2


def test_anchors_are_not_counted_and_retirement_gives_way_to_the_band():
    given = problems()
    own = Curriculum(CurriculumConfig(bands=["easy"]), given, {p.id: [8, 8] for p in given}, 3)
    rates = PassRates(given, 0.9, 3, own)
    rates.add([grown(given[0], []), *(grown(p, [[1, 1]]) for p in given[1:])], CotrainConfig(), CPU)
    assert own.counts[0] == [8, 8] and own.counts[1] == [10, 10]
    assert len(rates.retired()) == 3 and rates.skipped(1) == rates.retired()
    own.config.bands = ["medium"]  # nothing is in it, so three stay; retiring any of them would leave too few
    assert len(rates.skipped(1)) == 3 and rates.skipped(1) == own.outside(1)


def test_a_problem_without_a_measurement_is_refused_with_the_command():
    with pytest.raises(PlainError, match=r"2 of 6 problems were not measured; run \./launch\.sh curriculum"):
        Curriculum(CurriculumConfig(bands=["easy"]), problems(), {f"p{i}": [1, 8] for i in range(4)}, 1)


class Counting:
    """A sampler and judge that are right as often as a problem's number says; raises when its calls are used up."""

    def __init__(self, calls=99):
        self.calls, self.seeds = calls, []

    def generate(self, prompts, sampling):
        if not self.calls:
            raise KeyboardInterrupt
        self.calls -= 1
        self.seeds.append(sampling.seed)
        return [Completion((1,), (0.0,), "stop", 0) for _ in prompts]

    def __call__(self, items):
        seen = {}
        verdicts = []
        for problem, _ in items:
            number = seen[problem.id] = seen.get(problem.id, -1) + 1
            right = number < int(problem.id[1:]) % 9
            verdicts.append(Verdict(Outcome.correct if right else Outcome.incorrect, "", None, None, 0.0))
        return verdicts


class Words:
    def ids(self, *_, **__):
        return [1]

    def completion_text(self, *_):
        return "text"


def reasoner(counting):
    return Reasoner(counting, counting, Words(), Words(), counting)


def test_a_killed_measurement_goes_on_and_ends_with_the_same_file(tmp_path):
    run, given = load_config(None), problems(2 * AT_A_TIME + 3)
    whole = Counting()
    rows = measure_success(run, reasoner(whole), given, tmp_path / "whole.jsonl", "base")
    assert [row["right"] for row in rows[:10]] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 0] and rows[0]["sampled"] == 8
    killed = Counting(calls=2)
    with pytest.raises(KeyboardInterrupt):
        measure_success(run, reasoner(killed), given, tmp_path / "part.jsonl", "base")
    part = tmp_path / "part.jsonl"
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:-3]) + lines[-3][:9])  # and died in the middle of writing
    again = Counting()
    assert measure_success(run, reasoner(again), given, part, "base") == rows
    assert part.read_bytes() == (tmp_path / "whole.jsonl").read_bytes() and again.seeds == whole.seeds[1:]
    done = Counting(calls=0)
    assert measure_success(run, reasoner(done), given, part, "base") == rows
    assert "easy" in band_summary(run, rows) and "0.0% cut off" in band_summary(run, rows)


def test_measurements_of_other_settings_do_not_stand_beside_each_other(tmp_path):
    measure_success(load_config(None), reasoner(Counting()), problems(3), tmp_path / FILE, "base")
    assert read_measured(tmp_path) == {"p0": [0, 8], "p1": [1, 8], "p2": [2, 8]}
    assert read_measured(tmp_path / "elsewhere") == {}
    silent = load_config(None, [f"base.path={describe_gpt2(tmp_path / 'gpt2', 256)}", "solution.thinking=false"])
    with pytest.raises(PlainError, match=r"other settings \(thinking: None -> false\)"):
        measure_success(silent, reasoner(Counting()), problems(3), tmp_path / FILE, "base")
    with pytest.raises(PlainError, match=r"other settings \(samples: 8 -> 4\); move it away"):
        measure_success(
            load_config(None, ["curriculum.samples=4"]), reasoner(Counting()), problems(3), tmp_path / FILE, "base"
        )


def test_trees_by_band_are_grown_as_wide_and_deep_as_they_say():
    given = problems(2)
    own = Curriculum(CurriculumConfig(hard_tree=[3, 2]), given, {"p0": [0, 8], "p1": [8, 8]}, 1)
    trees = [Tree(problem, shape=own.shape(i)) for i, problem in enumerate(given)]
    plan = Plan(1, 4, Sampling(1.0, 4, 0), Sampling(1.0, 4, 0), distinct=False)

    class Spoken(Words):
        def read_abstraction(self, _):
            return "an idea"

    grower = Reasoner(Counting(), Counting(), Spoken(), Spoken(), Counting())
    grower.propose(trees, plan)
    grower.solve(trees, plan)
    assert [[len(branch.solutions) for branch in made.branches] for made in trees] == [[2, 2, 2], [4]]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["curriculum.hard=0.5"], "must be less than curriculum.easy"),
        (["curriculum.bands=[easy,easy]"], "names a band twice"),
        (["curriculum.bands=[simple]"], "simple"),
        (["curriculum.steps=5", "curriculum.bands=[easy]"], "at least two in curriculum.bands"),
        (["curriculum.bands=[easy,hard]", "curriculum.max_new_tokens=[8,48]"], "say in curriculum.steps how long"),
        ([*STAGED, "curriculum.max_new_tokens=[48]"], "one number for each of curriculum.bands"),
        ([*STAGED, "solution.max_new_tokens=64"], "another largest number than solution.max_new_tokens=64"),
        ([*STAGED, "solution.overlong=8"], "must be less than each of curriculum.max_new_tokens"),
        (["curriculum.hard_tree=[4]"], r"must be \[n, m\]"),
        (["curriculum.hard_tree=[4, 1]"], "nothing to compare a solution with"),
        (["curriculum.hard_tree=[1, 4]"], "nothing to compare an abstraction with"),
        (["curriculum.hard_tree=[4, 4]", "cotrain.abstractions=0"], "needs abstractions"),
        (["curriculum.easy_tree=[4, 2]", "solution.advantage=pass_at_k", "solution.pass_at_k.k=4"], "pass_at_k"),
    ],
)
def test_what_cannot_be_is_refused(words, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load_config(None, words)


def test_the_dry_run_counts_the_largest_tree():
    from trainers.launching.memory import rollout_rows

    words = ["cotrain.bare.share=0", "cotrain.problems=2", "cotrain.abstractions=2", "cotrain.solutions=2"]
    run = load_config(None, [*words, "curriculum.hard_tree=[20, 3]"])
    assert rollout_rows(run, "solution", 2) == 60 and rollout_rows(run, "abstraction", 2) == 20


def test_the_advice_names_bands_that_hold_a_problem():
    def row(right, unfinished=0):
        return {"right": right, "sampled": 8, "unfinished": unfinished}

    run = load_config(None, [])
    assert advice(run, [row(8), row(3), row(0)]).endswith("curriculum.bands=[easy,medium].")
    assert advice(run, [row(3), row(0)]).endswith("curriculum.bands=[medium].")
    assert advice(run, [row(0)]).endswith("take easier problems or a stronger base.")
    assert " Most are cut off: raise solution.max_new_tokens=48." in advice(run, [row(0, 7)])
