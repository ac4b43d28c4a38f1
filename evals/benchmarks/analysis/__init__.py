"""What evals says of runs: how often its intervals and detectors are right, what the page of a long run costs."""
