"""A run folder that can be served."""

from rlad.config import RunConfig, save_config
from rlad.players.policy import make_policy


def make_run(folder):
    """Two tiny untrained players of the induction world: they write nonsense, in the right format."""
    config = RunConfig()
    config.base.hidden_size, config.base.layers, config.base.intermediate_size = 32, 1, 64
    config.base.heads = config.base.kv_heads = 1  # vLLM on a CPU wants heads of 32 at least
    config.abstraction.max_new_tokens, config.solution.max_new_tokens = 6, 12
    for role in ("abstraction", "solution"):
        make_policy(role, config.base, config, folder / "export" / role).export()
    save_config(config, folder / "config.yaml")
    return folder
