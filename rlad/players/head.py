"""The output head in pieces: log-probs and entropies of tokens from hidden states, without ever holding their logits.

Full logits of a micro-batch cost 16 bytes each in fp32 (themselves, their log-softmax, its exponential and a gradient):
2.5 GB for 1,024 tokens of a vocabulary of 151,936. Here the vocabulary is cut instead. A piece of it gives the logits
of all tokens for a few of its words; maximum, sum and entropy are carried from piece to piece, and the backward pass
makes every piece again: one matrix product more, in exchange for every pass over memory that full logits need.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.autograd.function import once_differentiable

from rlad.players import pieces


class Float32Head(torch.nn.Linear):
    """An output head that multiplies in float32: trainer and sampler then disagree less (ScaleRL, 2510.13786)."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        bias = None if self.bias is None else self.bias.float()
        return torch.nn.functional.linear(hidden.float(), self.weight.float(), bias)


@dataclass(frozen=True)
class Squash:
    """What stands between the head's products and the distribution: y = scale x, then cap tanh(y / cap), then 1 / T."""

    temperature: float = 1.0
    scale: float = 1.0
    """Cohere's logit_scale, Granite's 1 / logits_scaling."""
    cap: float | None = None
    """Gemma 2's final_logit_softcapping; None = none."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits at the temperature; may overwrite x, which is float32 or wider."""
        if self.cap is None:
            factor = self.scale / self.temperature
            return x if factor == 1 else x.mul_(factor)
        return x.mul_(self.scale / self.cap).tanh_().mul_(self.cap / self.temperature)

    def backward(self, gradient: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """The gradient of the head's products from that of the `logits` that `forward` gave; may overwrite both."""
        factor = self.scale / self.temperature
        if self.cap is not None:
            squashed = logits.mul_(self.temperature / self.cap)  # tanh
            gradient = gradient.mul_(squashed.square_().neg_().add_(1))
        return gradient if factor == 1 else gradient.mul_(factor)


def head_scores(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    targets: torch.Tensor,
    squash: Squash,
    entropy_gradient: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probs of the targets and entropies over the vocabulary, both (N,) in float32 and nats; N may be 0.

    Args:
        hidden: (N, D), the head's input.
        weight: (V, D) and bias (V,): the head. Gradients go to all three.
        targets: (N,) token ids.
        entropy_gradient: whether the entropy carries a gradient; the log-prob always does.

    >>> hidden, weight = torch.tensor([[1.0]]), torch.tensor([[0.0], [0.0], [0.6931472]])     # p = 1/4, 1/4, 1/2
    >>> logp, entropy = head_scores(hidden, weight, None, torch.tensor([2]), Squash())
    >>> round(logp.item(), 4), round(entropy.item(), 4)                                        # log 1/2, 1.5 log 2
    (-0.6931, 1.0397)
    """
    logp, entropy = _HeadScores.apply(hidden, weight, bias, targets, squash)
    return logp, entropy if entropy_gradient else entropy.detach()


@torch.no_grad()
def head_ranks(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor, squash: Squash
) -> torch.Tensor:
    """How many words are at least as likely as the target, (N,) int64: 1 = nothing is likelier. Arguments as above.

    >>> hidden, weight = torch.tensor([[1.0], [1.0]]), torch.tensor([[0.0], [3.0], [2.0]])
    >>> head_ranks(hidden, weight, None, torch.tensor([2, 0]), Squash()).tolist()
    [2, 3]
    """
    own = torch.zeros(len(hidden), dtype=torch.float32, device=hidden.device)
    for start, logits in _pieces(hidden, weight, bias, squash):
        own = _picked(logits, targets - start, own)
    above = torch.zeros_like(targets)
    for _, logits in _pieces(hidden, weight, bias, squash):
        above += (logits > own[:, None]).sum(1)
    return above + 1


def _pieces(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, squash: Squash
) -> Iterator[tuple[int, torch.Tensor]]:
    """(first word, float32 logits (N, words) at the temperature) of every piece; the caller may overwrite them."""
    words = pieces.piece_words(len(hidden), hidden.device.type)
    for start in range(0, len(weight), words):
        own = None if bias is None else bias[start : start + words]
        products = torch.nn.functional.linear(hidden, weight[start : start + words], own)
        yield start, squash.forward(products.float())


def _picked(logits: torch.Tensor, places: torch.Tensor, otherwise: torch.Tensor) -> torch.Tensor:
    """(N,): every row's logit at its place, or `otherwise` where the place is outside of this piece."""
    width = logits.shape[1]
    found = logits.gather(1, places.clamp(0, width - 1)[:, None])[:, 0]
    return torch.where((places >= 0) & (places < width), found, otherwise)


class _HeadScores(torch.autograd.Function):
    """See `head_scores`."""

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets, squash):
        ctx.set_materialize_grads(False)
        top = torch.full((len(hidden),), -torch.inf, device=hidden.device)
        own, total, moment = (torch.zeros_like(top) for _ in range(3))
        for start, logits in _pieces(hidden, weight, bias, squash):
            own = _picked(logits, targets - start, own)
            new = top.maximum(logits.amax(1))
            # Sums so far are of exp(x - top), and of that times (x - top); they move to the new top.
            drop = (top - new).clamp(min=-1e4)
            moment = (moment + drop * total) * drop.exp()
            total = total * drop.exp()
            top = new
            share = logits.sub_(top[:, None]).exp()
            total += share.sum(1)
            moment += torch.linalg.vecdot(share, logits)
        normaliser = top + total.log()
        entropy = total.log() - moment / total
        ctx.save_for_backward(hidden, weight, bias, targets, normaliser, entropy)
        ctx.squash = squash
        return own - normaliser, entropy

    @staticmethod
    @once_differentiable
    def backward(ctx, of_logp, of_entropy):
        hidden, weight, bias, targets, normaliser, entropy = ctx.saved_tensors
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        zero = torch.zeros_like(normaliser)
        of_logp = zero if of_logp is None else of_logp
        # Tokens from which nothing is learnt cost nothing: a group of equal rewards without an anchor has only those.
        active = (of_logp != 0) if of_entropy is None else (of_logp != 0) | (of_entropy != 0)
        to_hidden = torch.zeros(hidden.shape, dtype=torch.float32, device=hidden.device) if wants_hidden else None
        to_weight = torch.zeros_like(weight) if wants_weight else None
        to_bias = torch.zeros_like(bias) if bias is not None and wants_bias else None
        places = active.nonzero()[:, 0]
        if len(places):
            picked = [t[places] for t in (hidden, targets, normaliser, entropy, of_logp)]
            picked.append(None if of_entropy is None else of_entropy[places])
            found = _gradients(weight, bias, ctx.squash, *picked, to_weight, to_bias)
            if wants_hidden:
                to_hidden[places] = found
        return None if to_hidden is None else to_hidden.to(hidden.dtype), to_weight, to_bias, None, None


def _gradients(
    weight, bias, squash, hidden, targets, normaliser, entropy, of_logp, of_entropy, to_weight, to_bias
) -> torch.Tensor:
    """The gradient of `hidden` in float32; fills those of the head, piece by piece, where they are wanted."""
    result = torch.zeros(hidden.shape, dtype=torch.float32, device=hidden.device)
    for start, logits in _pieces(hidden, weight, bias, squash):
        part = slice(start, start + logits.shape[1])
        logp = logits - normaliser[:, None]
        gradient = logp.exp()
        if of_entropy is None:
            gradient *= -of_logp[:, None]
        else:  # d entropy / d x = -p (log p + entropy)
            gradient *= logp.add_(entropy[:, None]).mul_(of_entropy[:, None]).add_(of_logp[:, None]).neg_()
        places = targets - start
        inside = (places >= 0) & (places < logits.shape[1])
        places = places.clamp(0, logits.shape[1] - 1)[:, None]
        gradient.scatter_add_(1, places, torch.where(inside, of_logp, 0.0)[:, None])
        gradient = squash.backward(gradient, logits).to(hidden.dtype)
        result += gradient @ weight[part]
        if to_weight is not None:
            torch.mm(gradient.T, hidden, out=to_weight[part])
        if to_bias is not None:
            to_bias[part] = gradient.sum(0)
    return result
