"""One player's update in one process, with a stub for the ZeRO-3 engine: its gradient against the formula by hand."""

from types import SimpleNamespace

import pytest
import torch

from rlad.config import ModelConfig, RunConfig
from rlad.players.policy import tiny_model
from trainers.data.rows import Row
from trainers.learner.batches import collate, token_logprobs
from trainers.learner.learner import Learner
from trainers.learner.update import update

CPU = torch.device("cpu")
TINY = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16, max_positions=32)
ROWS = [
    Row((3, 4), (5, 6, 7), 1.0, copies=2),
    Row((3,), (8, 9), -0.5),
    Row((4, 4), (6, 6, 6, 1), 0.0, pg_weight=0.0, bare=True),
    Row((3, 4), (9, 5), 0.75, shaping=0.1, kl_weight=0.0),
]


class OneProcess:
    """What an update asks of an engine."""

    def __init__(self, model):
        self.module, self.optimizer = model, SimpleNamespace(param_groups=[{"lr": 0.0}])

    def __call__(self, **inputs):
        return self.module(**inputs)

    def backward(self, loss):
        loss.backward()

    def step(self):
        """The weights stay."""

    def get_global_grad_norm(self):
        return 1.0


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    monkeypatch.setattr("trainers.runtime.zero3.total", lambda values, device: [float(value) for value in values])
    monkeypatch.setattr("trainers.runtime.zero3.largest", lambda value, device: value)
    monkeypatch.setattr("trainers.runtime.zero3.concatenated", lambda values: (values, 0))
    monkeypatch.setattr("trainers.runtime.zero3.world_size", lambda: 1)


def gradient(model, loss):
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


@pytest.mark.parametrize("micro_batch", [1, 3])
@pytest.mark.parametrize("denominator", [None, "all", "kept"])
def test_gradient_of_an_update_by_hand(denominator, micro_batch):
    """Ordinary, bare and refined rows; with the 80/20 mask in both of its denominators."""
    torch.manual_seed(0)
    model, reference = tiny_model(TINY, 20, 1, 0).eval(), tiny_model(TINY, 20, 1, 0).eval()
    run = RunConfig()
    run.cotrain.micro_batch, player = micro_batch, run.solution
    player.kl_coef, player.temperature = 0.3, 0.8
    if denominator:
        player.forking.share, player.forking.denominator = 0.4, denominator
    policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
    learner = Learner(policy, player, OneProcess(model), reference, None, CPU)
    stats = update(learner, ROWS, run)
    got = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])

    samples = [ROWS[0], *ROWS]  # the copy is a sample of its own
    batch = collate(samples, list(range(len(samples))), 0, CPU)
    logp, entropy = token_logprobs(model, batch, player.temperature)
    with torch.no_grad():
        gap = token_logprobs(reference, batch, player.temperature, False)[0] - logp.detach()
    policy_terms, kl_terms, entropies = [], [], []
    for i, row in enumerate(samples):
        for t in range(len(row.completion)):
            lp = logp[i, t]
            ell = gap[i, t] + logp[i, t].detach() - lp
            kl_terms.append(player.kl_coef * row.kl_weight * (ell.exp() - 1 - ell))
            if row.pg_weight:
                gain = 1 / (1 + row.shaping * (-lp).exp()) if row.shaping else (lp - lp.detach()).exp()
                policy_terms.append(-row.advantage * gain)
                entropies.append(entropy[i, t].item())
    tokens, number = len(kl_terms), len(policy_terms)
    assert (tokens, number) == (14, 10)
    order = sorted(range(number), key=lambda k: -entropies[k])
    kept = order[: 4 if denominator else number]  # 40 % of ten
    divisor = len(kept) if denominator == "kept" else tokens
    loss = sum(policy_terms[k] for k in kept) / divisor + sum(kl_terms) / tokens
    assert torch.allclose(got, gradient(model, loss), atol=1e-6)
    assert stats["loss"] == pytest.approx(loss.item(), abs=1e-6)
    assert stats["trained_tokens"] == tokens and stats["entropy"] == pytest.approx(
        entropy[batch.mask > 0].mean().item()
    )


def test_nothing_to_learn_from_is_no_update():
    policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
    learner = Learner(policy, RunConfig().solution, OneProcess(torch.nn.Linear(1, 1)), None, None, CPU)
    assert update(learner, [], RunConfig()) == {"updated": 0}
