"""What the solver says of solutions as a critic: asked under its critique's prompt, read by rules, kept by sweeps."""

import asyncio
import json
from dataclasses import asdict
from math import log

import pytest
from chat_tokenizers import chat_tokenizer
from fake_players import FakeSampler

from evals.samples.judged import PlainSamples
from evals.samples.trees import Condition, Samples, samples_of
from rlad.config import ProblemsConfig
from rlad.generation import Completion, Sampling
from rlad.players.prompts import Prompts
from rlad.players.tokenizer import CRITIQUE_TOKENS, world_tokenizer
from rlad.problems import Problem, make_world
from rlad.reasoning.explorer import Explorer, Limits
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.scores import ScoreMissing
from rlad.reasoning.tree import Branch, Plan, Solution, Tree
from rlad.reasoning.vote import Vote
from rlad.verifier import Outcome, Verdict

WORDS = make_world(ProblemsConfig()).vocabulary()
PROMPTS = Prompts(world_tokenizer(WORDS, 256, CRITIQUE_TOKENS))
QUESTION = "1 2 3 4"


def opinion(prompt, text):
    """Says `<right>` to an attempt of 5 with three times the probability of `<wrong>`, to others with a third."""
    sure = (" 5 }" in prompt) == (text == "<right>")
    return log(0.3) if sure else log(0.1)


class Critic:
    """A sampler that only scores."""

    def __init__(self):
        self.asked = []

    def score(self, prompts, completions):
        pairs = [(PROMPTS.decode(p), PROMPTS.decode(list(c))) for p, c in zip(prompts, completions, strict=True)]
        self.asked += pairs
        return [opinion(*pair) for pair in pairs]


def written(answer):
    ids = tuple(PROMPTS.completion_ids(f"\\boxed{{ {answer} }}"))
    verdict = Verdict(Outcome.correct if answer == 5 else Outcome.incorrect, "", None, str(answer), 0.0)
    return Solution([1], Completion(ids, (), "stop", 0), f"\\boxed{{ {answer} }}", verdict)


def grown():
    tree = Tree(Problem("p", QUESTION, "5"), branches=[Branch("1 a", "1 a"), Branch("2 a", "2 a")])
    tree.branches[0].solutions = [written(4), written(4)]
    tree.branches[1].solutions = [written(5)]
    tree.bare = [written(5)]
    return tree


def test_the_solver_judges_every_solution_under_the_prompt_of_a_critique():
    tree, critic = grown(), Critic()
    Reasoner(None, critic, PROMPTS, PROMPTS, None).score_for([tree], ["best_judged"])
    assert [one.judgement for one in [*tree.bare, *tree.solutions]] == [0.75, 0.25, 0.25, 0.75]
    texts = {text for _, text in critic.asked}
    assert texts == {"<right>", "<wrong>"} and len(critic.asked) == 8
    assert critic.asked[1][0] == f"<critique> {QUESTION} <sep> 1 a <sep> \\boxed{{ 4 }} <sep>"
    for rule, weights in (("best_judged", [0.75, 0.25]), ("judged_majority", [0.75, 0.5])):
        vote = Vote(tree, rule)
        for branch, one in enumerate(tree.branches):
            for i, solution in enumerate(one.solutions):
                vote.add((branch, i), solution)
        assert [(one.answer, one.weight) for one in vote.votes()] == list(zip("54", weights, strict=True))
    untouched = grown()
    Reasoner(None, None, PROMPTS, PROMPTS, None).score_for([untouched], ["majority", "stated_majority"])
    assert all(one.judgement is None for one in untouched.solutions)


def test_a_solver_without_words_for_a_verdict_is_refused_in_a_sentence():
    tree, silent = grown(), Prompts(world_tokenizer(WORDS, 256))
    Reasoner(None, None, silent, silent, None).score_for([tree], ["best_judged"])
    with pytest.raises(ScoreMissing, match="reads the judgement of solutions, and no judge was asked"):
        Vote(tree, "best_judged").add((0, 0), tree.branches[0].solutions[0])


@pytest.mark.parametrize("name", ["chatml", "thinker"])
def test_a_language_model_concludes_in_words_behind_its_closed_thought(name):
    prompts = Prompts(chat_tokenizer(name))
    assert prompts.judges
    right, wrong = (prompts.decode(prompts.conclusion_ids(flag)) for flag in (True, False))
    assert right.endswith("Conclusion: right") and wrong.endswith("Conclusion: wrong")
    assert right.startswith("\n</think>") == bool(prompts.opening("critique"))


def test_a_served_tree_asks_as_solutions_come_in():
    proposer = FakeSampler(PROMPTS, lambda text, i, sampling: f"{i + 1} * a")
    solver = FakeSampler(PROMPTS, lambda text, i, sampling: "\\boxed{ 5 }" if "2 * a" in text else "\\boxed{ 4 }")
    solver.alone = opinion
    plan = Plan(3, 1, Sampling(1.0, 8, 1), Sampling(0.3, 16, 2))
    limits = Limits(1000, "best_judged", early_stop=False)
    exploration = Explorer(proposer, solver, PROMPTS, PROMPTS).explore(Tree(Problem("p", QUESTION, "")), plan, limits)

    async def last():
        return [event async for event in exploration.events()][-1]

    assert [(vote.answer, vote.weight) for vote in asyncio.run(last()).votes] == [("5", 0.75), ("4", 0.25)]


def test_a_sweep_keeps_what_the_judge_said_and_trees_of_before_have_none():
    tree = grown()
    before = Samples.of(tree.solutions)
    Reasoner(None, Critic(), PROMPTS, PROMPTS, None).score_judged([tree])
    kept = samples_of(json.loads(json.dumps(asdict(Samples.of(tree.solutions)))), 0.3)
    assert (before.judgement, kept.judgement) == ([], [0.25, 0.25, 0.75])
    plain = PlainSamples.of(Condition("cotrained", "x", "plain", 0.3), [kept])
    assert plain.accuracy(3, "best_judged") == 1.0 and plain.accuracy(3) == 0.0
    assert plain.accuracy(2, "best_judged") == pytest.approx(2 / 3)  # the best is in two of the three pairs
