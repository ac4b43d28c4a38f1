"""Arms × seeds under one token budget: `python -m evals.compare CONFIG`."""
