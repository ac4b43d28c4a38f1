"""The kept trees: a file that is damaged in whatever way is refused, not measured without what is missing."""

import json
from dataclasses import replace

import pytest

from evals.samples.trees import Condition, Sampled, Samples
from rlad.cli import PlainError
from rlad.problems import Problem

CONDITION = Condition("warmstart", "base", "plain", 1.0, "test", ())


@pytest.fixture
def kept(tmp_path):
    """The lines of four problems' samples, and where they stand."""
    path = tmp_path / "sweep_trees.jsonl"
    sampled = Sampled({"test": [Problem(f"p{i}", f"{i}?", str(i)) for i in range(4)]})
    one = Samples(["1"], [1], [-0.5], ["correct"], [0])
    sampled.conditions = {CONDITION: [one] * 4, replace(CONDITION, label="few"): [one] * 2}
    sampled.write(path)
    return path, path.read_text().splitlines()


def test_what_was_written_is_read_also_from_files_that_do_not_say_how_much_it_is(kept):
    path, lines = kept
    assert [len(records) for records in Sampled.read(path).conditions.values()] == [4, 2]
    bare = [{k: v for k, v in json.loads(line).items() if k not in ("number", "of")} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in bare))
    assert len(Sampled.read(path).problems["test"]) == 4


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda lines: [], "it is empty"),
        (lambda lines: lines[:3], "it has 3 of 4 test problems"),
        (lambda lines: lines[:1] + lines[2:], "line 2 cannot be read"),
        (lambda lines: [*lines[:3], lines[3][:40]], "line 4 cannot be read"),
        (lambda lines: [*lines, '{"x": 1}'], "line 5 cannot be read"),
        (lambda lines: [*lines, "[]"], "line 5 cannot be read"),
        (lambda lines: ["\udc89\udcff", *lines], "line 1 cannot be read"),
    ],
)
def test_damage_is_one_sentence(kept, damage, words):
    path, lines = kept
    path.write_text("".join(f"{line}\n" for line in damage(lines)), errors="surrogateescape")
    with pytest.raises(PlainError, match=f"is damaged: {words}; take it from a copy or sweep anew"):
        Sampled.read(path)


def test_a_gap_in_a_condition_is_damage_in_files_of_before_too(kept):
    path, lines = kept
    bare = [{k: v for k, v in json.loads(line).items() if k not in ("number", "of")} for line in lines]
    bare[1]["trees"] = bare[1]["trees"][1:]
    path.write_text("".join(json.dumps(line) + "\n" for line in bare))
    with pytest.raises(PlainError, match="line 3 cannot be read"):
        Sampled.read(path)
