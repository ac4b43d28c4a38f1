"""Makes a pair of untrained players of any size, for measurements to which it doesn't matter what they say.

python -m evals.benchmarks.harness.random_pair FOLDER base.hidden_size=768 base.layers=16 base.intermediate_size=2048
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rlad.cli import main_guard
from rlad.config import ROLES, load_config, save_config
from rlad.players.policy import make_policy


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="configuration, the models' size for one")
    arguments = parser.parse_args(words)
    config = load_config(None, arguments.overrides)
    for role in ROLES:
        policy = make_policy(role, config.base, config, arguments.folder / "export" / role)
        policy.export()
    save_config(config, arguments.folder / "config.yaml")
    print(f"{sum(p.numel() for p in policy.model.parameters()) / 1e6:.1f} million parameters each")
    return 0


if __name__ == "__main__":
    main_guard(main)
