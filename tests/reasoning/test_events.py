"""One vocabulary: the events' names and fields are those of the page's script and of the documentation's table."""

import doctest
import re
from pathlib import Path

import pytest

from rlad.reasoning import budget, events, scores, text
from rlad.reasoning.events import EVENTS, AbstractionNode, AnswerVotes, Chosen, SolutionNode
from rlad.serving import playground, schema, solving

NAMES = [event.model_fields["type"].default for event in EVENTS]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", [budget, events, scores, text])
def test_worked_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


def script(name):
    return playground.files()[f"/{name}.js"][1].decode()


def test_the_page_handles_every_event_by_its_name():
    handlers = re.findall(r"^  on_(\w+)\(", script("playground"), re.MULTILINE)
    assert handlers == NAMES


@pytest.mark.parametrize("event", EVENTS, ids=NAMES)
def test_the_page_reads_fields_that_the_event_has(event):
    """Handlers take an event apart by its fields' names, and hand it on to methods of the tree under its own name."""
    name, read = event.model_fields["type"].default, []
    for source in (script("playground"), script("tree")):
        for arguments in re.findall(rf"^  (?:on_)?{name}\(\{{([^}}]*)\}}\)", source, re.MULTILINE):
            read += [part.split(":")[0].strip() for part in arguments.split(",")]
    assert set(read) <= set(event.model_fields)
    assert read or name in ("abstraction", "solution", "solution_delta")
    handed_on = re.search(rf"on_{name}\(event\) \{{.*?\n  \}}", script("playground"), re.DOTALL)
    assert handed_on is None or f"tree.{name}(event)" in handed_on[0]


def test_documentation_lists_the_events_and_their_fields():
    page = (ROOT / "docs" / "serving.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", page, re.MULTILINE))
    for event, name in zip(EVENTS, NAMES, strict=True):
        told = set(re.findall(r"`(\w+)`", rows[name]))
        assert set(event.model_fields) - {"type"} <= told, name


def test_nothing_tells_a_tree_in_other_words():
    """Events and the whole tree at the end are made of the same nodes, and the server adds no types of its own."""
    assert issubclass(schema.SolvedAbstraction, AbstractionNode)
    assert schema.SolveResponse.model_fields["bare"].annotation == list[SolutionNode]
    for module in (schema, solving):
        own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        assert not [name for name in own if name.endswith(("Event", "Node", "Usage", "Vote", "Votes"))]
    assert set(AnswerVotes.model_fields) == {"answer", "forms", "weight", "share"}
    assert Chosen.at((-1, 2)) == Chosen(abstraction=None, solution=2) and Chosen.at(None) is None
