"""Committed measurements, one file each: `python -m evals.benchmarks`, which `./launch.sh bench` calls.

A benchmark's file has a dataclass `Keys`, what may be changed about it, and `bench(keys)`, which returns what becomes
one JSON object.
"""
