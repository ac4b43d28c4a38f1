"""Model cards: the run's own numbers, its configuration, the base's license; and a hub that is a stub."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from rlad.card import license_of, main, write_cards
from rlad.cli import PlainError
from rlad.config import load_config, save_config


def share(value, low, high, name="accuracy", interval="ci95"):
    return {name: value, interval: [low, high]}


def cell(checkpoint, n, m, tokens, covered, selected):
    sizes = {"checkpoint": checkpoint, "n": n, "m": m, "tokens_per_problem": tokens, "select": "majority"}
    return sizes | share(*covered, "pass_at_k", "pass_ci95") | share(*selected)


SWEEP = {
    "meta": {"problems": 1000},
    "triple": {
        "cotrained": share(0.212, 0.199, 0.225, "without", "without_ci95")
        | share(0.236, 0.222, 0.252, "with_mean", "with_mean_ci95")
        | share(0.69, 0.661, 0.718, "with_best", "with_best_ci95")
    },
    "cells": [
        cell("pretrained", 0, 8.0, 421.0, (0.05, 0.0, 0.1), (0.03, 0.0, 0.06)) | {"problems": 26},
        cell("cotrained", 4, 1, 133.0, (0.53, 0.5, 0.56), (0.23, 0.2, 0.25)),
        cell("cotrained", 12, 1, 421.0, (0.862, 0.84, 0.883), (0.224, 0.202, 0.247)),
        cell("cotrained", 0, 15.5, 421.0, (0.793, 0.769, 0.817), (0.266, 0.242, 0.294)),
        cell("cotrained", 0, 15.5, 421.0, (0.819, 0.797, 0.841), (0.272, 0.25, 0.3)),
    ],
}


class Stub:
    """A hub that keeps what it is sent."""

    def __init__(self):
        self.made, self.sent = [], []

    def create_repo(self, repo_id, *, private, exist_ok):
        assert exist_ok
        self.made.append((repo_id, private))

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        assert (Path(folder_path) / "README.md").is_file()
        self.sent.append((repo_id, Path(folder_path).name, commit_message))


def run_folder(folder, *words, swept=True, roles=("abstraction", "solution")):
    for role in roles:
        (folder / "export" / role).mkdir(parents=True)
        (folder / "export" / role / "config.json").write_text("{}")
    folder.mkdir(exist_ok=True)
    save_config(load_config(None, ["name=mine", *words]), folder / "config.yaml")
    players = {role: {"reward": 0.25, "entropy": 1.5, "kl": None, "length": 8.0} for role in roles}
    newest = {"step": 150, "tokens_generated_total": 1234567, **players}
    (folder / "metrics.jsonl").write_text(json.dumps(newest) + "\n")
    if swept:
        (folder / "sweep.json").write_text(json.dumps(SWEEP))
    return folder


def parts(path):
    _, head, text = path.read_text().split("---\n", 2)
    return yaml.safe_load(head), text


def test_a_card_says_what_was_measured(tmp_path):
    folder = run_folder(tmp_path)
    written = write_cards(load_config(folder / "config.yaml"), folder)
    assert set(written) == {"abstraction", "solution"}
    head, text = parts(written["abstraction"] / "README.md")
    assert head["library_name"] == "transformers" and "abstraction" in head["tags"]
    assert "base_model" not in head and "license" not in head  # made from scratch
    assert "| this pair | 21.2 % (19.9 to 22.5) | 23.6 % (22.2 to 25.2) | 69.0 % (66.1 to 71.8) |" in text
    assert "On 1000 held-out problems (pretrained model: 26), 95 %" in text and "(majority)" in text
    assert "| this pair, abstractions | 12 x 1 | 421 | 86.2 % (84.0 to 88.3) |" in text
    assert "plain | 421 | 81.9 % (79.7 to 84.1) |" in text  # at the temperature that covers most
    assert (
        "| generated tokens, both players | 1,234,567 |" in text
        and "| reward | 0.25 |" in text
        and "kl" not in [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    )
    digest = hashlib.sha256((folder / "config.yaml").read_bytes()).hexdigest()[:16]
    assert f"`{digest}...`" in text and "name: mine" in text
    assert '"<propose> {question} <sep>"' in text and "<guided>" not in text
    assert "<guided> {question}" in parts(written["solution"] / "README.md")[1]


def test_a_pretrained_base_is_named_with_its_license(tmp_path):
    folder = run_folder(tmp_path, "base.path=Qwen/Qwen3-0.6B", "lora.rank=8", swept=False)
    head, text = parts(write_cards(load_config(folder / "config.yaml"), folder)["solution"] / "README.md")
    assert (head["base_model"], head["license"]) == ("Qwen/Qwen3-0.6B", "apache-2.0")
    assert "`Qwen/Qwen3-0.6B`, adapters of rank 8 merged" in text and "Not swept yet" in text
    assert "put your final answer within" in text  # as a chat model is asked
    assert "enable_thinking" not in text
    save_config(load_config(None, ["base.path=Qwen/Qwen3-0.6B", "solution.thinking=false"]), folder / "config.yaml")
    text = write_cards(load_config(folder / "config.yaml"), folder)["solution"] / "README.md"
    assert "The chat template is told enable_thinking=false in all of them." in text.read_text()


def test_steering_vectors_are_told_as_biases(tmp_path):
    folder = run_folder(tmp_path, "steering.layers=all", swept=False)
    text = write_cards(load_config(folder / "config.yaml"), folder)["solution"] / "README.md"
    assert "made from scratch, steering vectors merged into its biases;" in text.read_text()


def test_a_base_s_own_card_says_its_license_best(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# A model\n")
    assert license_of(str(tmp_path)) == "mit"
    (tmp_path / "README.md").write_text("# A model\n")
    assert license_of(str(tmp_path)) is None


def test_players_are_pushed_to_a_repository_each(tmp_path, capsys):
    hub, folder = Stub(), run_folder(tmp_path)
    main([str(folder), "--push", "me/pair"], hub)
    assert hub.made == [("me/pair-abstraction", True), ("me/pair-solution", True)]
    assert [sent[:2] for sent in hub.sent] == [("me/pair-abstraction", "abstraction"), ("me/pair-solution", "solution")]
    assert capsys.readouterr().out.splitlines()[-2:] == ["me/pair-abstraction", "me/pair-solution"]
    main([str(folder), "--push", "me/pair", "--public"], hub)
    assert hub.made[-1] == ("me/pair-solution", False)


def test_nothing_is_sent_without_a_name_or_a_player(tmp_path):
    hub = Stub()
    with pytest.raises(PlainError, match="must be OWNER/NAME"):
        main([str(run_folder(tmp_path / "run")), "--push", "pair"], hub)
    with pytest.raises(PlainError, match="no exported player yet"):
        main([str(run_folder(tmp_path / "bare", roles=())), "--push", "me/pair"], hub)
    with pytest.raises(PlainError, match="not the folder of a run"):
        main([str(tmp_path / "nowhere")], hub)
    assert hub.made == hub.sent == []


def test_a_solver_that_learnt_alone_has_the_only_card(tmp_path):
    folder = run_folder(tmp_path, "cotrain.abstractions=0", roles=("solution",))
    assert set(write_cards(load_config(folder / "config.yaml"), folder)) == {"solution"}


def test_folders_of_whoever_trained_are_in_no_card(tmp_path):
    data = tmp_path / "secret" / "train.jsonl"
    folder = run_folder(tmp_path / "run", "problems.source=jsonl", f"problems.path={data}", swept=False)
    write_cards(load_config(folder / "config.yaml"), folder)
    for role in ("abstraction", "solution"):
        card = (tmp_path / "run" / "export" / role / "README.md").read_text()
        assert "secret" not in card and "path: train.jsonl" in card
