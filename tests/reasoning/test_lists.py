"""Items of a list as voters: each is weighed by how likely it is as a single proposal."""

from math import log

import pytest
from chat_tokenizers import chat_tokenizer

from rlad.config import RunConfig
from rlad.generation import Completion, Sampling
from rlad.generation.base import SamplerFailed
from rlad.players.prompts import Prompts
from rlad.players.tokenizer import SET_TOKEN, world_tokenizer
from rlad.problems import Problem, load_problems, make_world
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.scores import candidates_of
from rlad.reasoning.tree import Plan, Solution, Tree
from rlad.selection import select

CHAT = Prompts(chat_tokenizer("chatml"))
LIST = "1. Count by parity.\n2) Halve.\n- Count  by parity.\nHalve.\nSquare.\nOne too many."
ALONE = {"Count by parity.": 0.2, "Count  by parity.": 0.1, "Halve.": 0.15, "Square.": 0.1}
"""What single proposals say, and how likely each is; the first and the second are one abstraction, in two spellings."""


class Proposer:
    """Writes the list, and finds single proposals as likely as they are said to be."""

    def __init__(self, prompts, text, alone):
        self.prompts, self.text, self.asked = prompts, text, []
        self.alone = {tuple(prompts.completion_ids(one, "propose")): log(p) for one, p in alone.items()}

    def generate(self, prompts, sampling):
        ids = tuple(self.prompts.completion_ids(self.text, "propose_set"))
        return [Completion(ids, (-1.0,) * len(ids), "stop", 0, -1.0 * len(ids)) for _ in prompts]

    def score(self, prompts, completions):
        self.asked.append((prompts, completions))
        return [self.alone[tuple(ids)] for ids in completions]


def listed(proposer, problem, number, world=None):
    tree, prompts = Tree(problem), proposer.prompts
    reasoner = Reasoner(proposer, None, prompts, prompts, None, world)
    reasoner.propose([tree], Plan(number, 1, Sampling(0.6, 20), Sampling(), joint=True))
    return tree, reasoner


@pytest.mark.parametrize(
    "rule, winner",
    [
        ("majority", 9),  # two of three
        ("proposer", 7),  # .2 + .1 > .15 + .1
        ("proposer^.5", 9),  # .5477 < .3873 + .3162
        ("marginal", 9),  # .3 x .5 < .15 x .9 + .1 x .5
        ("most_probable", 7),  # .3 x .5 > .15 x .9
    ],
)
def test_the_vote_of_a_list_is_the_one_worked_out_by_hand(rule, winner):
    proposer = Proposer(CHAT, LIST, ALONE)
    tree, reasoner = listed(proposer, Problem("p", "What is 2 + 3?", "5"), 5)
    assert [branch.text for branch in tree.branches] == ["Count by parity.", "Halve.", "Square."]
    assert [draw.proposal for draw in tree.draws] == [None] * 6, "nobody has asked yet"
    name, _, power = rule.partition("^")
    reasoner.score_for([tree], [name, "proposer"])
    ((prompts, _),) = proposer.asked
    assert prompts == [reasoner.propose_ids(tree)] * 4, "the repeated item once, the one too many never"
    found = [None if draw.proposal is None else round(draw.proposal, 6) for draw in tree.draws]
    expected = [0.2, 0.15, 0.1, 0.15, 0.1]
    assert found == [*(round(log(p), 6) for p in expected), None]
    assert tree.tokens == len(CHAT.completion_ids(LIST, "propose_set")), "what is prefilled is not generated"
    given = {(0, 0): log(0.5), (1, 0): log(0.9), (2, 0): log(0.5)}
    solutions = {place: Solution([1], Completion((2,), (-1.0,), "stop", 0, logp), "") for place, logp in given.items()}
    candidates = candidates_of(tree, solutions, [7, 9, 9])
    assert [round(one.proposal, 6) for one in candidates] == [round(log(p), 6) for p in (0.3, 0.15, 0.1)]
    keys = RunConfig().sweep.of(name)
    if power:
        keys = type(keys)(alpha=float(power))
    assert candidates[select(name, candidates, keys)].key == winner
    reasoner.score_for([tree], ["proposer"])
    assert len(proposer.asked) == 1, "nothing is asked twice"


def test_an_item_of_a_world_is_scored_as_the_tokens_of_a_single_proposal():
    run = RunConfig()
    world = make_world(run.problems)
    prompts = Prompts(world_tokenizer(world.vocabulary(), 256, [SET_TOKEN]))
    proposer = Proposer(prompts, "2 a + 1 b <sep> 1 max <sep> 2 a + 1 b", {"2 a + 1 b": 0.5, "1 max": 0.25})
    tree, reasoner = listed(proposer, load_problems(run.problems, "train")[0], 2, world)
    reasoner.score_listed([tree])
    ((asked, completions),) = proposer.asked
    assert [prompts.decode(ids) for ids in asked] == [f"<propose> {tree.problem.question} <sep>"] * 2
    end = prompts.tokenizer.eos_token_id
    assert completions == [[*ids, end] for ids in prompts.tokenizer(["2 a + 1 b", "1 max"])["input_ids"]]


def test_single_proposals_are_never_asked_about_and_a_sampler_that_fails_says_so():
    class Failing(Proposer):
        def score(self, prompts, completions):
            raise SamplerFailed("the engine ended")

    proposer = Failing(CHAT, "Halve.", ALONE)
    tree, reasoner = listed(proposer, Problem("p", "What is 2 + 3?", "5"), 2)
    with pytest.raises(SamplerFailed):
        reasoner.score_for([tree], ["marginal"])
    reasoner.score_for([tree], ["majority"])  # reads nothing of it
    single = Tree(tree.problem)
    reasoner.propose([single], Plan(1, 1, Sampling(), Sampling()))
    reasoner.score_for([single], ["marginal"])
    assert single.draws[0].proposal == single.draws[0].completion.model_logprob
