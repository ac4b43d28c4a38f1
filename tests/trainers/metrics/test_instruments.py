"""The instruments' plumbing: numbers against plain loops, and the same numbers however a step is split over ranks."""

import math
import threading
from collections import Counter
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from trees import tree

from rlad.config import load_config
from rlad.entropy import StrategicGrams
from rlad.entropy.formats import solution_format, world_format
from rlad.generation import Completion
from rlad.players.roles import playing
from rlad.players.tokenizer import world_tokenizer
from trainers.data.rows import Row
from trainers.learner.records import TokenRecord
from trainers.metrics.instruments import Instruments, answer_of, read_rollout, read_texts, read_tokens
from trainers.metrics.readings import RankReading, TextReading, TokenReading, joined_sums, merged_numbers
from trainers.metrics.strategic_grams import wanted
from trainers.runtime import zero3


def recorded(rows, seed=0):
    """A record of the rows, in another order than theirs."""
    generator = torch.Generator().manual_seed(seed)
    record = TokenRecord()
    for i in reversed(range(len(rows))):
        length = len(rows[i].completion)
        record.tokens.append(rows[i].completion)
        record.copies.append(rows[i].copies)
        record.learnt.append(rows[i].pg_weight > 0)
        record.logp.append(-torch.rand(length, generator=generator))
        record.entropy.append(torch.rand(length, generator=generator))
        record.advantage.append(torch.full((length,), rows[i].advantage * rows[i].pg_weight))
    return record


ROWS = [
    Row((1,), (5, 6, 7), advantage=0.5, copies=2),
    Row((1,), (5, 8), advantage=-1.0),
    Row((2,), (9, 9, 9, 9), advantage=0.7, pg_weight=0.0, bare=True),
]


def by_hand(record, planned):
    """The numbers from a plain loop over every sampled token."""
    tokens, sequences = [], []
    for place, copies in enumerate(record.copies):
        for _ in range(copies):
            columns = zip(
                record.entropy[place].tolist(),
                record.logp[place].tolist(),
                record.advantage[place].tolist(),
                record.tokens[place],
                strict=True,
            )
            tokens += [(h, lp, a, token in planned, record.learnt[place]) for h, lp, a, token in columns]
            sequences.append(record.entropy[place].mean().item())
    return tokens, sequences


def test_token_numbers_by_hand():
    record, planned = recorded(ROWS), {6, 9}
    tokens, sequences = by_hand(record, planned)
    found = read_tokens(record, lambda ids: tuple(i in planned for i in ids)).numbers(0.5)
    assert found["token_entropy"]["mean"] == pytest.approx(np.mean([t[0] for t in tokens]))
    assert found["token_entropy"]["forking_share"] == np.mean([t[0] > 0.5 for t in tokens])
    assert found["sequence_entropy"] == pytest.approx(np.mean(sequences))
    learnt = [t for t in tokens if t[4]]
    assert len(learnt) == 8
    covariance = np.cov([t[1] for t in learnt], [t[2] for t in learnt], ddof=0)[0, 1]
    assert found["covariance"]["mean"] == pytest.approx(covariance, abs=1e-6)
    planning = found["planning"]
    assert planning["share"] == 6 / 12
    assert planning["entropy"] == pytest.approx(np.mean([t[0] for t in tokens if t[3]]))
    assert planning["execution_entropy"] == pytest.approx(np.mean([t[0] for t in tokens if not t[3]]))
    surprise = -np.mean([t[1] for t in tokens if not t[3]])
    assert planning["execution_perplexity"] == pytest.approx(math.exp(surprise))


def test_token_numbers_do_not_depend_on_the_split_over_ranks():
    record = recorded(ROWS)

    def part(places):
        own = TokenRecord()
        for name in (f.name for f in fields(TokenRecord)):
            setattr(own, name, [getattr(record, name)[i] for i in places])
        return read_tokens(own, lambda ids: (True, *[False] * (len(ids) - 1)))

    whole = part([0, 1, 2]).numbers(0.5)
    for split in ([[0], [1, 2]], [[2, 1], [0]], [[0, 1, 2], []], [[], [0, 1, 2]]):
        found = TokenReading.joined([part(places) for places in split]).numbers(0.5)
        assert _flat(found) == pytest.approx(_flat(whole))


def _flat(tree, prefix=""):
    flat = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def test_nothing_learnt_is_nothing_measured():
    assert read_tokens(TokenRecord(), None).numbers(0.5) == {}
    only_bare = read_tokens(recorded(ROWS[2:]), None).numbers(0.5)
    assert "covariance" not in only_bare
    assert "planning" not in only_bare
    assert TextReading().numbers() == {}
    assert RankReading().numbers() == {}


def test_thinning_keeps_every_so_many_th_token():
    reading = read_tokens(recorded(ROWS), lambda ids: (True,) * len(ids))
    thin = reading.thinned(5)  # 12 tokens: every third
    assert len(thin.entropy) == len(thin.planning) == 4
    assert thin.entropy.tolist() == reading.entropy[::3].tolist()
    assert len(reading.thinned(99).entropy) == 12


def completion(ids, reason="stop"):
    return Completion(tuple(ids), (0.0,) * len(ids), reason, 0)


def test_text_numbers_by_hand_and_over_ranks():
    tokenizer = world_tokenizer(["*", "+", "=", ";", "mod", *(str(n) for n in range(50))], 64)
    grams = StrategicGrams({("#", "mod", "#"): 0, ("#", "*", "#"): 1}, symbols=True, tokenizer=tokenizer)
    texts = ["3 * 4 = 12 ; 12 mod 7 = 5", "3 + 4 = 7", "2 * 4 = 8", "1 * 4 = 4 ; 1 * 4 = 4"]
    written = [
        (text, completion(tokenizer(text, add_special_tokens=False)["input_ids"]), right)
        for text, right in zip(texts, [True, False, False, True], strict=True)
    ]
    whole = read_texts(written, world_format, grams, judged=True).numbers()
    assert whole["formats"]["shares"] == {"* *": 0.25, "* mod": 0.25, "*": 0.25, "+": 0.25}
    assert whole["formats"]["accuracy"]["* mod"] == 1.0
    assert whole["planning"]["grams_per_text"] == 5 / 4
    p = np.array([4, 1]) / 5
    assert whole["planning"]["semantic_entropy"] == pytest.approx(-(p * np.log(p)).sum())
    assert whole["length"] == {"p10": 5.0, "p50": 8.0, "p90": pytest.approx(11.0)}
    # "1 * 4 = 4 ; 1 * 4 = 4": 8 runs of four tokens, of which the last two ("1 * 4 =", "* 4 = 4") stood there before
    assert whole["repetition"] == pytest.approx((2 / 8) / 4)
    parts = [read_texts(part, world_format, grams, judged=True) for part in (written[:1], [], written[1:])]
    assert _flat(TextReading.joined(parts).numbers()) == _flat(whole)
    prose = read_texts([("We define it.", completion([1]), None)], solution_format, None, judged=False).numbers()
    assert set(prose) == {"formats", "length", "repetition"}
    assert "accuracy" not in prose["formats"]


def test_rank_numbers():
    reading = RankReading([(4.0, 1.0, 0.5), (2.0, 0.0, 0.5)], [0.0, 2, 1, 0, 0], [0.0, 1, 2, 0, 0], list("abcde"))
    found = reading.numbers()
    assert found == {
        "rank": {"er": 3.0, "erv": 0.5, "era": 0.5},
        "forking": {"overlap_with_base": 0.0, "tokens": ["b"]},
    }
    parts = [
        RankReading(*(getattr(reading, f.name)[cut] for f in fields(reading))) for cut in (slice(0, 1), slice(1, None))
    ]
    assert RankReading.joined(parts).numbers() == found
    assert replace(reading, base=[]).numbers() == {"rank": found["rank"], "forking": {"tokens": ["b"]}}


def answered(trees, answers):
    """Gives the trees' solutions these answers in turn (None = no answer)."""
    solutions = [s for t in trees for s in (t.solutions or t.bare)]
    for i, (solution, answer) in enumerate(zip(solutions, answers, strict=True)):
        solution.verdict = replace(solution.verdict, pred=answer)
        solution.text = f"solution {chr(97 + i) * 9}"
    return trees


def test_rollout_numbers_by_hand_and_over_ranks():
    first = tree([[True] * 4, [False] * 4], repeats=[0])
    second, bare = tree([[True, False]]), tree(bare=[True, True])
    trees = answered([first, second, bare], [*"11112223", "4", None, "5", "5"])
    whole = joined_sums([read_rollout(trees, 8)])
    assert whole["distinct_abstractions"] == 1.5  # 2 and 1; the bare problem has none
    assert whole["unique_answers"] == pytest.approx((3 + 2 + 1) / 3)
    assert whole["unique_answers_of_8"] == 3.0  # only one problem has eight solutions
    counts = [Counter("11112223"), Counter("45"), Counter("55")]
    by_hand = [-sum(c / t.total() * math.log(c / t.total()) for c in t.values()) for t in counts]
    assert whole["answer_entropy"] == pytest.approx(np.mean(by_hand))
    assert whole["solution_clusters"] >= whole["correct_clusters"] >= 1
    parts = [read_rollout(trees[:1], 8), read_rollout(trees[1:], 8), read_rollout([], 8)]
    assert joined_sums(parts) == pytest.approx(whole)
    assert joined_sums([read_rollout(trees, 0)])["solution_clusters"] is None


@pytest.fixture
def instruments(monkeypatch):
    """Those of a pair on one rank, without its models: what they say of texts."""
    run = load_config(None, ["instruments.rank_every=0"])
    learners = {role: SimpleNamespace(policy=SimpleNamespace(tokenizer=None)) for role in playing(run)}
    monkeypatch.setattr(zero3, "world_size", lambda: 1)
    monkeypatch.setattr(zero3, "to_first", lambda value: [value])
    return Instruments(run, playing(run), learners, None, world=False)


def test_trees_are_read_beside_the_update(instruments, monkeypatch):
    trees = answered([tree([[True] * 4, [False] * 4]), tree(bare=[True, False])], [*"11112223", "4", None])
    expected = joined_sums([read_rollout(trees, 8)])
    begun, threads = threading.Event(), []

    def seen(*given):
        threads.append(threading.current_thread())
        begun.set()
        return read_rollout(*given)

    monkeypatch.setattr("trainers.metrics.instruments.read_rollout", seen)
    instruments.begin(1, trees)
    assert begun.wait(30)  # nobody has asked for numbers yet
    found = instruments.measure(1, {}, {})
    assert {name: found["rollout"][name] for name in expected} == expected
    assert found["solution"]["formats"]["shares"] and found["abstraction"]["length"]
    assert threads != [threading.current_thread()]
    assert set(instruments.lap()["instruments"]) == {"total", "hidden"} and instruments.lap() == {}


def test_an_error_beside_the_update_ends_the_step_and_unmeasured_steps_read_nothing(instruments, monkeypatch):
    instruments.config.every = 2
    instruments.begin(1, [None])  # would be an error
    assert instruments.measure(1, {}, {}) == {} and instruments.lap() == {}
    instruments.begin(2, [None])
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute"):
        instruments.measure(2, {}, {})


def test_answers_that_are_missing_are_classes_of_their_own():
    (one,) = answered([tree([[True]])], [" 1 / 2 "])
    assert answer_of(one.solutions[0]) == "1 / 2"
    (none,) = answered([tree([[False]])], [None])
    assert answer_of(none.solutions[0]) == "<none>"
    none.solutions[0].completion = completion([1], "length")
    assert answer_of(none.solutions[0]) == "<unfinished>"


def test_numbers_are_merged_by_key():
    assert merged_numbers({"a": {"b": 1}}, {"a": {"c": 2}}, {"d": 3}) == {"a": {"b": 1, "c": 2}, "d": 3}


def test_grams_are_mined_where_the_instruments_or_the_credit_ask_for_them():
    assert wanted(load_config(None))
    assert not wanted(load_config(None, ["instruments.planning=false"]))
    assert not wanted(load_config(None, ["instruments.every=0"]))
    assert wanted(load_config(None, ["instruments.every=0", "solution.hicra=0.2"]))
