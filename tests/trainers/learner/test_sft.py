"""Supervised steps: critique fine-tuning's loss is on the critique alone (2501.17703), rows may share and be packed."""

import random
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from one_process import OneProcess, pretend_one_rank
from torch.testing import assert_close

from rlad.config import ModelConfig, RunConfig, load_config
from rlad.players.policy import format_tokens, load_tokenizer, make_prompts, tiny_model
from rlad.problems import load_problems, world_of
from trainers.data.demonstrations import Demonstrations
from trainers.data.rows import Row
from trainers.learner import sft
from trainers.learner.batches import collate, micro_batches, token_logprobs
from trainers.learner.layout import Sharing
from trainers.learner.sft import fine_tune, supervised_step


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


def demonstrations():
    """Four demonstrations of each of six problems, of 1 to 12 tokens; a tool has its say in some."""
    draw = random.Random(0)
    prompts = [tuple(draw.randrange(2, 20) for _ in range(draw.randint(2, 8))) for _ in range(6)]
    texts = [tuple(draw.randrange(2, 20) for _ in range(draw.randint(1, 12))) for _ in range(24)]
    return [Row(prompts[i % 6], text, given=((1, 3),) if len(text) > 8 else ()) for i, text in enumerate(texts)]


@pytest.fixture
def positions(monkeypatch):
    """How many positions the forwards of supervised steps have had."""
    pretend_one_rank(monkeypatch)
    counts = []
    scored = sft.token_logprobs
    monkeypatch.setattr(
        sft, "token_logprobs", lambda engine, batch, *more, **named: counts.append(batch.input_ids.numel())
        or scored(engine, batch, *more, **named),
    )  # fmt: skip
    return counts


@pytest.mark.parametrize("tokens", [0, 60])
@pytest.mark.parametrize("packing", [True, False])
def test_packed_demonstrations_have_the_loss_and_the_gradient_of_plain_ones(model, positions, tokens, packing):
    def outcome(*sizes):
        model.zero_grad()
        positions.clear()
        count, losses = supervised_step(OneProcess(model), demonstrations(), 0, 8, torch.device("cpu"), *sizes)
        return count, losses, torch.cat([own.grad.flatten() for own in model.parameters()]), sum(positions)

    count, losses, gradient, computed = outcome(tokens, Sharing(weights=20, packing=packing))
    expected, alone, plain_gradient, plain = outcome()
    assert count == expected and computed < 0.8 * plain
    assert losses == pytest.approx(alone, abs=1e-5)
    assert plain_gradient.abs().max() > 0.01
    assert_close(gradient, plain_gradient, rtol=1e-5, atol=1e-5)


def test_offline_phases_share_what_updates_share(model, positions):
    def tuned(sharing, tokens):
        positions.clear()
        config = RunConfig().cotrain
        config.micro_batch, config.micro_tokens = 8, tokens
        learner = SimpleNamespace(
            model_engine=OneProcess(model), pad_id=0, device=torch.device("cpu"), sharing=sharing
        )  # fmt: skip
        return fine_tune(learner, demonstrations(), 1, 12, 0.0, config, "seed"), sum(positions)

    (plain, most), (packed, fewer), (counted, least) = tuned(None, 0), tuned(Sharing(20), 0), tuned(Sharing(20), 60)
    assert packed == pytest.approx(plain, abs=1e-5) and counted == pytest.approx(plain, abs=1e-5)
    assert max(fewer, least) < 0.9 * most


def test_positions_of_the_demos_warm_start(monkeypatch):
    """The numbers of docs/performance.md."""
    pretend_one_rank(monkeypatch)
    run = load_config(Path(__file__).parents[3] / "configs" / "demo.yaml", ["problems.train=500"])
    prompts = make_prompts(load_tokenizer(run.base, run.problems, format_tokens(run)), run)
    data = Demonstrations(load_problems(run.problems, "train"), world_of(run.problems), prompts, run.warmstart.mixture)
    rng, counts = random.Random(0), {None: 0, Sharing(769): 0}
    rows = [[data.draw(rng)[1] for _ in range(24)] for _ in range(20)]
    for sharing in counts:
        for step in rows:
            batches = micro_batches(step, run.warmstart.micro_batch, 0, torch.device("cpu"), 0, sharing)
            counts[sharing] += sum(batch.input_ids.numel() for batch in batches)
    tokens = sum(len(row.prompt) + len(row.completion) for step in rows for row in step)
    assert (*counts.values(), tokens) == (23_088, 16_001, 15_440)
