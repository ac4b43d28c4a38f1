"""A small top-k sparse autoencoder (2406.04093): a stream vector as a sum of few features, each a direction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from rlad.cli import PlainError
from rlad.generation.checksums import checksums

DEAD_AFTER = 100
"""Training steps without being active after which a latent counts as dead, and learns from what the others leave."""
AUXILIARY = 1 / 32
"""Weight of the dead latents' loss (2406.04093)."""


def top_k(values: torch.Tensor, k: int) -> torch.Tensor:
    """The k largest of the last dimension where they are positive; the rest is 0. values (..., F), k at most F.

    >>> top_k(torch.tensor([[3.0, -1.0, 2.0, 1.0], [-1.0, -2.0, 5.0, -3.0]]), 2).tolist()
    [[3.0, 0.0, 2.0, 0.0], [0.0, 0.0, 5.0, 0.0]]
    """
    kept, places = values.topk(k, dim=-1)
    return torch.zeros_like(values).scatter(-1, places, kept.clamp(min=0))


def explained_variance(given: torch.Tensor, rebuilt: torch.Tensor) -> float:
    """Share of the variance of `given` (N, D) that `rebuilt` (N, D) accounts for: 1 - squared error / squared distance
    from the mean. The mean alone gives 0; nan where all of `given` is one point.

    >>> given = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> explained_variance(given, given), explained_variance(given, 0 * given), explained_variance(given, given / 2)
    (1.0, 0.0, 0.75)
    """
    error = (given - rebuilt).double().square().sum()
    return float(1 - error / (given - given.mean(0)).double().square().sum())


class TopKAutoencoder(torch.nn.Module):
    """x is rebuilt from `active` of `latents` features: scale * (features @ decoder + bias) + centre.

    Rows of `decoder` (F, D) have norm 1: they are the features' directions in the stream.
    """

    def __init__(self, width: int, latents: int, active: int, seed: int = 0):
        super().__init__()
        self.active = active
        drawn = torch.randn(latents, width, generator=torch.Generator().manual_seed(seed))
        self.decoder = torch.nn.Parameter(drawn / drawn.norm(dim=-1, keepdim=True))
        self.encoder = torch.nn.Parameter(self.decoder.detach().clone())
        self.threshold = torch.nn.Parameter(torch.zeros(latents))
        self.bias = torch.nn.Parameter(torch.zeros(width))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))

    def fit_scale(self, streams: torch.Tensor) -> None:
        """Centre and scale as streams (N, D) have them: what is encoded then has mean 0 and mean square 1."""
        self.centre.copy_(streams.mean(0))
        self.scale.copy_((streams - self.centre).square().mean().sqrt().clamp(min=1e-12))

    def normalise(self, streams: torch.Tensor) -> torch.Tensor:
        """Streams (N, D) in the units that are encoded."""
        return (streams - self.centre) / self.scale

    def before_top_k(self, normal: torch.Tensor) -> torch.Tensor:
        """Every latent's value (N, F) of normalised streams (N, D)."""
        return (normal - self.bias) @ self.encoder.T + self.threshold

    def encode(self, streams: torch.Tensor) -> torch.Tensor:
        """Features (N, F) of streams (N, D), at most `active` of them above 0 in each row, in units of `scale`."""
        return top_k(self.before_top_k(self.normalise(streams)), self.active)

    def decode(self, features: torch.Tensor) -> torch.Tensor:
        """Streams (N, D) of features (N, F)."""
        return self.scale * (features @ self.decoder + self.bias) + self.centre

    @torch.no_grad()
    def unit_directions(self) -> None:
        """Gives every row of the decoder norm 1 again, after a step."""
        self.decoder /= self.decoder.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def train_autoencoder(
    streams: torch.Tensor, latents: int, active: int, steps: int, batch: int, lr: float, seed: int = 0
) -> TopKAutoencoder:
    """An autoencoder of streams (N, D), by Adam on the mean squared error of normalised mini-batches.

    Latents that have not been active for `DEAD_AFTER` steps rebuild what the others leave (AuxK): few then stay dead.
    """
    model = TopKAutoencoder(streams.shape[1], latents, active, seed)
    model.fit_scale(streams)
    optimiser = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    generator = torch.Generator().manual_seed(seed)
    idle = torch.zeros(latents, dtype=torch.long)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = lr * min(1.0, 2 * (1 - step / steps))  # the second half falls to 0
        given = model.normalise(streams[torch.randint(len(streams), (batch,), generator=generator)])
        values = model.before_top_k(given)
        features = top_k(values, active)
        idle = torch.where((features > 0).any(0), 0, idle + 1)
        left = given - features @ model.decoder - model.bias
        loss = left.square().mean()
        dead = idle > DEAD_AFTER
        if dead.any():
            rebuilt = top_k(values.masked_fill(~dead, -torch.inf), min(2 * active, latents)) @ model.decoder
            loss = loss + AUXILIARY * (left.detach() - rebuilt).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        model.unit_directions()
    return model.requires_grad_(False)


def fingerprint(weights: Iterable[tuple[str, torch.Tensor]]) -> str:
    """Sixteen letters that stand for a model's (name, tensor) pairs: another weight anywhere gives other ones.

    >>> one = fingerprint([("a", torch.ones(2)), ("b", torch.zeros(2))])
    >>> one == fingerprint([("b", torch.zeros(2)), ("a", torch.ones(2))]), one == fingerprint([("a", torch.ones(2))])
    (True, False)
    """
    return hashlib.sha256(repr(sorted(checksums(weights).items())).encode()).hexdigest()[:16]


def save_autoencoder(model: TopKAutoencoder, path: Path, of: str, layer: int) -> None:
    """Writes safetensors. of: `fingerprint` of the language model whose stream it knows, behind its block `layer`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"model": of, "layer": str(layer), "active": str(model.active)}
    save_file(model.state_dict(), path, metadata=about)


def load_autoencoder(path: Path, of: str) -> tuple[TopKAutoencoder, int]:
    """(autoencoder, layer) from a file. Raises PlainError for one that is none, or was trained on another model."""
    if not path.is_file():
        raise PlainError(f"There is no autoencoder '{path}'.")
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (a file is no dictionary)
    except SafetensorError as error:
        raise PlainError(f"'{path}' is no safetensors file: {error}") from error
    if "active" not in about or "decoder" not in state:
        raise PlainError(f"'{path}' holds no autoencoder of ./launch.sh features.")
    if about["model"] != of:
        raise PlainError(
            f"The autoencoder '{path}' was trained on another model ({about['model']}, not {of}); its features are no "
            "directions of this one's stream."
        )
    latents, width = state["decoder"].shape
    model = TopKAutoencoder(width, latents, int(about["active"]))
    model.load_state_dict(state)
    return model.requires_grad_(False), int(about["layer"])
