"""``python -m rlad.reasoning.leaks``, which ``./launch.sh leaks`` calls."""

from rlad.cli import main_guard
from rlad.reasoning.leaks.cli import main

if __name__ == "__main__":
    main_guard(main)
