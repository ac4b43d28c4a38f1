"""Judging runs: sweeps, estimators, comparisons and reports; reads run folders and knows no trainer.

Commands: sweep, report, compare, features, routing and benchmarks behind `./launch.sh`; pooled, ceiling, novelty, law,
laws and pruning as `python -m evals.NAME RUN`. A sweep draws (drawing, sampling, decoding, joint), keeps (trees,
journal, shards) and measures (measuring and what it imports); charts are made once (series, pictures), tables for the
terminal stand in `*table*.py`. Which file is for what: docs/architecture.md.
"""
