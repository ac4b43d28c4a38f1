"""Run on two ranks: small runs that raise the alarms, as warnings, and some of them once more as what ends the run;
before them two that look at proposals first, of which one is refused."""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from alarm_runs import GOLDS, RUNS, STOPPED
from transformers import AutoModelForCausalLM, AutoTokenizer
from two_ranks import SMALL

from rlad.cli import PlainError
from rlad.config import load_config, save_config
from rlad.entropy import StrategicGrams
from rlad.players.policy import build_model, load_tokenizer
from trainers.cotrain import cotrain
from trainers.metrics.alarms import AlarmStop
from trainers.metrics.strategic_grams import FILE
from trainers.runtime import zero3


def parrot(model: Path, folder: Path, text: str) -> None:
    """A model that answers every prompt with `text`: each token has one successor, whatever stood before."""
    tokenizer, parrot = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    words = [*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    assert len(set(words)) == len(words), "a token with two successors"
    with torch.no_grad():
        for name, weight in parrot.named_parameters():
            if "norm" not in name:
                weight.zero_()  # no layer adds anything: the newest token alone decides
        embedding, head = parrot.get_input_embeddings().weight, parrot.get_output_embeddings().weight
        embedding[:, 0] = 1.0
        for place, word in enumerate(words):
            head[word, place] = 9.0
            embedding[word] = 0.0
            embedding[word, place + 1] = 1.0
    parrot.config.tie_word_embeddings = False
    parrot.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def prepared(chat: Path, out: Path) -> None:
    """A base that learned nothing; for the runs on files a model that says one thing only, and problems."""
    small = load_config(None, [*SMALL, "base.layers=1"])
    tokenizer = load_tokenizer(small.base, small.problems)
    for part in (build_model(small.base, tokenizer), tokenizer):
        part.save_pretrained(out / "base")
    parrot(chat, out / "parrot", "1729")
    for name, gold in GOLDS.items():
        rows = ({"problem": f"Question {number}?", "answer": gold} for number in range(16))
        (out / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def words_of(name: str, out: Path) -> list[str]:
    words = ["cotrain.steps=1", "cotrain.checkpoint_every=99", "alarms.steps=1", "cotrain.problems=4", *RUNS[name][1]]
    if name in GOLDS:
        words += [f"base.path={out / 'parrot'}", "problems.source=jsonl", f"problems.path={out / f'{name}.jsonl'}"]
        words += ["problems.train=0", "problems.validation=0", "problems.test=0"]
    return words


def one(folder: Path, words: list[str]) -> None:
    run = load_config(None, [*SMALL, *words, f"name={folder.name}"])
    if zero3.rank() == 0:
        folder.mkdir()
        if run.base.path is None:
            (folder / "base").symlink_to(folder.parent / "base")
        save_config(run, folder / "config.yaml")
        StrategicGrams({("+", "#"): 0}, symbols=True).save(folder / FILE)
    dist.barrier()
    print(f"RUN {folder.name}", flush=True)
    try:
        cotrain(run, folder)
    except AlarmStop as stop:
        print(f"STOPPED {stop}", flush=True)
    except PlainError as error:
        print(f"REFUSED {error}", flush=True)


def main(chat: Path, out: Path) -> None:
    if zero3.rank() == 0:
        out.mkdir()
        prepared(chat, out)
    dist.barrier()
    one(out / "cut", [*words_of("leaks", out), "cotrain.check_proposals=3", "abstraction.max_new_tokens=2"])
    one(out / "looked-first", [*words_of("speechless", out), "cotrain.check_proposals=40"])
    for name, (alarms, _) in RUNS.items():
        one(out / name, [*words_of(name, out), "alarms.stop=[]"])
        for alarm in sorted(set(alarms) & set(STOPPED)):
            one(out / f"{name}-{alarm}", [*words_of(name, out), f"alarms.stop=[{alarm}]"])


if __name__ == "__main__":
    zero3.start(load_config(None).launch)
    main(*map(Path, sys.argv[-2:]))
