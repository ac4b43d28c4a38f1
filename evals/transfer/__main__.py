"""`python -m evals.transfer RUN --solver WHOM`: a run's abstractions given to another solver, at equal tokens."""

from __future__ import annotations

from rlad.cli import Parser, command_line, main_guard, open_run


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="transfer", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="the run whose abstractions are given: its folder, or its configuration")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--solver", required=True, help="the folder of a run or a model, or a server's http:// address")
    parser.add_argument("--name", help="the results' folder, RUN/transfer/NAME; by default named after the solver")
    parser.add_argument("--rescore", action="store_true", help="measure the samples of the last time, sampling nothing")
    given = parser.parse_intermixed_args(words)
    run, folder = open_run(given.run, given.overrides)
    # torch is loaded where a model is
    from evals.transfer.study import transfer
    from evals.transfer.table import print_transfer

    typed = command_line(
        "transfer", given.run, *given.overrides, solver=given.solver, name=given.name, rescore=given.rescore
    )
    print_transfer(transfer(run, folder, given.solver, given.name, given.rescore, typed))


if __name__ == "__main__":
    main_guard(main)
