"""A GGUF file as an ordinary Hugging Face folder: float32 safetensors, a fast tokenizer, a chat template, right ids.

transformers reads the weights; the rest is put right here, because what it makes of a GGUF is not yet what the model
was trained with: of the pre-tokenizer it knows a few names and silently takes GPT-2's for the others, the number of
positions is lost, and the configuration goes on saying that the model is quantised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedModel
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
from transformers.utils.logging import disable_progress_bar

from rlad.config import ConfigError
from rlad.players.lean import save_model

disable_progress_bar()

SINGLE_DIGITS = ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b")
"""Pre-tokenizers that part every digit from its neighbours and then split as GPT-2 does."""
AS_GPT2 = ("gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling")
SYSTEM_BLOCK = re.compile(
    r"\{%-?\s*if loop\.first and messages\[0\]\[['\"]role['\"]\] != ['\"]system['\"]\s*-?%\}.*?\{%-?\s*endif\s*-?%\}",
    re.DOTALL,
)


@dataclass(frozen=True)
class GgufMetadata:
    """What a GGUF file says of its model and tokenizer."""

    architecture: str
    tokenizer: str
    """The kind of its vocabulary, such as gpt2 (byte-level BPE) or llama (SentencePiece)."""
    pre_tokenizer: str | None
    positions: int | None


def read_metadata(file: Path) -> GgufMetadata:
    """The metadata of a GGUF file. Raises ConfigError for a file that is none, or that holds no language model."""
    from gguf import GGUFReader

    if not file.is_file():
        raise ConfigError(f"There is no file '{file}'.")
    with file.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise ConfigError(f"'{file}' is no GGUF file.")
    try:
        fields = GGUFReader(file).fields
    except (ValueError, KeyError, IndexError, OSError) as error:  # what numpy raises when a file is cut short
        raise ConfigError(f"'{file}' cannot be read as GGUF: {' '.join(str(error).split())}.") from error

    def said(key: str):
        return fields[key].contents() if key in fields else None

    architecture, kind = said("general.architecture"), said("tokenizer.ggml.model")
    if architecture is None or kind is None:
        raise ConfigError(f"'{file}' holds no language model with a tokenizer.")
    return GgufMetadata(architecture, kind, said("tokenizer.ggml.pre"), said(f"{architecture}.context_length"))


def pre_tokenizer(name: str | None):
    """The pre-tokenizer that a byte-level vocabulary was trained with; None where transformers' own is right.

    Raises ConfigError for a name that nobody here knows: the model would read text that it never saw.

    >>> split = pre_tokenizer("smollm")
    >>> [piece for piece, _ in split.pre_tokenize_str("x 12")], pre_tokenizer("gpt-2"), pre_tokenizer("qwen2")
    (['x', 'Ġ', '1', '2'], None, None)
    """
    if name in SINGLE_DIGITS:
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    if name is None or name in AS_GPT2 or name in GGUF_PRE_TOKENIZER_SPLITS:
        return None
    raise ConfigError(f"The pre-tokenizer '{name}' of this GGUF is not known here; convert the original model instead.")


def without_system_message(template: str) -> str:
    """A chat template that adds no system message of its own where a conversation has none.

    >>> without_system_message(
    ...     "{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}Be kind{% endif %}{{ m }}"
    ... )
    '{% for m in messages %}{{ m }}'
    """
    return SYSTEM_BLOCK.sub("", template)


def plain_model(loaded: PreTrainedModel) -> PreTrainedModel:
    """A float32 copy of a dequantised model that no longer says that it was quantised, and so can be saved."""
    dropped = ("quantization_config", "dtype", "_model_name_or_path")
    kept = {name: value for name, value in loaded.config.to_dict().items() if name not in dropped}
    config = type(loaded.config).from_dict(kept)
    copy = type(loaded)(config).float()
    copy.load_state_dict(loaded.state_dict())
    copy.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    return copy.eval()


def read_tokenizer(file: Path, metadata: GgufMetadata, system_message: bool = True):
    """The file's tokenizer, splitting text as the model was trained. See `pre_tokenizer` for the errors."""
    split = pre_tokenizer(metadata.pre_tokenizer) if metadata.tokenizer == "gpt2" else None
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    if split is not None:
        tokenizer.backend_tokenizer.pre_tokenizer = split
    if metadata.positions:
        tokenizer.model_max_length = int(metadata.positions)
    if tokenizer.chat_template and not system_message:
        tokenizer.chat_template = without_system_message(tokenizer.chat_template)
    tokenizer.padding_side = "left"
    return tokenizer


def convert(file: Path, folder: Path, system_message: bool = True) -> Path:
    """Writes the model of a GGUF file as a Hugging Face folder.

    system_message: whether a template keeps the system message that it adds by itself.
    Raises ConfigError for a file that cannot be converted.
    """
    metadata = read_metadata(file)
    tokenizer = read_tokenizer(file, metadata, system_message)
    try:
        loaded = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    except (ValueError, NotImplementedError) as error:
        raise ConfigError(f"transformers cannot read '{file}': {' '.join(str(error).split())}") from error
    model = plain_model(loaded)
    if model.config.eos_token_id != tokenizer.eos_token_id:
        raise ConfigError(
            f"'{file}' ends a text with token {model.config.eos_token_id}, its tokenizer with {tokenizer.eos_token_id}."
        )
    save_model(model, folder)
    tokenizer.save_pretrained(folder)
    return folder
