"""Which tokens of a chain of reasoning and of an abstraction a model needs (2601.03066): `python -m evals.pruning RUN`.

`deletion`, `categories` and `retention` are pure; `chains` and `notes` score with a run's players; `students` has small
models trained on what is left.
"""
