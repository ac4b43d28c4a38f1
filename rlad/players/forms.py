"""Whether a run's models have the form that it wants, found before their weights are read."""

from __future__ import annotations

from rlad.config import RunConfig
from rlad.config.rules import model_config
from rlad.players.roles import playing


def check_forms(config: RunConfig) -> None:
    """Raises ConfigError for an architecture that transformers does not have, for a tokenizer with more tokens than its
    model has embeddings, and for adapters on layers that the model lacks.

    A model is built without its numbers (torch is imported for it). Those that are not here yet, and those that bring
    code of their own, are asked when they are loaded.
    """
    models = {one.path: one for role in playing(config) for one in [config.players[role].model or config.base]}
    for model in models.values():
        if model.path is None and not config.lora.rank:
            continue
        if model.path is not None and (model.trust_remote_code or model_config(model.path) is None):
            continue
        from rlad.players.adapters import require_targets
        from rlad.players.policy import format_tokens, load_tokenizer, require_embeddings, skeleton

        tokenizer = load_tokenizer(model, config.problems, format_tokens(config))
        form = skeleton(model, tokenizer)
        require_embeddings(model, form, tokenizer)
        if config.lora.rank:
            require_targets(form, config.lora.targets)
