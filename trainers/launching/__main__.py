"""`python -m trainers.launching warmstart|train CONFIG`, which `./launch.sh` calls."""

from rlad.cli import main_guard
from trainers.launching.command import main

if __name__ == "__main__":
    main_guard(main)
