"""report.html: what a run did, in one file that opens anywhere."""

from evals.report.page import render, write_report

__all__ = ["render", "write_report"]
