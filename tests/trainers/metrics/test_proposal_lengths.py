"""What is said of the proposer's lengths before step 1, by hand; and how they are drawn."""

from types import SimpleNamespace

import pytest

from rlad.cli import PlainError
from rlad.config import load_config
from rlad.generation import Completion
from rlad.problems import Problem
from rlad.reasoning.reasoner import Reasoner
from trainers.data.plans import sampling_seed
from trainers.metrics.proposal_lengths import budget, length_sentence
from trainers.rollout import RolloutPhases
from trainers.runtime import zero3

BUDGET = "abstraction.max_new_tokens=10"
JOINT = ("cotrain.proposals=joint", "warmstart.mixture.propose_set=0.2")


def said(lengths, *words, tried=40):
    return length_sentence(lengths, load_config(None, [BUDGET, *words]), tried)


def test_a_budget_that_holds_95_percent_is_only_stated():
    drawn = "of 20 proposals drawn before step 1 are cut at abstraction.max_new_tokens=10"
    assert said([7] * 20) == f"Lengths: 0 {drawn}; 7 would hold 95 % of them."
    assert said([*range(1, 11), *[10] * 9, None]) == f"Lengths: 1 {drawn}; 10 would hold 95 % of them."
    assert said([10] * 18 + [11, 12]) == f"Warning: 2 {drawn}: 11 would hold 95 % of them."


def test_where_too_many_do_not_end_at_all_no_length_is_named():
    told = said([5, 5, None])
    assert told.startswith("Warning: 1 of 3 proposals") and "not even 40 would hold 95 % of them" in told


@pytest.mark.parametrize(("lengths", "way"), [([11, 30], "30 would hold"), ([11, None], "not even 40 would hold")])
def test_a_budget_that_cuts_every_proposal_is_refused_with_the_way_out(lengths, way):
    with pytest.raises(PlainError) as refused:
        said(lengths)
    assert str(refused.value).startswith(
        f"All 2 proposals drawn before step 1 are cut at {BUDGET}, so no solution would be guided: {way} 95 % of them"
    )
    assert str(refused.value).endswith("(cotrain.check_proposals=0 trains all the same).")


def test_lists_have_room_for_all_their_items_and_are_never_refused():
    joint = [*JOINT, "cotrain.abstractions=3"]
    assert budget(load_config(None, [BUDGET, *joint])) == (30, 3)
    assert said([30, 30], *joint).startswith("Lengths: 0 of 2 lists of 3 proposals drawn")
    assert said([31, 40], *joint, tried=120) == (
        "Warning: 2 of 2 lists of 3 proposals drawn before step 1 are cut at abstraction.max_new_tokens=10: "
        "14 would hold 95 % of them."
    )
    assert "not even 40 would" in said([None], *joint, tried=120)


class Proposer:
    """Writes as many tokens as its prompt says, its end included; notes what it was asked."""

    def __init__(self):
        self.asked, self.policy = [], SimpleNamespace(model=SimpleNamespace(config=self))
        self.max_position_embeddings = 100

    def get_text_config(self):
        return self

    def generate(self, prompts, sampling):
        self.asked.append(sampling)
        most = sampling.max_new_tokens
        return [Completion((1,) * min(p[0], most), (), "stop" if p[0] <= most else "length", 0) for p in prompts]


class Numbers:
    """The question is the number of tokens that are written; a prompt has five tokens, that of a list six."""

    def ids(self, task, question, number=None):
        return [int(question) * int(number or 1), 0, 0, 0, 0, *([0] * (task == "propose_set"))]


@pytest.fixture
def phases(monkeypatch):
    def made(rank, ranks, gathered, *words, questions=(4, 9, 11, 60)):
        monkeypatch.setattr(zero3, "rank", lambda: rank)
        monkeypatch.setattr(zero3, "world_size", lambda: ranks)
        monkeypatch.setattr(zero3, "gather", lambda own: gathered.append(own) or own)
        own = RolloutPhases.__new__(RolloutPhases)  # what looking at proposals needs of all that a run has
        own.run = load_config(None, [BUDGET, "seed=3", *words])
        own.config, proposer = own.run.cotrain, Proposer()
        own.learners = {"abstraction": proposer}
        own.problems = SimpleNamespace(train=[Problem(str(i), str(n), "") for i, n in enumerate(questions)])
        own.reasoner = Reasoner(proposer, None, Numbers(), Numbers(), None)
        return own, proposer

    return made


def test_proposals_are_spread_over_problems_and_ranks_and_drawn_from_a_seed_of_their_own(phases, capsys):
    gathered = []
    for rank in (0, 1):
        own, proposer = phases(rank, 2, gathered, "cotrain.check_proposals=8")
        own.check_lengths()
        (sampling,) = proposer.asked
        assert (sampling.max_new_tokens, sampling.seed) == (40, sampling_seed(3, 0, rank, 0))
    assert gathered == [[4, 9, 11, None], [4, 9, 11, None]]  # two of each problem, one on each rank
    assert capsys.readouterr().out.count("\n") == 1  # rank 0 says it


@pytest.mark.parametrize(
    ("words", "positions", "tried"),
    [([], 100, 40), ([], 31, 26), ([], 15, 10), ([*JOINT, "cotrain.abstractions=2"], 70, 64)],
)
def test_it_is_looked_no_further_than_the_model_has_positions(phases, words, positions, tried):
    own, proposer = phases(0, 1, [], *words, questions=(2,))
    proposer.max_position_embeddings = positions
    own.check_lengths()
    assert [sampling.max_new_tokens for sampling in proposer.asked] == [tried]


def test_a_rank_without_a_proposal_takes_part_and_is_refused_like_the_others(phases, monkeypatch):
    own, proposer = phases(1, 2, [], "cotrain.check_proposals=1")
    monkeypatch.setattr(zero3, "gather", lambda drawn: [*drawn, 11])  # what the other rank has
    with pytest.raises(PlainError, match="All 1 proposals"):
        own.check_lengths()
    assert not proposer.asked


def test_nobody_is_asked_where_no_proposals_are_wanted(phases, capsys):
    gathered = []
    own, proposer = phases(0, 1, gathered, "cotrain.check_proposals=0")
    own.check_lengths()
    own.config.check_proposals, own.learners = 4, {"solution": proposer}
    own.check_lengths()
    assert not proposer.asked and not gathered and not capsys.readouterr().out
