"""The entropy law of a run and what it foretells: `python -m evals.law RUN`."""
