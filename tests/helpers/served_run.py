"""A run folder that can be served."""

from adapted import adapted

from rlad.config import RunConfig, load_config, save_config
from rlad.players.adapters import plain_weights
from rlad.players.policy import Policy, make_policy
from trainers.learner.assembly import export_player


def make_run(folder, *words, adapters=False):
    """Two tiny untrained players of the world that the words say: they write nonsense, in the right format.

    adapters: they are adapters of one base, which is there too, far enough from it to write other things.
    """
    config = load_config(None, words)
    config.base.hidden_size, config.base.layers, config.base.intermediate_size = 32, 1, 64
    config.base.heads = config.base.kv_heads = 1  # vLLM on a CPU wants heads of 32 at least
    config.abstraction.max_new_tokens, config.solution.max_new_tokens = 6, 12
    config.lora.rank = 4 if adapters else 0
    for number, role in enumerate(config.players):
        policy = make_policy(role, config.base, config, folder / "export" / role)
        if adapters:
            policy.export(folder / "base")
            _export_adapted(policy, config, number)
        else:
            policy.export()
    save_config(config, folder / "config.yaml")
    return folder


def _export_adapted(policy: Policy, config: RunConfig, seed: int) -> None:
    player = adapted(policy.model, config.lora, seed)
    weights = dict(player.named_parameters())
    export_player(policy, dict(plain_weights(weights.items(), player)), weights, config.lora)
