"""What the tests of distillation share: problems, and a configuration for a server."""

import json

import pytest
from stub_teacher import PROBLEMS


@pytest.fixture
def configured(tmp_path):
    """Writes the problems and a configuration for a URL; gives its path."""
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS))
    both = "\n".join(json.dumps(row) for row in PROBLEMS[:1])
    (tmp_path / "held.jsonl").write_text(both.replace("Tom", "Ann"))

    def write(url, name="made"):
        model = {"url": url, "price_in": 100.0, "price_out": 200.0}
        paths = {"path": "rows.jsonl", "validation_path": "held.jsonl", "test_path": "held.jsonl"}
        tree = {
            "name": name,
            "runs_dir": str(tmp_path / "runs"),
            "problems": {"source": "jsonl", "train": 0, **{k: str(tmp_path / v) for k, v in paths.items()}},
            "distill": {"teacher": model, "solver": model, "candidates": 3, "most_chars": 200},
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(tree))
        return path

    return write
