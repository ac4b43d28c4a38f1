"""This build beside another: what is started where, and what is refused before it."""

import json
from types import SimpleNamespace

import pytest

from evals.benchmarks.steps import builds
from rlad.cli import PlainError


@pytest.fixture
def other(tmp_path):
    """A folder that looks like a checkout, beside a model."""
    for path in ("other/trainers/launching/__main__.py", "other/configs/demo.yaml", "base/config.json"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("")
    return tmp_path


def test_each_build_trains_its_own_configuration_in_its_own_folder(other, monkeypatch):
    started = []

    class Program(SimpleNamespace):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def trainer(folder, words, where, config):
        folder.mkdir()
        started.append((words, where, config))
        tokens = 100 * len(started)  # the other's steps have twice the tokens of this one's
        (folder / "lines").write_text("".join(json.dumps({"tokens_generated": tokens + n}) + "\n" for n in range(5)))
        return Program(lines=folder / "lines", steps=[{"seconds": 1.0, "cpu": 3.0}] * 2)

    monkeypatch.setattr(builds, "trainer", trainer)
    monkeypatch.setattr(builds, "alternate", lambda programs, warm, turns: None)
    told = builds.bench(
        builds.Keys(other=str(other / "other"), base=str(other / "base"), words=["lora.rank=4"], warm=2, turns=2)
    )
    assert [where for _, where, _ in started] == [builds.THIS, other / "other"]
    assert [config for _, _, config in started] == [where / "configs" / "demo.yaml" for _, where, _ in started]
    assert started[0][0] == started[1][0] and {f"base.path={other / 'base'}", "lora.rank=4"} <= set(started[0][0])
    assert told["tokens"] == {"this": [103, 104], "other": [203, 204]}
    assert told["ratio"] == pytest.approx(1.97, abs=0.01) and told["step"]["ratio"] == 1.0


def test_what_is_not_there_is_refused(other):
    given = {"other": str(other / "other"), "base": str(other / "base")}
    for changed, sentence in (
        ({"other": ""}, "There is no build in ''"),
        ({"base": str(other)}, "There is no model in"),
        ({"config": "configs/no.yaml"}, "has no 'configs/no.yaml'"),
    ):
        with pytest.raises(PlainError, match=sentence):
            builds.bench(builds.Keys(**given | changed))


@pytest.mark.parametrize("pair", ["demo", "smollm2"])
def test_the_page_says_what_was_measured(pair):
    names = ("performance.md", f"results/builds-{pair}.json")
    page, kept = ((builds.THIS / "docs" / name).read_text() for name in names)
    found = json.loads(kept)
    assert f"**{found['cpu']['ratio']:.2f}** ({found['cpu']['low']:.2f} to {found['cpu']['high']:.2f})" in page
    if pair == "demo":  # whose two builds draw the same
        assert found["tokens"]["this"] == found["tokens"]["other"]
        assert f"by the clock {found['ratio']:.2f} ({found['low']:.2f} to {found['high']:.2f})" in page
