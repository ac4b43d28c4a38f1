"""Committed measurements, one file each: `python -m evals.benchmarks`, which `./launch.sh bench` calls.

A benchmark's file has a dataclass `Keys`, what may be changed about it, and `bench(keys)`, which returns what becomes
one JSON object. Rooms by what is measured: steps (of training), memory, rollouts, gateway, verifier, analysis (what
evals says of runs); `gpu.py` runs what a machine with GPUs can do, with the stages in device. All are made with what
harness holds. A new one is a file in its room and a line in `__main__.py`.
"""
