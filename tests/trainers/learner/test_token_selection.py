"""Tokens selected over a whole mini-batch: by hand, against numpy, and whatever the order in which they come."""

import threading

import numpy as np
import pytest
import torch

from rlad.config import ForkingConfig, PlayerConfig
from rlad.entropy.tokens import forking_count
from trainers.data.rows import Row
from trainers.learner.batches import collate
from trainers.learner.loss_weights import kept_factors, token_weights
from trainers.learner.token_selection import Scan, select_tokens, selects_tokens
from trainers.losses import LossTensors
from trainers.losses.clip_cov import ClipCovKeys, clip_cov, clip_cov_tokens
from trainers.losses.forking import forking_tokens
from trainers.losses.kl_cov import KlCovKeys, kl_cov, kl_cov_tokens
from trainers.losses.lp_reg import LpRegKeys, lp_reg_tokens
from trainers.losses.selection import TokenTable, covariance, covariance_count, draw, nth_largest, top

CPU = torch.device("cpu")


def table(n=5000, seed=0) -> TokenTable:
    generator = torch.Generator().manual_seed(seed)
    logp = -torch.rand(n, generator=generator, dtype=torch.float64) * 4
    advantage = torch.randn(n, generator=generator, dtype=torch.float64)
    return TokenTable(logp, logp.clone(), advantage, torch.rand(n, generator=generator, dtype=torch.float64))


def test_covariance_by_hand_and_against_numpy():
    cov = covariance(torch.tensor([-0.1, -0.1, -0.1, -3.7]), torch.tensor([1.0, 1.0, -1.0, -1.0]))
    assert cov.tolist() == pytest.approx([0.9, 0.9, -0.9, 2.7], abs=1e-4)
    tokens = table()
    logp, advantage = tokens.logp.numpy(), tokens.advantage.numpy()
    got = covariance(tokens.logp, tokens.advantage)
    assert np.allclose(got.numpy(), (logp - logp.mean()) * (advantage - advantage.mean()))
    assert got.mean().item() == pytest.approx(np.cov(logp, advantage, ddof=0)[0, 1])


def test_counts_by_hand():
    assert [covariance_count(n, 2e-4) for n in (1024, 5000, 8192, 10000)] == [1, 1, 1, 2]
    assert sum(covariance_count(1024, 2e-4) for _ in range(8)) == 8 > covariance_count(8192, 2e-4)
    assert [forking_count(n, 0.2) for n in (1, 5, 10, 11, 12)] == [1, 1, 2, 3, 3]


def test_kl_cov_takes_the_highest_and_no_more():
    tokens = table()
    chosen = kl_cov_tokens(tokens, KlCovKeys(), 0).numpy()
    cov = covariance(tokens.logp, tokens.advantage).numpy()
    assert chosen.sum() == 10  # 2e-3 of 5,000
    assert set(np.flatnonzero(chosen)) == set(np.argsort(cov)[-10:])


def test_clip_cov_draws_among_the_candidates():
    tokens, keys = table(), ClipCovKeys(share=0.002)
    cov = covariance(tokens.logp, tokens.advantage)
    draws = [clip_cov_tokens(tokens, keys, seed) for seed in range(20)]
    for chosen in draws:
        assert chosen.sum() == 10
        assert (cov[chosen > 0] > 1).all() and (cov[chosen > 0] < 5).all()
    assert torch.equal(draws[0], clip_cov_tokens(tokens, keys, 0))
    assert len({tuple(chosen.nonzero()[:, 0].tolist()) for chosen in draws}) == 20  # not the ten highest: a draw
    keys = ClipCovKeys(low=100.0, high=200.0)
    assert clip_cov_tokens(tokens, keys, 0).sum() == 0


def test_clip_cov_leaves_alone_what_the_clip_has_silenced():
    logp, advantage = torch.tensor([-0.1, -0.1, -0.1, -3.7]), torch.tensor([1.0, 1.0, -1.0, -1.0])
    keys = ClipCovKeys()
    assert clip_cov_tokens(TokenTable(logp, logp, advantage, logp), keys, 0).tolist() == [0, 0, 0, 1]
    keys.clip_low = 0.2
    was = logp + torch.tensor([0.0, 0.0, 0.0, 1.0])  # r = e^-1 < 0.8 with A < 0
    assert clip_cov_tokens(TokenTable(logp, was, advantage, logp), keys, 0).sum() == 0


def test_clip_cov_leaves_alone_what_is_above_the_upper_bound_with_a_positive_advantage():
    """Two tokens of covariance 2.7, one of them at r = e > 2: PPO's clip holds that one already."""
    logp, advantage = torch.tensor([-0.1, -0.1, -3.7, -3.7]), torch.tensor([1.0, 1.0, -1.0, -1.0])
    logp, advantage = -logp, -advantage  # the rare ones have A > 0 now, and covariance is as it was
    keys = ClipCovKeys(share=1.0)
    assert covariance(logp, advantage).tolist() == pytest.approx([1.8] * 4, abs=1e-4)
    was = logp - torch.tensor([0.0, 1.0, 0.0, 1.0])  # r = 1, e, 1, e
    assert clip_cov_tokens(TokenTable(logp, was, advantage, logp), keys, 0).tolist() == [1, 1, 1, 0]


def test_ties_share_the_places_that_are_left():
    """Of ten tokens four are wanted: two stand alone, four are tied for the other two."""
    scores = torch.tensor([1.0, 5.0, 3.0, 3.0, 0.5, 3.0, 4.0, 3.0, 0.1, 0.2])
    shares = top(scores, 4)
    assert shares.tolist() == [0, 1, 0.5, 0.5, 0, 0.5, 1, 0.5, 0, 0] and shares.sum() == 4
    rounded = scores + 1e-7 * torch.arange(10)  # as another width of the micro-batch rounds
    assert torch.equal(top(rounded, 4), shares) and torch.equal(top(scores.flip(0), 4), shares.flip(0))
    assert top(torch.zeros(3), 9).tolist() == [1, 1, 1]
    shares = draw(scores > 2, scores, 3, seed=0)
    assert shares.sum().item() == pytest.approx(3) and len(set(shares[scores == 3].tolist())) == 1
    assert torch.equal(draw((scores > 2).flip(0), scores.flip(0), 3, seed=0), shares.flip(0))


@pytest.mark.parametrize(
    "rule, keys",
    [
        (clip_cov_tokens, ClipCovKeys(share=0.002)),
        (kl_cov_tokens, KlCovKeys()),
        (forking_tokens, ForkingConfig(share=0.2)),
    ],
)
def test_the_choice_does_not_depend_on_the_order_of_the_tokens(rule, keys):
    tokens = table()
    order = torch.randperm(5000, generator=torch.Generator().manual_seed(1))
    columns = (tokens.logp, tokens.logp_old, tokens.advantage, tokens.entropy)
    shuffled = TokenTable(*(column[order] for column in columns))
    assert torch.equal(rule(tokens, keys, 7)[order], rule(shuffled, keys, 7))


class Threads:
    """Ranks that are threads of this process: what they say to each other goes through a list."""

    def __init__(self, count):
        self.said, self.barrier, self.place = [None] * count, threading.Barrier(count), threading.local()
        self.largest = 0

    def _all(self, values):
        self.said[self.place.number] = values.clone()
        self.barrier.wait()
        found = list(self.said)
        self.barrier.wait()
        return found

    def total(self, values):
        self.largest = max(self.largest, values.numel())
        return torch.stack(self._all(values)).sum(0)

    def concatenated(self, values):
        found = self._all(values)
        return torch.cat(found), sum(map(len, found[: self.place.number]))


@pytest.mark.parametrize(
    "rule, keys",
    [
        (clip_cov_tokens, ClipCovKeys(share=0.002)),
        (kl_cov_tokens, KlCovKeys()),
        (forking_tokens, ForkingConfig(share=0.2)),
        (lp_reg_tokens, LpRegKeys()),
    ],
)
def test_three_ranks_choose_what_one_with_all_tokens_would_and_none_sees_anothers(rule, keys):
    tokens, ranks, found = table(), Threads(3), [None] * 3
    columns = (
        tokens.logp.round(decimals=1),
        tokens.logp_old,
        tokens.advantage,
        tokens.entropy.round(decimals=2),
    )  # ties
    cuts = [0, 700, 700, 5000]  # one of them has none

    def choose(number):
        ranks.place.number = number
        own = TokenTable(*(column[cuts[number] : cuts[number + 1]] for column in columns), ranks=ranks)
        found[number] = rule(own, keys, 7)

    threads = [threading.Thread(target=choose, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = rule(TokenTable(*columns), keys, 7)
    assert torch.equal(torch.cat(found), whole) and whole.sum() > 0
    assert ranks.largest == 256 or rule is clip_cov_tokens  # counts of bytes, however many tokens there are


def test_the_nth_largest_is_that_of_sorting():
    values = torch.tensor([0.0, -1.5, 3.0, 1e-300, -1e300, 3.0, 2.9999999999999996, -0.25], dtype=torch.float64)
    ordered = values.sort(descending=True).values.tolist()
    assert [nth_largest(values, place) for place in range(1, 9)] == ordered


def test_kl_cov_is_a_no_op_on_the_first_update():
    logp = torch.randn(1, 50).requires_grad_()
    gradients = []
    for chosen in (torch.zeros(1, 50), torch.ones(1, 50)):
        logp.grad = None
        tokens = LossTensors(logp, logp.detach(), torch.ones(1, 50), torch.ones(1, 50), chosen)
        kl_cov(tokens, KlCovKeys())[0].sum().backward()
        gradients.append(logp.grad.clone())
    assert torch.equal(*gradients)


def test_chosen_tokens_of_clip_cov_have_no_gradient_and_the_share_of_copies_counts():
    logp = torch.zeros(1, 3, requires_grad=True)
    chosen, ones = torch.tensor([[0.0, 1.0, 0.25]]), torch.ones(1, 3)
    loss, _ = clip_cov(LossTensors(logp, torch.zeros(1, 3), ones, ones, chosen), ClipCovKeys())
    loss.sum().backward()
    assert logp.grad[0].tolist() == pytest.approx([-1, 0, -0.75])


@pytest.fixture
def one_rank(monkeypatch):
    monkeypatch.setattr("trainers.runtime.zero3.concatenated", lambda values: (values, 0))
    monkeypatch.setattr("trainers.runtime.zero3.summed", lambda values: values)


def rows_and_scans(split, merge):
    """Five rows, two of them alike and one a bare anchor, with entropies 1 .. 12 over their tokens."""
    alike = Row((1,), (2, 3, 4), 1.0)
    rows = [Row((1,), (5, 6), -1.0), Row((1,), (7,), 0.0, pg_weight=0.0, bare=True), Row((1,), (8, 9, 9), 0.5)]
    rows = [alike.__class__(**{**alike.__dict__, "copies": 2}), *rows] if merge else [alike, alike, *rows]
    values = {(2, 3, 4): [9.0, 1.0, 8.0], (5, 6): [7.0, 2.0], (7,): [12.0], (8, 9, 9): [3.0, 10.0, 4.0]}
    indices = [list(range(i, min(i + split, len(rows)))) for i in range(0, len(rows), split)]
    batches = [collate(rows, index, 0, torch.device("cpu")) for index in indices]
    scans = []
    for batch in batches:
        entropy = torch.zeros_like(batch.mask)
        for position, i in enumerate(batch.index):
            entropy[position, : len(rows[i].completion)] = torch.tensor(values[rows[i].completion])
        scans.append(Scan(-entropy, -entropy, entropy))
    return rows, batches, scans


def chosen_by_row(rows, batches, parts):
    result = {}
    for batch, part in zip(batches, parts, strict=True):
        for position, i in enumerate(batch.index):
            kept = part[position, : len(rows[i].completion)].tolist()
            key = rows[i].completion
            result[key] = [a + b * rows[i].copies for a, b in zip(result.get(key, [0] * len(kept)), kept, strict=True)]
    return result


@pytest.mark.parametrize("split", [1, 2, 5])
@pytest.mark.parametrize("merge", [False, True])
def test_the_selection_is_made_over_the_mini_batch_and_counts_copies_as_samples(one_rank, split, merge):
    player = PlayerConfig()
    player.forking.share = 0.4  # of 11 tokens with a policy gradient: 5
    rows, batches, scans = rows_and_scans(split, merge)
    selection = select_tokens(batches, scans, player, 0)
    assert selection.chosen is None
    # 10, 9, 9, then one 8 of two and the other 8: the anchor's 12 is not asked.
    assert chosen_by_row(rows, batches, selection.kept) == {
        (2, 3, 4): [2, 0, 2], (5, 6): [0, 0], (7,): [0], (8, 9, 9): [0, 1, 0]
    }  # fmt: skip


def test_part_of_the_copies_can_be_chosen(one_rank):
    player = PlayerConfig()
    player.forking.share = 0.3  # 4 of 11: 10, 9, 9 and one of the two 8s
    _, batches, scans = rows_and_scans(5, merge=True)
    assert select_tokens(batches, scans, player, 0).kept[0][0].tolist() == [1, 0, 0.5]


@pytest.mark.parametrize("mode, factors", [("token-mean", [11 / 5] * 4), ("sequence-mean", [3 / 2, 0, 0, 3])])
def test_the_kept_denominator_divides_by_what_is_kept(one_rank, monkeypatch, mode, factors):
    """Of 11 tokens 5 are kept: two of each of the two alike rows' three, none of two, one of three."""
    monkeypatch.setattr("trainers.runtime.zero3.total", lambda values, device: values)
    player = PlayerConfig(aggregation=mode)
    player.forking.share, player.forking.denominator = 0.4, "kept"
    rows, own = rows_and_scans(2, merge=True)[0], [0, 1, 3]  # the anchor left out
    batches = [collate(rows, own, 0, CPU)]
    kept = [torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])]
    weights = token_weights(batches, player, CPU)
    (found,) = kept_factors(batches, kept, weights, player, CPU)
    assert found[:, 0].tolist() == pytest.approx([factors[i] for i in own])
    player.forking.denominator = "all"
    assert kept_factors(batches, kept, weights, player, CPU)[0][:, 0].tolist() == [1.0] * 3


def test_a_loss_that_chooses_logs_the_covariances(one_rank):
    player = PlayerConfig(loss="kl_cov")
    rows, batches, scans = rows_and_scans(2, merge=False)
    selection = select_tokens(batches, scans, player, 0)
    assert sum(sum(x) for x in chosen_by_row(rows, batches, selection.chosen).values()) == 1
    assert list(selection.stats) == ["covariance_p50", "covariance_p99", "covariance_p99.8"]
    # Of the tokens with a policy gradient: log-probs are minus the entropies 9, 1, 8, twice; 7, 2; 3, 10, 4.
    logp = -np.array([9.0, 1, 8, 9, 1, 8, 7, 2, 3, 10, 4])
    advantage = np.array([1.0] * 6 + [-1.0] * 2 + [0.5] * 3)
    ordered = np.sort((logp - logp.mean()) * (advantage - advantage.mean()))
    assert list(selection.stats.values()) == pytest.approx([ordered[5], ordered[10], ordered[10]])


def test_only_methods_that_choose_need_a_scan():
    assert [selects_tokens(PlayerConfig(loss=name)) for name in ("ppo_clip", "gppo", "clip_cov", "kl_cov")] == [
        0,
        0,
        1,
        1,
    ]
    player = PlayerConfig()
    player.forking.share = 0.2
    assert selects_tokens(player)
