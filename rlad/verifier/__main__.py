"""``python -m rlad.verifier``, which ``./launch.sh verify`` calls."""

import sys

from rlad.verifier.cli import main

if __name__ == "__main__":
    sys.exit(main())
