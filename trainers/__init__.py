"""Training: the warm start, the co-training loop, and a room for each thing they are made of.

from trainers import train, warmstart

From below: losses (per-token, pure), rewards (what was earned), runtime (DeepSpeed) and launching (ranks, run folders);
data (problems, rows) and distill; credit (advantages) and learner (one player's update); methods (what is optional) and
metrics. cotrain.py is the loop over them all, warmstart.py comes before it, curriculum.py and export.py are commands.
"""


def warmstart(config: str, *overrides: str) -> str:
    """Warm-starts the players of a YAML file with `key=value` changes; returns the run's folder. See `train`."""
    return _launched("warmstart", config, overrides)


def train(config: str, *overrides: str) -> str:
    """Co-trains the players of a YAML file (or of a run's folder) with `key=value` changes; returns the run's folder.

    Starts the ranks as `./launch.sh train` does and waits for them. Raises ConfigError, ProblemError or PlainError for
    what cannot be run, RuntimeError when a rank fails.
    """
    return _launched("train", config, overrides)


def _launched(verb: str, config: str, overrides: tuple[str, ...]) -> str:
    # Loaded here: whoever imports one room of this package needs not all of them.
    from rlad.config import load_config
    from trainers.launching.command import main
    from trainers.launching.folder import config_path, run_folder

    if code := main([verb, str(config), *overrides]):
        raise RuntimeError(
            f"The {verb} run ended with exit code {code}; its last words are above, its logs in the run."
        )
    return str(run_folder(load_config(config_path(str(config)), overrides)))
