"""Test sets that people report on: where they are on the hub, and which of their columns hold what."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Benchmark:
    """One test set in the shape of its hub dataset."""

    path: str
    """The dataset's name."""
    split: str = "test"
    subset: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    """Columns (`problems.fields`) that are not called as ours."""


ASKED = {"question": "question"}

BENCHMARKS: dict[str, Benchmark] = {
    "gsm8k": Benchmark("openai/gsm8k", subset="main", fields=ASKED),
    "math500": Benchmark("HuggingFaceH4/MATH-500"),
    "aime24": Benchmark("HuggingFaceH4/aime_2024", "train"),
    "aime25": Benchmark("math-ai/aime25"),
    "amc23": Benchmark("math-ai/amc23", fields=ASKED),
    "olympiadbench": Benchmark(
        "Hothan/OlympiadBench", "train", "OE_TO_maths_en_COMP",
        ASKED | {"answer": "final_answer.0", "solution": "solution.0"},
    ),
}  # fmt: skip
"""By the name that `problems.benchmark` takes. Answers are texts, numbers (`27.0` is 27), worked solutions that end in
`#### 72`, or the only item of a list."""
