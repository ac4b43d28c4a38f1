"""Hand-made judged trees in which π_abs and the answers are said."""

from dataclasses import replace
from math import log

from trees import tree

from rlad.verifier import Outcome, Verdict


def voted(branches, repeats=()):
    """`branches`: (π_abs, answers) of each abstraction; the answer "1" is right, None is none."""
    made = tree([[a == "1" for a in answers] for _, answers in branches], repeats=repeats)
    for branch, (_, answers) in zip(made.branches, branches, strict=True):
        for solution, answer in zip(branch.solutions, answers, strict=True):
            outcome = Outcome.correct if answer == "1" else Outcome.incorrect
            solution.verdict = Verdict(outcome, "", None, answer, 0.0)
    for draw in made.draws:
        draw.completion = replace(draw.completion, model_logprob=log(branches[draw.branch][0]))
    return made
