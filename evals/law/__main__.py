"""`python -m evals.law RUN`: fits the entropy law on the first part of a run and says how well it foretells the rest.

Needs nothing but metrics.jsonl.
"""

from __future__ import annotations

import json

from evals.law.study import ENTROPIES, FIT, points_of, read_metrics, study
from evals.law.words import law_in_words
from evals.runs import ROLES, column
from rlad.cli import Parser, PlainError, main_guard


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.law", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="run folder, or a metrics.jsonl")
    parser.add_argument("--role", choices=ROLES, help="one player (default: every player the run has)")
    parser.add_argument("--condition", choices=tuple(ENTROPIES), default="guided", help="with or without abstractions")
    parser.add_argument("--reward", metavar="KEY", help="dotted key of metrics.jsonl, e.g. rollout.coverage")
    parser.add_argument("--fit", type=float, default=FIT, metavar="SHARE", help=f"fitted first part (default {FIT})")
    parser.add_argument("--json", action="store_true", help="print JSON instead of words")
    given = parser.parse_args(words)
    if not 0 < given.fit < 1:
        raise PlainError(f"--fit {given.fit} must be between 0 and 1.")
    metrics = read_metrics(given.run)
    roles = [given.role] if given.role else [role for role in ROLES if any(column(metrics, role, "entropy"))]
    if not given.role and given.condition == "bare":
        roles = ["solution"]
    results = [
        study(metrics, points_of(metrics, role, given.condition, given.reward), given.fit)
        for role in roles or ["solution"]
    ]
    if given.json:
        print(json.dumps([result.as_json() for result in results], indent=1, allow_nan=False))
    else:
        print("\n\n".join(law_in_words(result) for result in results))


if __name__ == "__main__":
    main_guard(main)
