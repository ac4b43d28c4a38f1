"""Judging runs: sweeps, estimators, comparisons and reports; reads run folders and knows no trainer.

Commands: sweep, transfer, report, compare, features, routing and benchmarks behind `./launch.sh`; pooled, ceiling,
novelty, law, laws, searching and pruning as `python -m evals.NAME RUN`. Their rooms, from below: statistics (pure),
samples (drawn and kept), cells (what samples say of n x m), spending (ways to spend the same tokens), sweeping (all of
it); tables and charts show it. Which room is for what: docs/architecture.md.
"""
