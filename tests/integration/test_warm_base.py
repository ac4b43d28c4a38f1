"""The checked-in base fits today's vocabulary and architecture, and has learnt what is demonstrated today."""

import random
from dataclasses import replace

import pytest
import torch
from warm_base import FOLDER, made_with

from rlad.players.policy import make_policy
from rlad.players.roles import playing
from rlad.problems import load_problems, world_of
from trainers.data.demonstrations import Demonstrations
from trainers.learner.batches import collate, token_logprobs

RUN = made_with()


@pytest.fixture(scope="module")
def pair():
    """The base, and one that is made today and has learnt nothing."""
    return [make_policy("base", model, RUN, FOLDER) for model in (replace(RUN.base, path=str(FOLDER)), RUN.base)]


def test_it_has_todays_vocabulary_and_architecture(pair):
    kept, fresh = (one.tokenizer for one in pair)
    assert kept.get_vocab() == fresh.get_vocab() and kept.chat_template == fresh.chat_template
    kept, fresh = ({name: tensor.shape for name, tensor in one.model.state_dict().items()} for one in pair)
    assert kept == fresh
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 400_000


def nats(policy, rows):
    batch = collate(rows, list(range(len(rows))), policy.tokenizer.pad_token_id, torch.device("cpu"))
    with torch.no_grad():
        logp, _ = token_logprobs(policy.model, batch, 1.0, False)
    return (-(logp * batch.mask).sum() / batch.mask.sum()).item()


@pytest.mark.parametrize("task", [task for task, share in RUN.warmstart.mixture.shares().items() if share])
def test_it_has_learnt_what_is_demonstrated_today(pair, task):
    problems, rng = load_problems(RUN.problems, "train"), random.Random(1)
    mixture = RUN.warmstart.mixture.only((task,))
    data = Demonstrations(problems, world_of(RUN.problems), pair[0].prompts, mixture, playing(RUN).values())
    rows = [row for _, row in (data.draw(rng) for _ in range(40))]
    kept, fresh = (nats(one, rows) for one in pair)
    assert kept < 0.5 * fresh
