"""Keys of `steering`, and which architectures have biases that a steering vector can be merged into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlad.config.errors import ConfigError
from rlad.config.registry import key


@dataclass
class SteeringConfig:
    """Co-training of steering vectors (2509.06608): one per layer in the residual stream, beside one frozen base."""

    layers: list[int] | str | None = None
    """Layers that get a vector: all, or a list of their numbers from 0; null = off."""
    site: str = key("auto", one_of=("auto", "mlp", "attention"))
    """Behind which part of a layer its vector is added; auto = behind the MLP, as published, or behind the attention
    where only that can hold a bias."""

    @property
    def active(self) -> bool:
        """Whether players train vectors."""
        return self.layers is not None


@dataclass(frozen=True)
class Site:
    """A linear layer of every block whose output goes into the residual stream as it is: a vector there is its bias."""

    module: str
    """The end of its name."""
    key: str | None = None
    """Of config.json: gives the layer its bias, and `others` theirs; None where it always has one."""
    others: tuple[str, ...] = ()
    """Ends of the names of further layers that `key` gives a bias, zero in an export."""
    native: bool = True
    """Whether vLLM's own class of the architecture reads that bias; else it runs transformers' class."""


_QUERIES = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
_MLP = ("mlp.gate_proj", "mlp.up_proj")
_LLAMA = {
    "mlp": Site("mlp.down_proj", "mlp_bias", _MLP),
    "attention": Site("self_attn.o_proj", "attention_bias", _QUERIES),
}
SITES = {
    "gpt2": {"mlp": Site("mlp.c_proj"), "attention": Site("attn.c_proj")},
    "gpt_neox": {"mlp": Site("mlp.dense_4h_to_h")},
    "llama": _LLAMA,
    "phi": {"mlp": Site("mlp.fc2"), "attention": Site("self_attn.dense")},
    "qwen3": {"attention": Site("self_attn.o_proj", "attention_bias", _QUERIES, native=False)},
    "smollm3": _LLAMA,
}
"""By model type, which sites there are. Left out: architectures without such a bias (qwen2, mistral), and those that
normalise a part's output before the stream (gemma2, olmo2), where a bias is no vector in the stream."""


def site_of(kind: str | None, wanted: str) -> Site:
    """Where an architecture holds its vectors. kind: `model_type` of its config.json; wanted: `steering.site`.

    Raises ConfigError, in a sentence, where it cannot.

    >>> site_of("llama", "auto").key, site_of("qwen3", "auto").key
    ('mlp_bias', 'attention_bias')
    """
    sites = SITES.get(str(kind), {})
    if not sites:
        raise ConfigError(
            f"steering.layers wants layers with a bias to merge vectors into, and a {kind} has none; "
            f"{', '.join(SITES)} have, and lora.rank trains any."
        )
    name = next(iter(sites)) if wanted == "auto" else wanted
    if name not in sites:
        raise ConfigError(
            f"steering.site={wanted} wants a bias there, which a {kind} cannot have; use {next(iter(sites))}."
        )
    return sites[name]


def chosen_layers(config: SteeringConfig, count: int) -> list[int]:
    """The layers that get a vector, of `count`. Raises ConfigError for one that does not exist, or stands twice.

    >>> chosen_layers(SteeringConfig("all"), 3), chosen_layers(SteeringConfig([2, 0]), 3)
    ([0, 1, 2], [0, 2])
    """
    if config.layers is None:
        return []
    if isinstance(config.layers, str):
        if config.layers != "all":
            raise ConfigError(
                f"steering.layers='{config.layers}' is neither all nor a list of numbers, such as [0, 3]."
            )
        return list(range(count))
    if not config.layers:
        raise ConfigError("steering.layers is empty; name at least one layer, or all.")
    for layer in config.layers:
        if not 0 <= layer < count:
            raise ConfigError(f"steering.layers names layer {layer}, but the model has {count}, from 0 to {count - 1}.")
        if config.layers.count(layer) > 1:
            raise ConfigError(f"steering.layers names layer {layer} twice.")
    return sorted(config.layers)


def own_class(config: Mapping[str, Any]) -> bool:
    """Whether vLLM's own class runs a model of this description (config.json): there is no bias that it leaves out.

    >>> own_class({"model_type": "qwen3", "attention_bias": True}), own_class({"model_type": "qwen3"})
    (False, True)
    """
    sites = SITES.get(config.get("model_type"), {}).values()
    return not any(site.key and config.get(site.key) for site in sites if not site.native)
