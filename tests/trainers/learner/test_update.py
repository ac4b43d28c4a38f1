"""One player's update in one process, with a stub for the model engine: its gradient against the formula by hand."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch
from one_process import OneProcess, pretend_one_rank

from rlad.config import ModelConfig, RunConfig
from rlad.players.logprobs import completion_logits
from rlad.players.policy import tiny_model
from trainers.data.rows import Row
from trainers.learner.batches import collate, token_logprobs
from trainers.learner.learner import Learner
from trainers.learner.policy_loss import policy_loss
from trainers.learner.update import update, update_together

CPU = torch.device("cpu")
TINY = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16, max_positions=32)
ROWS = [
    Row((3, 4), (5, 6, 7), 1.0, copies=2),
    Row((3,), (8, 9), -0.5),
    Row((4, 4), (6, 6, 6, 1), 0.0, pg_weight=0.0, bare=True),
    Row((3, 4), (9, 5), 0.75, shaping=0.1, kl_weight=0.0),
]


class Stepping(OneProcess):
    """One whose weights move."""

    def step(self):
        with torch.no_grad():
            for parameter in self.module.parameters():
                parameter -= 0.1 * parameter.grad
                parameter.grad = None


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    pretend_one_rank(monkeypatch)


def gradient(model, loss):
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


@pytest.mark.parametrize("micro_batch", [1, 3, "6 positions"])
@pytest.mark.parametrize("denominator", [None, "all", "kept"])
def test_gradient_of_an_update_by_hand(denominator, micro_batch):
    """Ordinary, bare and refined rows; with the 80/20 mask in both of its denominators."""
    torch.manual_seed(0)
    model, reference = tiny_model(TINY, 20, 1, 0).eval(), tiny_model(TINY, 20, 1, 0).eval()
    run = RunConfig()
    player = run.solution
    if micro_batch == "6 positions":
        run.cotrain.micro_tokens = 6
    else:
        run.cotrain.micro_batch = micro_batch
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


def test_without_a_kl_no_reference_is_needed():
    """The same update; of the KL nothing is said."""
    found = []
    for reference in (tiny_model(TINY, 20, 1, 0), None):
        torch.manual_seed(0)
        model, run = tiny_model(TINY, 20, 1, 0), RunConfig()
        run.solution.kl_coef = 0.0
        policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
        stats = update(Learner(policy, run.solution, OneProcess(model), reference, None, CPU), ROWS, run)
        found.append((stats, torch.cat([parameter.grad.flatten() for parameter in model.parameters()])))
    (stats, expected), (without, gradient_without) = found
    assert torch.equal(gradient_without, expected)
    assert without == {name: value for name, value in stats.items() if name not in ("kl", "bare_kl")}
    assert "kl" in stats and "bare_kl" in stats


@pytest.mark.parametrize("norm", ["role", "joint"])
def test_two_models_may_divide_their_losses_by_all_tokens(norm):
    """Gradients of each model's own rows, jointly shorter by its share of the tokens; without rows a model stands."""
    run, policy = RunConfig(), SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
    run.cotrain.shared_norm, player = norm, run.solution
    player.kl_coef = 0.0
    own, other = ROWS, [Row((3,), (5, 6, 7, 8, 9, 1), 1.0)]  # 14 and 6 tokens

    def seeded():
        torch.manual_seed(0)
        return tiny_model(TINY, 20, 1, 0).eval()

    def found(*rows):
        models = [seeded() for _ in rows]
        learners = [Learner(policy, player, Stepping(model), None, None, CPU) for model in models]
        before = [copy.deepcopy(model.state_dict()) for model in models]
        stats = update_together(learners, list(rows), run)
        moved = [
            torch.cat([(old[name] - value).flatten() for name, value in model.state_dict().items()])
            for old, model in zip(before, models, strict=True)
        ]
        return moved, stats

    (alone,), _ = found(own)
    (alone_other,), _ = found(other)
    moved, stats = found(own, other)
    shares = (14 / 20, 6 / 20) if norm == "joint" else (1, 1)
    for got, expected, share in zip(moved, (alone, alone_other), shares, strict=True):
        assert expected.abs().max() > 0 and torch.allclose(got, share * expected, atol=1e-6)
    assert [one["trained_tokens"] for one in stats] == [14, 6]
    moved, stats = found(own, [])
    assert torch.allclose(moved[0], alone, atol=1e-6) and not moved[1].any()
    assert stats[1] == {"updated": 0}


@pytest.mark.parametrize("micro_batch", [1, 3])
def test_distilled_rows_add_a_mean_over_sequences_of_their_own(micro_batch):
    """Without them the same statistics, and their gradient is that of c * mean over samples of -A * mean log p."""
    torch.manual_seed(0)
    model, reference = tiny_model(TINY, 20, 1, 0).eval(), tiny_model(TINY, 20, 1, 0).eval()
    policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
    taught = [
        Row((3,), (5, 6, 7), 1.0, 0.0, 0.0, copies=2, distillation=0.2),
        Row((4,), (8, 9), -0.5, 0.0, 0.0, token_advantages=(-0.5, 0.25), distillation=0.2),
    ]
    found = []
    for rows in (ROWS, [*ROWS, *taught]):
        run = RunConfig()
        run.cotrain.micro_batch, run.solution.distillation = micro_batch, 0.2
        learner = Learner(policy, run.solution, OneProcess(model), reference, None, CPU)
        model.zero_grad()
        stats = update(learner, rows, run)
        found.append((stats, torch.cat([p.grad.flatten() for p in model.parameters()]), learner.record))
    (before, plain, record), (after, got, same) = found
    batch = collate(taught, [0, 1], 0, CPU)
    logp, _ = token_logprobs(model, batch, run.solution.temperature, False)
    first, second = -logp[0, :3].mean(), -(logp[1, 0] * -0.5 + logp[1, 1] * 0.25) / 2
    extra = 0.2 * (2 * first + second) / 3  # the copy is a sample of its own
    assert torch.allclose(got, plain + gradient(model, extra), atol=1e-6)
    assert after.pop("loss") == pytest.approx(before.pop("loss") + extra.item(), abs=1e-6)
    assert after == pytest.approx(before) and same.tokens and same.copies == record.copies


def test_the_coefficient_of_kl_is_multiplied():
    torch.manual_seed(0)
    model, reference = tiny_model(TINY, 20, 1, 0).eval(), tiny_model(TINY, 20, 1, 0).eval()
    policy, losses = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0)), []
    for coefficient, factor in ((0.1, 3.0), (0.3, 1.0)):
        run = RunConfig()
        run.solution.kl_coef = coefficient
        learner = Learner(policy, run.solution, OneProcess(model), reference, None, CPU, kl_factor=factor)
        stats = update(learner, ROWS, run)
        losses.append(stats["loss"])
        assert stats["kl_coefficient"] == pytest.approx(0.3)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("micro_batch", [1, 4])
def test_a_loss_that_filters_is_handed_the_policy_of_before_all_updates(micro_batch, monkeypatch):
    """Lp-Reg's q in both updates of a rollout: from the weights of before the first, at the training temperature."""
    torch.manual_seed(0)
    model, run, seen = tiny_model(TINY, 20, 1, 0).eval(), RunConfig(), []
    run.cotrain.micro_batch, run.cotrain.updates_per_rollout, player = micro_batch, 2, run.solution
    player.loss, player.temperature = "lp_reg", 0.7
    player.of("lp_reg").min_p = 0.95
    before = copy.deepcopy(model)

    def see(player, batch, logp):
        seen.append(batch)
        return policy_loss(player, batch, logp)

    monkeypatch.setattr("trainers.learner.update.policy_loss", see)
    policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
    update(Learner(policy, player, Stepping(model), before, None, CPU), ROWS, run)
    assert not torch.equal(next(model.parameters()), next(before.parameters()))
    assert sum(len(batch.index) for batch in seen) == len(ROWS)
    for batch in seen:
        logp = torch.log_softmax(completion_logits(before, batch) / 0.7, -1)
        q = torch.where(logp >= logp.amax(-1, keepdim=True) + math.log(0.95), logp, -math.inf).log_softmax(-1)
        assert torch.allclose(batch.filtered, q.gather(-1, batch.completion[..., None])[..., 0], atol=1e-5)


SHARED = [
    Row((3, 4), (5, 1, 7), 1.0, sampler_logprobs=(-3.0, -3.2, -2.9)),
    Row((3, 4), (5, 2), 1.0, sampler_logprobs=(-3.5, -3.2)),
    Row((3, 4), (8, 3, 7), -1.0, sampler_logprobs=(-3.0, -3.2, -2.9)),
    Row((3, 4), (9, 4, 7, 1), -1.0, sampler_logprobs=(-3.0, -3.2, -2.9, -3.1)),
    Row((6,), (5, 1), -0.5, sampler_logprobs=(-3.0, -3.1)),
    Row((6,), (7, 2), 0.5, sampler_logprobs=(-3.0, -3.1)),
    Row((6,), (7, 2, 2), 0.5, sampler_logprobs=(-2.8, -3.1, -3.0)),
]
"""Rows behind two prompts: their first tokens have one entropy, and one covariance where their advantages are equal."""


TIED = {
    "forking": ("forking.share", {}),
    "forking kept": ("forking.share", {"forking.denominator": "kept"}),
    "kl_cov": ("kl_cov.share", {"loss": "kl_cov"}),
    "clip_cov": ("clip_cov.share", {"loss": "clip_cov", "clip_cov.low": -99.0, "clip_cov.high": 99.0}),
}


def gradient_of(rows, keys):
    """The gradient of one update of a tiny model by the rows, measured against the sampler's log-probs."""
    torch.manual_seed(1)
    model, run = tiny_model(TINY, 20, 1, 0).eval(), RunConfig()
    run.cotrain.micro_batch, player = 2, run.solution
    player.old_logprobs = "sampler"
    for key, value in keys.items():
        *section, name = key.split(".")
        keys_of = {"clip_cov": player.of, "kl_cov": player.of, "forking": lambda _: player.forking}
        setattr(keys_of[section[0]](section[0]) if section else player, name, value)
    policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
    update(Learner(policy, player, OneProcess(model), model, None, CPU), rows, run)
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("name", TIED)
@pytest.mark.parametrize("share", [0.06, 0.11, 0.16, 0.27, 0.32])  # of 19 tokens: 1 or 2, 2 or 3, 3 or 4, ...
def test_the_order_of_the_rows_does_not_matter_though_prefixes_tie(name, share):
    key, keys = TIED[name]
    orders = (SHARED, SHARED[::-1], SHARED[2:] + SHARED[:2])
    first, *others = (gradient_of(rows, keys | {key: share}) for rows in orders)
    assert first.abs().max() > 1e-3
    for other in others:
        assert torch.allclose(first, other, atol=1e-6)


def test_nothing_to_learn_from_is_no_update():
    policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
    learner = Learner(policy, RunConfig().solution, OneProcess(torch.nn.Linear(1, 1)), None, None, CPU)
    assert update(learner, [], RunConfig()) == {"updated": 0}


class Dropping(OneProcess):
    """A model engine that drops its steps, as DeepSpeed does with a gradient that is not finite."""

    def __init__(self, model, applied, norm):
        super().__init__(model)
        self.applied, self.norm = iter(applied), norm

    def was_step_applied(self):
        return next(self.applied)

    def get_global_grad_norm(self):
        return self.norm


@pytest.mark.parametrize(
    ("applied", "norm", "expected"),
    [
        ([False], float("inf"), {"updated": 0, "nonfinite": 1}),
        ([True], float("nan"), {"updated": 0, "nonfinite": 1}),
        ([False, True], 0.5, {"updated": 1, "nonfinite": 1, "grad_norm": 0.5}),
    ],
)
def test_a_step_that_changed_nothing_is_no_update(applied, norm, expected):
    torch.manual_seed(0)
    run = RunConfig()
    run.cotrain.updates_per_rollout = len(applied)
    model = tiny_model(TINY, 12, 1, 0)
    policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0), role="solution")
    learner = Learner(policy, run.solution, Dropping(model, applied, norm), tiny_model(TINY, 12, 1, 0), None, CPU)
    stats = update(learner, ROWS, run)
    assert {name: stats.get(name) for name in expected} == expected
    assert all(isinstance(value, int) or value == value for value in stats.values()), "a NaN got into the metrics"
    assert len(learner.record.tokens) == len(ROWS) * applied.count(True) // len(applied) * (norm == norm)
