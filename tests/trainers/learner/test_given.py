"""What a tool has put into a text is read, and nothing of it is learnt, counted or measured."""

import random

import pytest
import searching
import torch
from one_process import OneProcess, pretend_one_rank
from searching import ANSWER, BORN, BORN_REPLY, WRITER, WRITER_REPLY, ids, turns

from rlad.config import MixtureConfig, ModelConfig, PlayerConfig, ProblemsConfig
from rlad.generation import Completion
from rlad.players.policy import tiny_model
from rlad.players.roles import Group, Sample, role_of
from rlad.problems import load_problems, make_world
from rlad.problems.search.world import SearchKeys
from trainers.credit.attempts import attempts
from trainers.credit.planning import planning_counts
from trainers.credit.rows import group_rows, punished
from trainers.credit.whitening import standardised
from trainers.data.demonstrations import Demonstrations
from trainers.data.rows import Row
from trainers.learner.batches import collate
from trainers.learner.records import TokenRecord
from trainers.learner.sft import supervised_step
from trainers.methods.sft_phase import demonstration_rows

CPU = torch.device("cpu")
TEXT = Completion((5, 6, 7, 8, 9), (-1.0, -3.0, 0.0, 0.0, -2.0), "stop", 0, given=((2, 4),))
ROWS = [Row((3, 4), TEXT.token_ids, 1.0, given=TEXT.given), Row((3,), (6, 7, 8), -1.0)]


def test_given_tokens_are_in_the_text_and_not_on_its_mask():
    rows = [*ROWS, Row((3, 4), TEXT.token_ids, 1.0, given=TEXT.given, distillation=0.6, sampler_logprobs=(-1.0,) * 5)]
    batch = collate(rows, [0, 1, 2, -1], 0, CPU)
    assert batch.mask.tolist() == [[1, 1, 0, 0, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 1], [0] * 5]
    assert batch.completion[0].tolist() == [5, 6, 7, 8, 9] and batch.attention_mask[0].tolist() == [1] * 7
    assert batch.advantage[0].tolist() == [1, 1, 0, 0, 1]
    assert batch.distillation[2].tolist() == pytest.approx([0.2, 0.2, 0, 0, 0.2])  # over three tokens
    assert batch.sampler_logprobs[2].tolist() == [-1, -1, 0, 0, -1]


def test_what_an_update_keeps_of_a_text_is_its_players_own():
    record, values = TokenRecord(), torch.arange(10.0).reshape(2, 5)
    record.add(collate(ROWS, [0, 1], 0, CPU), values, values)
    assert record.tokens == [(5, 6, 9), (6, 7, 8)]
    assert [own.tolist() for own in record.entropy] == [[0, 1, 4], [5, 6, 7]]


def test_a_demonstrations_loss_is_on_what_its_player_writes(monkeypatch):
    pretend_one_rank(monkeypatch)
    torch.manual_seed(0)
    tiny = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16, max_positions=32)
    model = tiny_model(tiny, 20, 1, 0)
    count, losses = supervised_step(OneProcess(model), ROWS, 0, 2, CPU)
    logits = model(input_ids=torch.tensor([[3, 4, 5, 6, 7, 8, 9]])).logits[0].log_softmax(-1)
    expected = -(logits[1, 5] + logits[2, 6] + logits[5, 9]).item()
    assert count == 6 and losses[0] == pytest.approx(expected, abs=1e-5)


def test_credit_counts_own_tokens():
    sample = Sample([1], TEXT, reward=1.0)
    (row,) = group_rows(Group([sample], compared=False), PlayerConfig(), False)
    assert row.given == TEXT.given and row.length == TEXT.generated == 3
    assert attempts([sample], [1.0]).mean_logp == [-2.0]
    assert punished([sample], PlayerConfig(max_new_tokens=4, overlong=2)) == [0.5]  # 3 tokens of 4, not 5
    grams = type("All", (), {"mask": lambda _, tokens: (True,) * len(tokens)})()
    assert planning_counts([row], grams) == (3.0, 3.0)


def test_a_steps_deviation_is_over_own_tokens(monkeypatch):
    pretend_one_rank(monkeypatch)
    shared, own = standardised(ROWS, "tokens", True, CPU)
    assert (shared.advantage, own.advantage) == (1.0, -1.0)  # three tokens on either side
    values = Row((3,), (5, 6, 7), token_advantages=(1.0, 99.0, -1.0), given=((1, 2),))
    (row,) = standardised([values], "tokens", True, CPU)
    assert (row.token_advantages[0], row.token_advantages[2]) == (1.0, -1.0)


def test_demonstrations_say_what_their_tool_has_said():
    small = SearchKeys(people=30, works=20, cities=12, countries=4)
    config = ProblemsConfig(source="search", train=30, methods={"search": small})
    world, problems = make_world(config), load_problems(config, "train")
    data = Demonstrations(problems, world, searching.PROMPTS, MixtureConfig(plain=1, propose=1, guided=1))
    rng, seen = random.Random(0), 0
    for _ in range(60):
        task, row = data.draw(rng)
        said = [searching.TOKENIZER.decode(list(row.completion[a:b])) for a, b in row.given]
        text = searching.TOKENIZER.decode(list(row.completion))
        assert "".join(said).count("\\result") == text.count("\\result") == text.count("\\endsearch")
        assert all(own.startswith("\\result") and own.endswith("\\endresult") for own in said)
        seen += bool(said)
        assert bool(said) == (task != "propose")
    assert seen > 20


def test_phases_of_supervised_steps_leave_given_tokens_out_too():
    solution = f"{WRITER} {WRITER_REPLY} {BORN} {BORN_REPLY} {ANSWER}"
    problem = type("Asked", (), {"question": "when was red river born ?"})()
    rows = demonstration_rows(role_of("solution"), problem, [("writer", solution)], searching.PROMPTS, turns())
    assert len(rows) == 2 and all(row.given == turns().given(ids(solution)) and len(row.given) == 2 for row in rows)
