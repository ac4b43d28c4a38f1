"""Strategic grams: mined as counted by hand, found in tokens where the tokenizer's own offsets put them."""

import random
import re

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from rlad.config import load_config
from rlad.entropy import StrategicGrams, mine
from rlad.entropy.embedders import local_model
from rlad.entropy.shares import shares_entropy
from rlad.players.tokenizer import world_tokenizer
from rlad.problems import load_problems, make_world

PROSE = [
    "Let us consider the parity of n. Since 12 is even, the sum is even too.",
    "First, let us consider the cases 1, 2 and 3. On the other hand, 4+5=9.",
    "On the other hand let us CONSIDER the parity; then \\frac{1}{2} is left.",
    "We add 3 and 4 to get 7. The naïve café answer – so the final answer is \\boxed{7}.",
]


def trained(pre_tokenizer, decoder, **options):
    core = Tokenizer(models.BPE(unk_token=options.pop("unk_token", None)))
    core.pre_tokenizer, core.decoder = pre_tokenizer, decoder
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=["<|end|>"], show_progress=False, **options)
    core.train_from_iterator(PROSE, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|end|>", pad_token="<|end|>")


@pytest.fixture(scope="module")
def tokenizers():
    return {
        "bytes": trained(
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            decoders.ByteLevel(),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
        "metaspace": trained(pre_tokenizers.Metaspace(prepend_scheme="never"), decoders.Metaspace()),
    }


def by_offsets(tokenizer, text, phrase):
    """The mask another way: the tokenizer's character offsets against a regular expression's matches."""
    words = [r"\d+(?:[.,]\d+)*" if word == "#" else re.escape(word) for word in phrase.split()]
    pattern = re.compile(r"(?<![\w])" + r"[^\w.!?\n]+".join(words) + r"(?![\w])", re.IGNORECASE)
    spans = [match.span() for match in pattern.finditer(text)]
    offsets = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
    return tuple(any(start < last and first < end for first, last in spans) for start, end in offsets)


@pytest.mark.parametrize("kind", ["bytes", "metaspace"])
@pytest.mark.parametrize("phrase", ["let us consider", "us consider the cases #", "the naïve café", "to get #"])
def test_mask_is_where_the_tokenizers_offsets_say(tokenizers, kind, phrase):
    tokenizer = tokenizers[kind]
    grams = StrategicGrams({tuple(phrase.split()): 0}, symbols=False, tokenizer=tokenizer)
    hits = 0
    for text in PROSE:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        expected = by_offsets(tokenizer, text, phrase)
        assert grams.mask(ids) == expected
        assert grams.mask([*ids, tokenizer.eos_token_id]) == (*expected, False)
        hits += any(expected)
    assert hits


def test_a_gram_does_not_reach_over_the_end_of_a_sentence():
    grams = StrategicGrams({("is", "even", "too"): 0, ("even", "too", "first"): 1}, symbols=False)
    assert [gram for *_, gram in grams.spans(b"the sum is even too. First,")] == [("is", "even", "too")]


def test_world_tokens():
    tokenizer = world_tokenizer(["*", "+", "=", ";", "mod", *(str(n) for n in range(50)), "\\boxed{", "}"], 64)
    grams = StrategicGrams({("#", "mod", "#"): 0, ("*", "#", "="): 1}, symbols=True, tokenizer=tokenizer)
    ids = tokenizer("<plain> 3 * 4 = 12 ; 12 mod 7 = 5 \\boxed{ 5 }", add_special_tokens=False)["input_ids"]
    assert [int(planned) for planned in grams.mask(ids)] == [0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert dict(grams.counts(ids)) == {("#", "mod", "#"): 1, ("*", "#", "="): 1}
    assert grams.mask([]) == ()


def letter(i):
    return chr(97 + i // 26) + chr(97 + i % 26)


def counted(texts):
    """Phrases of three words and the number of different texts that hold them, on already spaced, lower-case text."""
    held = {}
    for text in set(texts):
        words = text.split()
        for gram in {tuple(words[i : i + 3]) for i in range(len(words) - 2)}:
            held[gram] = held.get(gram, 0) + 1
    return held


def test_mining_keeps_the_clusters_that_most_solutions_use():
    rng = random.Random(0)
    fillers = ["alpha beta gamma", "delta epsilon zeta", "eta theta iota", "kappa lamda mu", "nu xi omicron"]
    texts = [f"start of it {rng.choice(fillers)} own{letter(i)} x{letter(i)}" for i in range(40)]
    texts += [f"start of it try small cases v{letter(i)}" for i in range(30)]
    found = mine(texts, clusters=200, top=1.0, boilerplate=0.9, least=2)
    expected = {gram for gram, number in counted(texts).items() if 2 <= number <= 0.9 * len(set(texts))}
    assert {gram for gram in found.grams if len(gram) == 3} == expected
    assert ("start", "of", "it") not in found.grams  # boilerplate
    top = mine(texts, clusters=200, top=0.2, boilerplate=0.9)
    assert ("try", "small", "cases") in top.grams  # one of 8 phrases in 30 of 70 solutions; 40 others are rarer
    assert len(top) < len(found)
    assert mine(texts, clusters=200, top=0.2).grams == top.grams  # the same every time


def test_repeating_one_solution_does_not_make_it_strategy():
    once = ["we square both sides and simplify"]
    assert len(mine(once * 50)) == 0
    assert len(mine([])) == 0
    assert len(mine(["3 4 5 6", "3 4 5 7"])) == 0  # only numbers


def test_tags_that_most_solutions_end_in_are_no_strategy():
    tokenizer = world_tokenizer(["+", "=", *map(str, range(20))], 64, ["<confidence>", "</confidence>", "0.5"])
    texts = [f"{i} + 1 = {i + 1} <confidence> 0.5 </confidence>" for i in range(8)] + ["1 + 2 = 3", "2 + 2 = 4"]
    found = mine(texts, symbols=True, boilerplate=1.0, top=1.0)
    assert found.grams and not any("confidence" in gram or "<" in gram for gram in found.grams)
    ids = tokenizer(texts[0], add_special_tokens=False)["input_ids"]
    words = dict(zip(texts[0].split(), StrategicGrams(found.grams, True, 0, tokenizer).mask(ids), strict=True))
    assert words["+"] and not words["</confidence>"]


def test_saved_and_loaded(tmp_path, tokenizers):
    made = mine(["on the other hand it is one", "on the other hand it is two"], boilerplate=1.0, clusters=3)
    made.save(tmp_path / "g.json")
    loaded = StrategicGrams.load(tmp_path / "g.json", tokenizers["bytes"])
    assert (loaded.grams, loaded.symbols, loaded.solutions) == (made.grams, False, 2)
    assert len(loaded) > 0
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no strategic grams"):
        StrategicGrams.load(tmp_path / "bad.json")


def test_a_local_sentence_encoder_can_cluster(tmp_path, tokenizers):
    tokenizer = tokenizers["bytes"]
    tokenizer.save_pretrained(tmp_path)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(tmp_path)
    embed = local_model(tmp_path)
    rows = embed(["let us consider", "the other hand", "let us consider"])
    assert rows.shape == (3, 16)
    assert np.allclose((rows**2).sum(1), 1, atol=1e-5)
    assert np.allclose(rows[0], rows[2], atol=1e-5)
    assert len(mine(PROSE, boilerplate=1.0, clusters=4, embed=embed)) > 0


def test_semantic_entropy_check_3_5():
    assert shares_entropy((0.5, 0.25, 0.25)) == pytest.approx(1.0397, abs=1e-4)
    assert shares_entropy(()) == 0.0
    assert shares_entropy((5, 3)) == pytest.approx(0.6616, abs=1e-4)  # check 3.9
    counts = np.array([3.0, 1.0, 7.0, 2.0])
    p = counts / counts.sum()
    assert shares_entropy(counts) == pytest.approx(float(-(p * np.log(p)).sum()))


def test_of_very_long_texts_the_beginnings_are_mined(monkeypatch):
    from rlad.entropy import planning

    texts = [f"we use the same trick again {'x ' * 50} only later on we stop {i}" for i in range(4)]
    assert ("only", "later", "on") in mine(texts, boilerplate=1.0, top=1.0).grams
    monkeypatch.setattr(planning, "MOST_BYTES", 4 * 60)
    assert ("only", "later", "on") not in mine(texts, boilerplate=1.0, top=1.0).grams


def test_share_tells_worlds_whose_texts_are_all_planning():
    """Countdown's solutions are formulas, so nearly all of their words plan and HICRA has nothing to choose."""
    run = load_config(None, ["problems.source=countdown", "problems.train=200"])
    world, rng = make_world(run.problems), random.Random(0)
    texts = [world.solve(p, None, rng) for p in load_problems(run.problems, "train") for _ in range(4)]
    grams = mine(texts, symbols=True)
    assert grams.share(texts) > 0.9
    assert grams.share(["- 3", "7 *"]) == 0
    assert grams.share([]) is grams.share([""]) is None
