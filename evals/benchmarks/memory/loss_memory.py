"""Extra memory of one micro-batch's forward and backward: ours, with full logits, and TRL's, in one run.

A Qwen3-shaped model of hidden size 64 and two layers scores the tokens of eight completions, log-probs and entropies,
and takes their gradient. Every measurement is a process of its own: after a first pass over one token, which loads the
kernels, the peak of its resident memory is set back (Linux: /proc/self/clear_refs), and what the pass adds to what was
resident before is reported, with its seconds of processor time. TRL's fused head is that of its GRPO trainer.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from rlad.cli import PlainError
from rlad.config import ModelConfig

ROWS, PROMPT = 8, 8
MODEL = ModelConfig(hidden_size=64, layers=2, heads=4, kv_heads=2, intermediate_size=128, max_positions=4096)
WAYS = ("ours", "full_logits", "trl")
TRL = "1.16"


@dataclass
class Keys:
    """What may be changed."""

    shapes: str = "2048x20000,8192x151936"
    """tokens x words of each micro-batch, separated by commas."""
    dtype: str = "float32"
    """float32 or bfloat16."""
    full: int = 2048
    """Full logits and TRL are measured for shapes of at most so many tokens: 8,192 x 151,936 needs 20 GB in full."""
    trl: str = ""
    """Folder that holds TRL 1.16 (pip install --no-deps --target FOLDER 'trl==1.16.*' accelerate); without one an
    installed TRL is used, and "trl" is null where there is none."""


def bench(keys: Keys) -> dict:
    """Megabytes by way and shape, and the seconds of processor time beside them. Raises PlainError."""
    if keys.dtype not in ("float32", "bfloat16"):
        raise PlainError(f"dtype is float32 or bfloat16, not '{keys.dtype}'.")
    found: dict = {way: {} for way in WAYS}
    seconds: dict = {way: {} for way in WAYS}
    for shape in keys.shapes.split(","):
        sizes = re.fullmatch(r"(\d+)x(\d+)", shape.strip())
        if not sizes or int(sizes[1]) % ROWS:
            raise PlainError(f"A shape is TOKENSxWORDS with a multiple of {ROWS} tokens, not '{shape}'.")
        for way in WAYS:
            if way != "ours" and int(sizes[1]) > keys.full:
                continue
            done = _child(way, int(sizes[1]), int(sizes[2]), keys)
            if done is not None:
                found[way][shape.strip()], seconds[way][shape.strip()] = done["megabytes"], done["seconds"]
    if not found["trl"]:
        found["trl"] = seconds["trl"] = None
    return found | {"cpu_seconds": seconds, "dtype": keys.dtype}


def _child(way: str, tokens: int, words: int, keys: Keys) -> dict | None:
    """One measurement in a process of its own; None for a TRL that is not there."""
    given = {"way": way, "tokens": tokens, "words": words, "dtype": keys.dtype, "trl": keys.trl}
    command = [sys.executable, "-m", "evals.benchmarks.memory.loss_memory", json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 3:
        print(
            f"TRL {TRL} is not there ({done.stderr.strip().splitlines()[-1]}); name a folder: trl=FOLDER.",
            file=sys.stderr,
        )
        return None
    if done.returncode:
        raise RuntimeError(f"{way} at {tokens}x{words} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


# ------------------------------------------------------------------------------------------------- one process
def _resident(name: str) -> float:
    """VmRSS or VmHWM of this process, MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def _batch(rows: int, length: int, words: int) -> SimpleNamespace:
    import torch

    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(words, (rows, PROMPT + length), generator=generator)
    return SimpleNamespace(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        position_ids=torch.arange(PROMPT + length).expand_as(ids),
        place=None,
        completion=ids[:, PROMPT:],
        mask=torch.ones(rows, length),
    )


def _ours(model, batch) -> tuple:
    from rlad.players.logprobs import token_scores

    found = token_scores(model, batch, 1.0)
    return found.logp, found.entropy


def _full_logits(model, batch) -> tuple:
    from rlad.players.logprobs import completion_logits, scores_of

    found = scores_of(completion_logits(model, batch), batch, 1.0)
    return found.logp, found.entropy


def _trl(model, batch) -> tuple:
    labels = batch.input_ids.clone()
    labels[:, :PROMPT] = -100
    out = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels, fused_lm_head=True)
    length = batch.completion.shape[1]
    return out.log_probs[:, -length:], out.entropy[:, -length:]


def _once(way: str, tokens: int, words: int, dtype: str, trl: str) -> dict:
    if way == "trl":
        sys.path[:0] = [trl] if trl else []
        try:
            from trl.trainer.utils import add_fused_lm_head
        except ImportError as error:
            print(error, file=sys.stderr)
            sys.exit(3)
    import torch

    from rlad.players.policy import tiny_model

    MODEL.dtype = dtype
    torch.manual_seed(0)
    model = tiny_model(MODEL, words, 1, 0)
    if way == "trl":
        add_fused_lm_head(model, outputs=("log_probs", "entropy"))
    scores = {"ours": _ours, "full_logits": _full_logits, "trl": _trl}[way]

    def step(batch) -> float:
        logp, entropy = scores(model, batch)
        loss = -(logp - logp.detach()).exp().mean() - 0 * entropy.detach().mean()
        loss.backward()
        return loss.item()

    step(_batch(1, 1, words))
    model.zero_grad()
    batch = _batch(ROWS, tokens // ROWS, words)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    begin = time.process_time()
    step(batch)
    spent = time.process_time() - begin
    return {"megabytes": round(_resident("VmHWM") - before, 1), "seconds": round(spent, 2)}


if __name__ == "__main__":
    print(json.dumps(_once(**json.loads(sys.argv[1]))))
