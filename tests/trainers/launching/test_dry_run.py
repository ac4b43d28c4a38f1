"""The arithmetic of --dry-run against numbers worked out by hand or counted on real models."""

import json

import pytest
from chat_tokenizers import chat_tokenizer
from gpt2_here import describe_gpt2

from rlad.config import ConfigError, load_config
from rlad.players.prompts import Prompts
from rlad.players.shapes import KNOWN, adapter_parameters, model_shape, parameters, read_shape
from trainers.launching.command import main
from trainers.launching.dry_run import describe, division
from trainers.launching.memory import (
    EXPORT,
    LONGEST_ROW,
    Player,
    activations,
    adam_step,
    exported_bytes,
    kv_cache,
    logits,
    memory,
    peak_bytes,
    rollout_rows,
    training_state,
)
from trainers.launching.nodes import Placement
from trainers.launching.warm_memory import warm_peak


@pytest.fixture(autouse=True)
def any_processor(monkeypatch):
    """The same sums on every machine."""
    monkeypatch.setattr("trainers.launching.memory.prefers_onednn", lambda: False)


def test_compiled_products_where_onednn_multiplies(monkeypatch):
    run = load_config(None, ["launch.device=cpu"])
    without = memory(run, 2)
    monkeypatch.setattr("trainers.launching.memory.prefers_onednn", lambda: True)
    more = memory(run, 2)
    kept = 64 * 620_000
    assert peak_bytes(more) - peak_bytes(without) == more.pop("compiled matrix products") == kept
    assert more == without
    assert "compiled matrix products" not in memory(load_config(None, ["launch.device=cuda"]), 2)
    warm = warm_peak(run, 2)
    monkeypatch.setattr("trainers.launching.memory.prefers_onednn", lambda: False)
    assert warm - warm_peak(run, 2) == kept
    halves = load_config(None, ["launch.device=cpu", "base.dtype=bfloat16"])  # go to oneDNN on every processor
    assert memory(halves, 2)["compiled matrix products"] == kept


@pytest.mark.parametrize("words", [["engine.kind=vllm"], ["launch.device=cuda"]])  # auto is vLLM on GPUs
def test_vllm_engines_are_not_counted_as_the_ranks_own(words):
    run = load_config(None, ["launch.device=cpu", *words])
    parts = memory(run, 2)
    assert parts["sampling copies"] == parts["rollout: keys and values of a batch"] == 0.0
    assert ("engine.memory_share=0.3 of the GPU" in describe(run, Placement(slots=(2,)))) == ("cuda" in words[0])


@pytest.mark.parametrize("tied", [False, True])
def test_parameters_are_those_of_a_real_model(tied):
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=50, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
        intermediate_size=48, tie_word_embeddings=tied,
    )  # fmt: skip
    assert parameters(read_shape(config.to_dict())) == Qwen3ForCausalLM(config).num_parameters()


def test_tiny_model_of_a_world():
    """The count of the model that is built; its vocabulary also holds a few special tokens."""
    from rlad.players.policy import build_model, load_tokenizer

    config = load_config(None)
    tokenizer = load_tokenizer(config.base, config.problems)
    real = build_model(config.base, tokenizer).num_parameters()
    assert parameters(model_shape(config.base, config)) == pytest.approx(real, rel=0.01)


def test_memory_formulas():
    shape = KNOWN["Qwen/Qwen3-1.7B"]
    assert training_state(10, 2, 4, False, False) == 100  # 4+4+4+8 bytes of fp32 training, on two ranks
    assert training_state(10, 2, 2, False, False) == 80  # 2+2+4+8
    assert training_state(10, 1, 2, True, False) == 20 and training_state(10, 1, 2, True, True) == 0
    assert adam_step(10, 2, False) == 20 and adam_step(10, 2, True) == 0
    assert adam_step(8_000_000_000, 2, False) == 4e9  # a billion at a time
    assert logits(shape, 2, 3, 2) == 2 * 3 * 151_936 * 14  # held whole
    assert logits(shape, 8, 8192, 2) == 3 * 4 * 2**16 * 256 + 2 * 151_936 * 2048  # in pieces: no more for more tokens
    assert logits(shape, 4, 8192, 2) == logits(shape, 8, 8192, 2)
    assert kv_cache(shape, 2, 3, 2) == 2 * 3 * 28 * 2 * 8 * 128 * 2
    inside = 6.2 * 2048 + 3.8 * 2048 + 5.6 * 1024 + 1.65 * 2048 + 4.6 * 6144 + 15 * 24
    assert activations(shape, 1, 5, 2, True) == pytest.approx(5 * 2 * (28 * 2048 + inside + 5 * 2048))
    assert activations(shape, 1, 5, 2, False) == pytest.approx(5 * 2 * (28 * inside + 5 * 2048))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("hidden", "layers", "heads", "kv_heads", "head_size", "intermediate"),
    [
        (64, 2, 4, 2, 16, 192), (128, 3, 4, 1, 32, 256), (96, 2, 8, 2, 16, 384),
        (64, 4, 4, 4, 16, 256), (128, 2, 8, 4, 32, 384), (64, 2, 2, 1, 64, 128),
    ],
)  # fmt: skip
def test_what_a_forward_keeps_is_foretold(
    hidden, layers, heads, kv_heads, head_size, intermediate, dtype, device, monkeypatch
):
    """Bytes that autograd keeps of real models, within a tenth; 4 rows of 48 tokens, some of them padding. On a GPU
    keys and values of grouped queries are repeated behind a mask."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from transformers.integrations import sdpa_attention

    monkeypatch.setattr(sdpa_attention, "use_gqa_in_sdpa", lambda *_: device == "cpu")
    config = Qwen3Config(
        vocab_size=60, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, head_dim=head_size,
        num_key_value_heads=kv_heads, intermediate_size=intermediate, tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config).to(getattr(torch, dtype)).train()
    ids, kept = torch.randint(0, 60, (4, 48)), []
    mask = torch.ones_like(ids)
    mask[0, :3] = 0
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=1)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    sizes = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in kept}
    measured = sum(size for place, size in sizes.items() if place not in own)
    told = activations(read_shape(config.to_dict()), 4, 48, {"float32": 4, "bfloat16": 2}[dtype], False, device)
    assert told == pytest.approx(measured, rel=0.1)


def test_lengths_of_the_data_and_gathered_weights_count():
    run = load_config(None, ["cotrain.share_prompts=false", "cotrain.packing=false"])
    short, long = (memory(run, 1, dict.fromkeys(("abstraction", "solution"), tokens)) for tokens in (20, 60))
    name = "update: activations and logits of a micro-batch"
    shape = model_shape(run.base, run)
    assert long[name] - short[name] == pytest.approx(activations(shape, run.cotrain.micro_batch, 40, 4, False, "cpu"))
    apart = memory(run, 2, dict.fromkeys(("abstraction", "solution"), 20))
    assert apart[name] - short[name] == pytest.approx(4 * parameters(shape))  # with one rank nothing is gathered
    assert "the data's: abstraction 20" in describe(run, Placement(slots=(1,)), {"abstraction": 20, "solution": 20})
    assert "assumed, with prompts" in describe(run, Placement(slots=(1,)))


def test_weights_that_stay_whole_are_held_instead_of_gathered():
    lengths = dict.fromkeys(("abstraction", "solution"), 20)
    apart, whole = (
        memory(load_config(None, [f"zero.persistence_threshold={most}"]), 2, lengths) for most in (0, 1_000_000)
    )
    run = load_config(None, [])
    pair, update = 2 * 4 * parameters(model_shape(run.base, run)), "update: activations and logits of a micro-batch"
    assert whole.pop("weights that stay whole") == pair
    assert apart[update] - whole[update] == pair / 2  # one player is updated at a time
    assert {name: size for name, size in whole.items() if name != update}.items() <= apart.items()
    alone = memory(load_config(None, ["zero.persistence_threshold=1000000"]), 1, lengths)
    assert "weights that stay whole" not in alone


def player(words=(), role="solution", longest=100):
    run = load_config(None, list(words))
    return run, Player.of(run, role, longest)


def test_rows_are_no_longer_than_the_update_makes_them():
    from trainers.learner import layout

    assert LONGEST_ROW == layout.LONGEST


def test_positions_of_a_micro_batch_by_hand():
    """Sequences of 100 tokens of which 48 are written, 4 behind each prompt: 52 + 4 x 48 = 244 positions of a row."""
    shared = ["solution.max_new_tokens=48", "cotrain.micro_batch=8"]
    run, own = player(shared)
    assert own.micro_batch(run, 2) == (8, 2 * 52 + 8 * 48, 244)
    run, own = player([*shared, "cotrain.share_prompts=false"])
    assert own.micro_batch(run, 2) == (8, 800, 100)
    run, own = player([*shared, "cotrain.micro_tokens=1000"])
    assert own.micro_batch(run, 2) == (20, 1000, 244)  # as many rows as the positions need, in whole groups
    run, own = player([*shared, "cotrain.micro_tokens=50"])
    assert own.micro_batch(run, 2)[1] == 244  # one row is in any case
    run, own = player(
        ["solution.max_new_tokens=4000", "base.max_positions=9000", "cotrain.micro_batch=2"], longest=5000
    )
    assert own.micro_batch(run, 2) == (2, 10_000, 5000)  # four of them would make a row too long


def test_a_pair_by_hand():
    """Two players of P float32 parameters on 2 ranks: 20 bytes / 2 each, a copy, a reference and a bucket of 4."""
    run = load_config(None, ["launch.device=cpu"])
    count, parts = parameters(model_shape(run.base, run)), memory(run, 2)
    held = [2 * 20 * count / 2, 2 * 4 * count, 2 * 4 * count, 2 * 4 * count]
    assert list(parts.values())[:4] == held
    assert parts["load: a player before it is partitioned"] == 0  # 4 bytes are less than the share of 20
    assert parts["step: Adam's gradients"] == 4 * count / 2
    assert parts["publish: a bucket of weights"] == 2 * 4 * count  # less than a bucket
    turns = list(parts.values())[4:]
    assert len(turns) == 7 and peak_bytes(parts) == sum(held) + max(turns)
    copied = 2 * 12 * count / 2  # what both have learnt, and Adam's moments, while the next rollout goes on
    assert parts["checkpoint: its copy, and the next rollout"] == copied + parts["rollout: keys and values of a batch"]
    # At the end rank 0 gathers one player whole, bucket by bucket, while the last checkpoint is still being written.
    assert parts[EXPORT] == copied + 4 * count + parts["publish: a bucket of weights"]
    run.cotrain.checkpoint_async, run.cotrain.schedule.lag = False, 3  # it is copied all the same; and the snapshot
    assert memory(run, 2)["checkpoint: its copy, and the next rollout"] == copied + 4 * count
    assert memory(run, 2)[EXPORT] == 4 * count + parts["publish: a bucket of weights"]  # the checkpoint is written
    many = memory(load_config(None, ["launch.device=cpu"]), 64)
    assert many["load: a player before it is partitioned"] == 4 * count - 20 * count / 64


def test_a_player_that_rank_0_writes_is_whole_in_its_machines_memory():
    """On GPUs that is not the rank's own memory; on a CPU it is, of a warm start too."""
    served = load_config(None, ["launch.device=cuda"])
    count = parameters(model_shape(served.base, served))
    assert EXPORT not in memory(served, 2) and exported_bytes(served) == 4 * count
    assert f"a player whole, at the end    {4 * count / 1e9:9.3f} GB" in describe(served, Placement(slots=(2,)))
    short = ["warmstart.batch=2", "warmstart.micro_batch=1", "base.layers=1", "zero.bucket_size=1000000"]
    short += ["base.hidden_size=1024", "base.intermediate_size=8192", "base.max_positions=128"]
    here, there = (load_config(None, [*short, f"launch.device={device}"]) for device in ("cpu", "cuda"))
    count = parameters(model_shape(here.base, here))
    # What it is copied from, a bucket, comes on top of the model, which is as much as Adam's gradients on a GPU.
    assert warm_peak(here, 1) == 20 * count + 4e6 + 4 * count + 4e6 == warm_peak(there, 1) + 4e6


def test_what_grams_are_mined_from_is_a_rollout_too():
    """64 problems x 8 solutions at once, before Adam has moments and before gradients are."""
    run, own = player(["engine.max_batch=512"])
    without = load_config(None, ["instruments.planning=false"])
    keys = kv_cache(own.shape, 512, 100, 4) + 512 * own.shape.vocabulary * 8
    assert own.mined(run, 1) == keys - 2 * 12 * own.count and own.mined(without, 1) == 0
    assert Player.of(run, "abstraction", 100).mined(run, 1) == 0


def test_lagged_solver_is_one_more_copy_of_the_solver():
    plain, lagged = (memory(load_config(None, overrides), 2) for overrides in ([], ["cotrain.schedule.lag=5"]))
    assert lagged["lagged solver"] * 2 == plain["sampling copies"]  # of both players, who are alike
    assert peak_bytes(lagged) - peak_bytes(plain) == lagged["lagged solver"]


def test_memory_of_the_papers_run():
    """Methods: 16 bytes a parameter, 27.5 GB for 1.72e9 on one rank, 3.4 GB for each further copy."""
    overrides = ["base.path=Qwen/Qwen3-1.7B", "base.dtype=bfloat16", "problems.source=hub", "problems.path=x/y"]
    overrides += ["launch.device=cuda", "engine.kind=transformers"]
    parts = memory(load_config(None, overrides), 1)
    states, copies, references, buckets, *turns = parts.values()
    assert states / 1e9 == pytest.approx(2 * 27.5, rel=0.01)
    assert copies == references == pytest.approx(2 * 3.44e9, rel=0.01)
    assert buckets == 2 * 2 * 50_000_000
    assert peak_bytes(parts) == states + copies + references + buckets + max(turns)
    assert memory(load_config(None, overrides), 8)[next(iter(parts))] == pytest.approx(states / 8)


def test_adapters_are_small_and_share_a_reference():
    plain, lora = (memory(load_config(None, words), 2) for words in ([], ["lora.rank=8"]))
    config = load_config(None, ["lora.rank=8"])
    shape = model_shape(config.base, config)
    base, adapter = parameters(shape), adapter_parameters(shape, config.lora)
    states, copies, references, *_ = lora.values()
    assert states == 2 * (4 * base + 20 * adapter) / 2  # two players on two ranks, in fp32
    assert copies == 2 * 4 * (base + adapter)
    assert references == 4 * base == plain["frozen references"] / 2
    served = load_config(None, ["lora.rank=8", "launch.device=cuda", "engine.placement=lora"])
    assert "the base, an adapter per player" in describe(served, Placement(slots=(2,)))


def test_steering_vectors_are_counted_and_share_a_reference():
    config = load_config(None, ["steering.layers=[0,2]"])
    shape = model_shape(config.base, config)
    states, copies, references, *_ = memory(config, 2).values()
    vectors = 2 * shape.hidden
    assert states == 2 * (4 * parameters(shape) + 20 * vectors) / 2  # two players on two ranks, in fp32
    assert copies == 2 * 4 * (parameters(shape) + vectors) and references == 4 * parameters(shape)
    assert "2 of 128 numbers, 256 in all" in describe(config, Placement(slots=(2,)))


def test_solver_alone_needs_one_engine():
    both, alone = (memory(load_config(None, [f"cotrain.abstractions={n}"]), 2) for n in (8, 0))
    assert alone["sampling copies"] == both["sampling copies"] / 2


def test_unknown_model_is_said_to_be_unknown(tmp_path):
    overrides = ["base.path=somebody/something", "problems.source=hub", "problems.path=x/y"]
    text = describe(load_config(None, overrides), Placement(slots=(2,)))
    assert "not known before it is downloaded" in text


def test_shape_comes_from_the_folder_or_the_hub_cache(tmp_path, monkeypatch):
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    text = json.dumps({**sizes, "vocab_size": 100})
    snapshot = tmp_path / "models--some--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(text)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    config = load_config(None, ["base.path=some/model", "problems.source=hub", "problems.path=x/y"])
    shape = model_shape(config.base, config)
    assert (shape.hidden, shape.kv_heads, shape.head_size, shape.tied) == (64, 4, 16, False)


def test_division():
    """16 problems: 2 bare, 14 x 8 x 4 guided; of 7 or 8 problems a rank at most 7 are guided."""
    config = load_config(None)
    assert rollout_rows(config, "abstraction", 2) == 7 * 16
    assert rollout_rows(config, "solution", 2) == 7 * 8 * 4
    assert rollout_rows(load_config(None, ["cotrain.abstractions=0"]), "solution", 2) == 8 * 4
    rows = dict(division(config, Placement(slots=(1, 1))))
    assert rows["ranks"] == "2 on 2 nodes"
    assert rows["warm start, each step"] == "128 sequences = 64 on each rank, 1 micro-batches of at most 64"
    assert rows["with abstractions"] == "14 problems x 8 abstractions x 4 solutions"
    assert rows["a solution is compared"] == "with its abstraction's 4"


def test_a_dry_run_finds_questions_that_do_not_fit_and_tells_of_lengths_and_dropout(tmp_path, capsys):
    rows = [
        {"problem": "What is 3 + 5? " * 40, "answer": 8},
        {"problem": "q", "answer": 1},
        {"problem": "p", "answer": 1},
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    words = ["problems.source=jsonl", f"problems.path={data}", "problems.train=0", "--dry-run"]
    (tmp_path / "config.yaml").write_text("")

    def dry_run(positions: int) -> int:
        base = describe_gpt2(tmp_path / str(positions), positions)
        return main(["train", str(tmp_path / "config.yaml"), f"base.path={base}", *words])

    with pytest.raises(ConfigError, match="line 1 of .*more than the 400 positions of its model"):
        dry_run(400)
    assert dry_run(4000) == 0
    printed, run = capsys.readouterr().out, load_config(None, [])
    assert "attn_pdrop=0.1" in printed
    prompts, longest = Prompts(chat_tokenizer("chatml")), rows[0]["problem"]
    propose = len(prompts.ids("propose", longest)) + run.abstraction.max_new_tokens
    guided = len(prompts.ids("guided", longest, "x")) - 1
    solve = guided + run.abstraction.max_new_tokens + run.solution.max_new_tokens
    assert f"in tokens, the data's: abstraction {propose}, solution {solve}\n" in printed


def test_a_reference_is_only_counted_where_it_is_asked():
    def references(*words):
        return memory(load_config(None, ["base.path=Qwen/Qwen3-0.6B", "launch.device=cpu", *words]), 1)[
            "frozen references"
        ]

    both, silent = references(), ["abstraction.kl_coef=0", "solution.kl_coef=0"]
    assert references(silent[0]) == both / 2 and references(*silent) == 0
    assert references(*silent, "instruments.reference=true") == both
    priced = ("solution.advantage=reinforce_pp", "cotrain.drop_constant_groups=false")  # the KL, in its return
    assert references(*silent, *priced) == both / 2
    assert references(*silent, "cotrain.schedule.lag=2") == both / 2


def test_what_rows_of_an_update_share(tmp_path):
    (tmp_path / "config.json").write_text('{"layer_types": ["full_attention", "sliding_attention"]}')
    assert "share prompts, are packed" in describe(load_config(None), Placement(slots=(1,)))
    run = load_config(None)
    shared = "share prompts, are packed"
    for kind, told in (("flash_attention_2", "end to end, without padding"), ("eager", shared), ("auto", shared)):
        run.base.attention = kind
        assert told in describe(run, Placement(slots=(1,)))
    run.base.attention, run.cotrain.packing = "flash_attention_2", False
    assert "plain: its attention" in describe(run, Placement(slots=(1,)))
    run = load_config(None)
    run.base.path = str(tmp_path)
    assert (
        "plain: its layers have sliding_attention"
        in dict(division(run, Placement(slots=(1,))))["rows of an update, solution"]
    )
    assert dict(division(run, Placement(slots=(1,))))["rows of the warm start"] == "plain, as configured"
    run.warmstart.packing, run.warmstart.micro_tokens = True, 512
    found = dict(division(run, Placement(slots=(1,))))
    assert "plain: its layers have sliding_attention" in found["rows of the warm start"]
    assert "micro-batches of at most 512 positions" in found["warm start, each step"]
    run.cotrain.share_prompts = run.cotrain.packing = False
    assert dict(division(run, Placement(slots=(1,))))["rows of an update, solution"] == "plain, as configured"
