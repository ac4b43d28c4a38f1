"""What every world must keep: the same checks for all of them."""

import random
import re

import pytest

from rlad.config import ProblemsConfig, VerifierConfig
from rlad.config.registry import world as worlds
from rlad.problems import SPLITS, ProblemError, load_problems, make_world
from rlad.problems.algebra.world import AlgebraKeys
from rlad.problems.base import split_of
from rlad.problems.countdown import CountdownKeys
from rlad.problems.induction import InductionKeys
from rlad.reasoning.judge import Judge
from rlad.reasoning.leaks import gives_away
from rlad.verifier import Outcome, verify

WORD = re.compile(r"\\boxed\{|\\[A-Za-z]+|\d+|[A-Za-z]+|\S")  # the world tokenizer's
CONFIGS = {
    "induction": ProblemsConfig(source="induction"),
    "induction, two examples": ProblemsConfig(source="induction", methods={"induction": InductionKeys(examples=2)}),
    "induction, depth 2": ProblemsConfig(source="induction", methods={"induction": InductionKeys(depth=2)}),
    "countdown": ProblemsConfig(source="countdown"),
    "countdown, 3 numbers": ProblemsConfig(source="countdown", methods={"countdown": CountdownKeys(numbers=3)}),
    "countdown, 5 numbers": ProblemsConfig(source="countdown", methods={"countdown": CountdownKeys(numbers=5)}),
    "algebra": ProblemsConfig(source="algebra"),
    "word_problems": ProblemsConfig(source="word_problems"),
    "search": ProblemsConfig(source="search"),
}
NATURAL = ("word_problems",)
"""Worlds whose texts are ordinary English, which a tiny model's tokenizer spaces differently."""


@pytest.fixture(scope="module", params=list(CONFIGS))
def made(request):
    """A world with 300 problems, and for each a proposal, a guided and a plain demonstration."""
    world, rng = make_world(CONFIGS[request.param]), random.Random(7)
    rows = []
    for _ in range(300):
        problem = world.sample(rng)
        proposal = world.propose(problem, rng)
        rows.append((problem, proposal, world.solve(problem, proposal, rng), world.solve(problem, None, rng)))
    return world, rows


def own_words(text: str) -> list[str]:
    """The words that a solution of the search world writes itself."""
    return re.sub(r"\\result .*? \\endresult", "", text).split()


def counts(world, problem, solution) -> bool:
    """What the judge says: correct for the verifier, and valid for the world."""
    return Judge(VerifierConfig(), world)([(problem, solution)])[0].correct


def test_the_registry_holds_every_world():
    assert {config.source for config in CONFIGS.values()} == set(worlds.names())
    for name in worlds.names():
        assert make_world(ProblemsConfig(source=name)).name == name


def test_plain_demonstrations_are_correct(made):
    world, rows = made
    right = [counts(world, problem, plain) for problem, _, _, plain in rows]
    if world.name == "induction":  # a rule that fits the examples may still miss the query
        assert 0.1 < sum(right) / len(right) <= 1
    else:
        assert all(right)


def test_an_abstraction_decides_what_its_solution_is_worth(made):
    """Following a useful abstraction is right more often than following whatever is proposed; the latter errs too."""
    world, rows = made
    right = [counts(world, problem, guided) for problem, _, guided, _ in rows]
    assert 0.05 < sum(right) / len(right) < 0.9


def test_golds_are_always_parseable(made):
    _, rows = made
    outcomes = {verify(problem.answer, text).outcome for problem, _, *texts in rows for text in texts}
    assert outcomes <= {Outcome.correct, Outcome.incorrect}


def test_every_word_is_in_the_vocabulary_and_texts_survive_the_tokenizer(made):
    world, rows = made
    vocabulary = world.vocabulary()
    assert len(vocabulary) == len(set(vocabulary))
    for problem, *texts in rows:
        for text in (problem.question, *texts):
            words = WORD.findall(text)
            assert set(words) <= set(vocabulary), set(words) - set(vocabulary)
            assert " ".join(words) == text or world.name in NATURAL


def test_texts_are_short_enough_for_a_tiny_model(made):
    world, rows = made
    own = own_words if world.tool() else str.split
    longest = [max(len(own(row[i])) for row in rows) for i in (1, 2, 3)]
    assert max(len(problem.question.split()) for problem, *_ in rows) <= (40 if world.name in NATURAL else 30)
    assert longest[0] <= 16
    assert max(longest[1:]) <= 47  # with the end-of-sequence token 48, the default budget


def test_solutions_end_in_one_box(made):
    world, rows = made
    for _, _, *texts in rows:
        for text in texts:
            assert text.count("\\boxed{") == 1 and text.endswith("}" if world.name in NATURAL else " }")


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", worlds.names())
def test_the_useless_share_is_as_configured(name, share):
    """An abstraction is useful when a solution that follows it counts; the world's own demonstrations tell."""
    world, rng = make_world(ProblemsConfig(source=name, useless_share=share)), random.Random(3)
    useless = 0
    for _ in range(500):
        problem = world.sample(rng)
        useless += not _useful(world, problem, world.propose(problem, rng), rng)
    assert useless / 500 == pytest.approx(share, abs=0.05)


def _useful(world, problem, abstraction, rng) -> bool:
    if world.name == "induction":  # a hypothesis is useful when it explains the examples
        return abstraction in {rule.text for rule in world.consistent(problem)[0]}
    return counts(world, problem, world.solve(problem, abstraction, rng))


def test_proposals_vary_and_equal_ones_are_recognised(made):
    world, rows = made
    rng = random.Random(5)
    several = 0
    for problem, proposal, *_ in rows[:60]:
        proposals = {world.canonical_abstraction(world.propose(problem, rng)) for _ in range(20)}
        several += len(proposals) > 1
        assert world.canonical_abstraction(f"  {proposal.replace(' ', '   ')} ") == world.canonical_abstraction(
            proposal
        )
        key = world.canonical_abstraction(proposal)
        assert world.canonical_abstraction(key) == key
    assert several >= 55


def test_no_proposal_leaks(made):
    world, rows = made
    leaky = [(problem.question, proposal) for problem, proposal, *_ in rows if gives_away(problem, proposal, world)]
    assert leaky == []


def test_adherence_holds_on_guided_demonstrations_and_not_on_those_for_others(made):
    world, rows = made
    rng = random.Random(11)
    followed = crossed = total = 0
    for problem, proposal, guided, _ in rows:
        if world.name == "algebra" and world.solve(problem, proposal, rng).startswith("this does not help"):
            assert not world.adheres(problem, proposal, guided)
            continue
        followed += world.adheres(problem, proposal, guided)
        other = world.propose(problem, rng)
        if world.canonical_abstraction(other) != world.canonical_abstraction(proposal):
            total += 1
            crossed += world.adheres(problem, other, guided)
    assert followed > 150 and followed == sum(
        world.name != "algebra" or not guided.startswith("this does not help") for _, _, guided, _ in rows
    )
    assert crossed <= 0.06 * total  # `- 3` of `9 - 3` is also `9 -`: one expression can be two moves


def test_unreadable_abstractions_and_solutions_do_not_raise(made):
    world, rows = made
    problem, proposal, guided, _ = rows[0]
    for text in ("", "nonsense", "\\boxed{", "\\boxed{ }", "1" * 400, "( " * 300, "- 3 - 3", "³ +", "\\boxed{ ² + 1 }"):
        assert not world.adheres(problem, text, guided)
        assert not world.adheres(problem, proposal, text)
        assert world.solve(problem, text or "?", random.Random(0)).endswith("}")
        assert isinstance(world.canonical_abstraction(text), str)
        assert not counts(world, problem, text)


@pytest.mark.parametrize("name", worlds.names())
def test_splits_are_disjoint_by_canonical_form_and_the_same_for_the_same_seed(name):
    config = ProblemsConfig(source=name, train=400, validation=60, test=60)
    splits = {split: load_problems(config, split) for split in SPLITS}
    forms = {split: {p.meta["canonical"] for p in problems} for split, problems in splits.items()}
    assert {split: len(found) for split, found in forms.items()} == {"train": 400, "validation": 60, "test": 60}
    assert not forms["train"] & forms["validation"] and not forms["train"] & forms["test"]
    assert not forms["validation"] & forms["test"]
    assert len({p.id for problems in splits.values() for p in problems}) == 520
    for split, problems in splits.items():  # a world may keep kinds of problems apart itself
        assert {p.meta.get("split") or split_of(p.meta["canonical"], 0) for p in problems} == {split}
    assert load_problems(config, "test") == splits["test"]
    other = load_problems(ProblemsConfig(source=name, test=60, seed=1), "test")
    assert other != splits["test"]


@pytest.mark.parametrize("name", worlds.names())
def test_demonstrations_are_the_same_for_the_same_seed(name):
    def demonstrate():
        world, rng = make_world(ProblemsConfig(source=name)), random.Random(1)
        problem = world.sample(rng)
        proposal = world.propose(problem, rng)
        return problem, proposal, world.solve(problem, proposal, rng), world.solve(problem, None, rng)

    assert demonstrate() == demonstrate()


@pytest.mark.parametrize(
    "config",
    [
        ProblemsConfig(source="induction", methods={"induction": InductionKeys(max_input=2, families=["difference"])}),
        ProblemsConfig(source="countdown", methods={"countdown": CountdownKeys(numbers=3, max_number=3, max_target=6)}),
        ProblemsConfig(source="algebra", methods={"algebra": AlgebraKeys(families=["products"])}),
    ],
    ids=lambda config: config.source,
)
def test_a_world_too_small_for_its_splits_says_so(config):
    config.test = 60
    with pytest.raises(ProblemError, match=rf"The world '{config.source}' is too small: it gave \d+ of the 60"):
        load_problems(config, "test")


def test_worlds_and_splits_that_do_not_exist():
    with pytest.raises(ProblemError, match="'jsonl' is not a world"):
        make_world(ProblemsConfig(source="jsonl"))
    with pytest.raises(ProblemError, match="'dev' is not a split; the splits are train, validation, test"):
        load_problems(ProblemsConfig(), "dev")
