"""What `gpu.py` runs: its stages, and the program of those that hold a model themselves."""
