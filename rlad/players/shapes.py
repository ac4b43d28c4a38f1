"""The sizes of a model without the model: of its folder, the local hub cache, the configuration, or a table."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config import LoraConfig, ModelConfig, RunConfig, SteeringConfig
from rlad.config.rules import model_config
from rlad.config.steering import chosen_layers
from rlad.problems import make_world


@dataclass(frozen=True)
class ModelShape:
    """The sizes of a decoder with grouped-query attention and a gated MLP (Qwen3, Llama and their kin)."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    tied: bool


KNOWN = {
    "Qwen/Qwen3-0.6B": ModelShape(1024, 28, 16, 8, 128, 3072, 151_936, True),
    "Qwen/Qwen3-1.7B": ModelShape(2048, 28, 16, 8, 128, 6144, 151_936, True),
    "Qwen/Qwen3-4B": ModelShape(2560, 36, 32, 8, 128, 9728, 151_936, True),
    "Qwen/Qwen3-8B": ModelShape(4096, 36, 32, 8, 128, 12_288, 151_936, False),
    "Qwen/Qwen3-14B": ModelShape(5120, 40, 40, 8, 128, 17_408, 151_936, False),
    "Qwen/Qwen3-32B": ModelShape(5120, 64, 64, 8, 128, 25_600, 151_936, False),
    "meta-llama/Llama-3.2-1B-Instruct": ModelShape(2048, 16, 32, 8, 64, 8192, 128_256, True),
    "meta-llama/Llama-3.2-3B-Instruct": ModelShape(3072, 28, 24, 8, 128, 8192, 128_256, True),
}
"""Shapes of models that may not have been downloaded yet."""


def weights(shape: ModelShape) -> list[tuple[int, int]]:
    """(how many, numbers in each) of the weights of a model of this shape, without biases; query and key norms counted.

    >>> weights(ModelShape(4, layers=2, heads=2, kv_heads=1, head_size=2, intermediate=8, vocabulary=10, tied=True))
    [(4, 16), (4, 8), (6, 32), (4, 4), (4, 2), (1, 4), (1, 40)]
    """
    queries, keys = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    return [
        (2 * shape.layers, shape.hidden * queries),
        (2 * shape.layers, shape.hidden * keys),
        (3 * shape.layers, shape.hidden * shape.intermediate),
        (2 * shape.layers, shape.hidden),
        (2 * shape.layers, shape.head_size),
        (1, shape.hidden),
        (1 if shape.tied else 2, shape.vocabulary * shape.hidden),
    ]


def parameters(shape: ModelShape, largest: int | None = None) -> int:
    """How many parameters a model of this shape has, in weights of at most `largest` numbers (None = in all).

    >>> round(parameters(KNOWN["Qwen/Qwen3-1.7B"]) / 1e9, 3), round(parameters(KNOWN["Qwen/Qwen3-0.6B"]) / 1e9, 3)
    (1.721, 0.596)
    >>> parameters(KNOWN["Qwen/Qwen3-0.6B"], 10_000)    # norms: 28 layers x (2 x 1024 + 2 x 128), and the last one
    65536
    """
    return sum(many * size for many, size in weights(shape) if largest is None or size <= largest)


def forward_flops(shape: ModelShape, context: float) -> float:
    """Floating-point operations of one token's forward pass whose query sees `context` keys.

    Two for each weight of a matrix product (the output head is one, the input embedding is none) and four for each
    number of a query and key: q k and the weighted sum of v. A training step has three times as many: PaLM's 6 N +
    12 L H Q T (2204.02311, appendix B).

    >>> shape = ModelShape(4, layers=1, heads=2, kv_heads=1, head_size=2, intermediate=8, vocabulary=10, tied=True)
    >>> forward_flops(shape, 0)      # 2 x (q 16 + k and v 8 + 8 + o 16 + gate, up, down 3 x 32 + head 40)
    368.0
    >>> forward_flops(shape, 100)    # + 4 x 1 layer x 4 x 100
    1968.0
    """
    attention = 2 * shape.hidden * shape.head_size * (shape.heads + shape.kv_heads)
    weights = shape.layers * (attention + 3 * shape.hidden * shape.intermediate) + shape.vocabulary * shape.hidden
    return 2.0 * weights + 4.0 * shape.layers * shape.heads * shape.head_size * context


def adapter_parameters(shape: ModelShape, lora: LoraConfig) -> int:
    """How many parameters one player's adapter has: rank x (inputs + outputs) for each target layer.

    >>> adapter_parameters(KNOWN["Qwen/Qwen3-1.7B"], LoraConfig(rank=16, targets=["q_proj"]))  # 28 x 16 x (2048 + 2048)
    1835008
    """
    queries, keys = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    sizes = {
        "q_proj": shape.hidden + queries,
        "k_proj": shape.hidden + keys,
        "v_proj": shape.hidden + keys,
        "o_proj": queries + shape.hidden,
        "gate_proj": shape.hidden + shape.intermediate,
        "up_proj": shape.hidden + shape.intermediate,
        "down_proj": shape.intermediate + shape.hidden,
    }
    return shape.layers * lora.rank * sum(sizes.get(target, 0) for target in lora.targets)


def vector_parameters(shape: ModelShape, steering: SteeringConfig) -> int:
    """How many parameters one player's steering vectors have: one of the stream's width for each chosen layer.

    >>> vector_parameters(KNOWN["Qwen/Qwen3-1.7B"], SteeringConfig("all"))  # 28 x 2048
    57344
    """
    return len(chosen_layers(steering, shape.layers)) * shape.hidden


def read_shape(config: dict) -> ModelShape:
    """The shape in a Hugging Face `config.json`; KeyError where it is no such decoder."""
    heads = config["num_attention_heads"]
    return ModelShape(
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_size=config.get("head_dim") or config["hidden_size"] // heads,
        intermediate=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        tied=config.get("tie_word_embeddings", False),
    )


def model_shape(model: ModelConfig, config: RunConfig) -> ModelShape | None:
    """The shape of a configured model; None when it is neither here nor known."""
    if model.path is None:
        vocabulary = len(make_world(config.problems).vocabulary()) if config.problems.generated else 0
        head_size = model.hidden_size // model.heads
        sizes = (model.hidden_size, model.layers, model.heads, model.kv_heads, head_size, model.intermediate_size)
        return ModelShape(*sizes, vocabulary, False)
    facts = model_config(model.path)
    if facts is None:
        return KNOWN.get(model.path)
    try:
        return read_shape(facts)
    except KeyError:
        return None
