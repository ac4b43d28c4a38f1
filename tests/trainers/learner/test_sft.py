"""Critique fine-tuning's loss is on the critique alone (2501.17703)."""

import pytest
import torch
import torch.nn.functional as F

from rlad.config import ModelConfig
from rlad.players.policy import tiny_model
from trainers.data.rows import Row
from trainers.learner.batches import collate, token_logprobs


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    tiny = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16, max_positions=32)
    return tiny_model(tiny, 20, 1, 0).eval()


def whole_sequence_loss(model, row, labels):
    """The textbook way: next-token cross entropy over prompt and completion, with -100 where nothing is learnt."""
    ids = torch.tensor([row.prompt + row.completion])
    logits = model(input_ids=ids).logits[0, :-1]
    return F.cross_entropy(logits, labels[1:], ignore_index=-100, reduction="sum")


def test_labels_on_problem_and_attempt_do_not_matter(model):
    x, y, critique = (3, 4), (5, 6, 7), (8, 9, 1)
    row = Row(x + y, critique)
    batch = collate([row], [0], 0, torch.device("cpu"))
    ours = -(token_logprobs(model, batch, 1.0, False)[0] * batch.mask).sum()
    for seed in range(3):  # labels of x and y changed at will, then masked as CFT does
        labels = torch.cat(
            [torch.randint(20, (5,), generator=torch.Generator().manual_seed(seed)), torch.tensor(critique)]
        )
        labels[:5] = -100
        assert whole_sequence_loss(model, row, labels).item() == pytest.approx(ours.item(), abs=1e-4)
    unmasked = torch.tensor(x + y + critique)
    assert whole_sequence_loss(model, row, unmasked).item() > ours.item() + 1  # the test can tell


def test_what_the_prompt_says_does_matter(model):
    first, second = (collate([Row(p, (8, 9))], [0], 0, torch.device("cpu")) for p in ((3, 4, 5), (3, 4, 6)))
    a, b = (token_logprobs(model, batch, 1.0, False)[0].sum().item() for batch in (first, second))
    assert a != b
