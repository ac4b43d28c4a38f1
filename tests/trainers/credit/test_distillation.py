"""Distillation into the bare prompt: which rows are taught, under which prompt, and what it does not go with."""

import pytest
from trees import solution, tree

from rlad.config import ConfigError, load_config
from trainers.credit.distillation import bare_prompts, distilled
from trainers.data.rows import Row


def test_guided_solutions_are_taught_under_their_question_alone():
    guided, plain = tree([[1], [0]]), tree(bare=[1])
    guided.branches[1].solutions = [solution(False)]
    guided.branches[1].solutions[0].prompt = [1, 9]
    bare = bare_prompts([guided, plain], lambda question: [len(question)])
    assert bare == {(1, 2): (8,), (1, 9): (8,)}
    rows = [
        Row((1, 2), (3,), 0.5, sampler_logprobs=(-1.0,)),
        Row((1, 9), (4, 5), 0.0, token_advantages=(0.0, -0.5), copies=3),
        Row((1, 2), (6,), 0.0),  # nothing to teach
        Row((1, 9), (7,), 1.0, shaping=0.1),  # a second attempt
        Row((1,), (8,), 0.0, pg_weight=0.0, bare=True),
    ]
    taught = distilled(rows, bare, 0.1)
    assert [(row.prompt, row.completion, row.per_token, row.copies) for row in taught] == [
        ((8,), (3,), (0.5,), 1),
        ((8,), (4, 5), (0.0, -0.5), 3),
    ]
    assert all((row.distillation, row.pg_weight, row.kl_weight) == (0.1, 0, 0) for row in taught)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["abstraction.distillation=0.1"], "set solution.distillation"),
        (["solution.distillation=0.1", "cotrain.abstractions=0"], "solution.distillation needs abstractions"),
    ],
)
def test_what_it_needs(words, why):
    with pytest.raises(ConfigError, match=why):
        load_config(None, words)
