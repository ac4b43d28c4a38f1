"""The `transformers` sampler: batched sampling from a full copy of the model inside the calling process.

Identical prompts are prefilled once and share the result; rows that are finished leave the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from rlad.generation.base import Certainty, Completion, Sampling
from rlad.generation.cache import roomy_cache
from rlad.generation.certainty import certainty_of, token_certainty
from rlad.generation.checksums import checksums, differing
from rlad.generation.given import Given, batches_of
from rlad.players.adapters import has_adapter
from rlad.players.logprobs import token_scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Finished rows are cut out when they are this share of the batch: cutting copies the cache, so not at every step.
COMPACT_AT = 0.15
# Rows whose given completions are scored together.
SCORED_ROWS = 32


class TransformersSampler:
    """Samples from its own copy of a model; never give it a partitioned one."""

    def __init__(self, model: PreTrainedModel, eos_ids: list[int], pad_id: int, max_batch: int = 512):
        self.model = model.eval().requires_grad_(False)
        self.eos = torch.tensor(sorted(eos_ids), device=model.device)
        self.pad_id = pad_id
        self.max_batch = max_batch
        self.version = 0
        self.adapters = has_adapter(model)

    def load_weights(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Copies weights in place. Raises KeyError for a name the model doesn't have."""
        own = dict(self.model.named_parameters(remove_duplicate=False))
        with torch.no_grad():
            for name, tensor in source:
                own[name].copy_(tensor)
        self.version = version

    def differing(self, expected: Mapping[str, int]) -> list[str]:
        """Of its own copies, as they are sampled from: tied tensors, too, under both their names."""
        own = self.model.named_parameters(remove_duplicate=False)
        return differing(expected, checksums(pair for pair in own if pair[0] in expected))

    def sleep(self) -> None:
        """Nothing to free: the copy is the engine."""

    def wake(self) -> None:
        """Always awake."""

    def close(self) -> None:
        """Starts nothing, so ends nothing."""

    @torch.inference_mode()
    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Completion]:
        if any(not prompt for prompt in prompts):
            raise ValueError("An empty prompt cannot be continued.")
        parts = sampling.apart(prompts)
        if len(parts) > 1 and len(prompts) > self.max_batch:  # each by itself, then
            return [completion for own, alone in parts for completion in self.generate(own, alone)]
        generators = [torch.Generator(device=self.model.device).manual_seed(alone.seed) for _, alone in parts]
        part = [number for number, (own, _) in enumerate(parts) for _ in own]
        # Copies of a prompt next to each other, prompts of like length together: shared prefills, little padding.
        order = sorted(range(len(prompts)), key=lambda i: (part[i], len(prompts[i]), prompts[i]))
        results: list[Completion | None] = [None] * len(prompts)
        for start in range(0, len(order), self.max_batch):
            rows = order[start : start + self.max_batch]
            sizes = [sum(part[i] == number for i in rows) for number in range(len(parts))]
            completions = self._batch([prompts[i] for i in rows], sampling, generators, sizes)
            for row, completion in zip(rows, completions, strict=True):
                results[row] = completion
        return results  # type: ignore[return-value]

    @torch.inference_mode()
    def score(self, prompts: list[list[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        """A few rows at a time; what texts begin with alike is computed once, where that pays (`batches_of`)."""
        if any(not prompt for prompt in prompts):
            raise ValueError("An empty prompt cannot be continued.")
        found = [0.0] * len(prompts)
        for rows, begun in batches_of(prompts, completions, SCORED_ROWS):
            scores = self._scores([prompts[i] for i in rows], [completions[i] for i in rows], begun)
            for i, score in zip(rows, scores, strict=True):
                found[i] = score
        return found

    def _scores(self, prompts: list[list[int]], completions: list[Sequence[int]], begun: list[int]) -> list[float]:
        """log p of each completion behind its prompt, of which `begun` tokens are shared with others."""
        cache = cached = None
        if all(begun):
            beginnings = [prompt[:length] for prompt, length in zip(prompts, begun, strict=True)]
            # Not a subclass's: what that does to prompts where it samples is no part of a text's likelihood.
            _, cache, cached, _ = TransformersSampler.prefill(self, beginnings)
            prompts = [prompt[length:] for prompt, length in zip(prompts, begun, strict=True)]
        batch = Given.padded(prompts, completions, self.pad_id, self.model.device, cache, cached)
        logp = token_scores(self.model, batch, temperature=1.0, entropy=False).logp
        return (logp.double() * batch.mask).sum(1).tolist()

    def prefill(self, prompts: list[list[int]]):
        """Prefills each distinct prompt once. Returns (last logits, cache, mask, lengths), one row per given prompt."""
        device = self.model.device
        distinct: dict[tuple[int, ...], int] = {}
        index = [distinct.setdefault(tuple(p), len(distinct)) for p in prompts]
        width = max(map(len, distinct))
        ids = torch.full((len(distinct), width), self.pad_id)
        mask = torch.zeros((len(distinct), width), dtype=torch.long)
        for prompt, row in distinct.items():
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        ids, mask = ids.to(device), mask.to(device)
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=(mask.cumsum(1) - 1).clamp(min=0),
            past_key_values=roomy_cache(self.model.config),
            use_cache=True,
            logits_to_keep=1,
        )
        rows = torch.tensor(index, device=device)
        cache = out.past_key_values
        if len(distinct) < len(prompts):
            cache.batch_select_indices(rows)
        return out.logits[rows, -1], cache, mask[rows], mask.sum(1)[rows]

    def _batch(
        self, prompts: list[list[int]], sampling: Sampling, generators: list[torch.Generator], sizes: list[int]
    ) -> list[Completion]:
        """sizes: how many prompts, one after the other, draw from each generator."""
        logits, cache, mask, position = self.prefill(prompts)
        ends = torch.cat([self.eos, self.eos.new_tensor(sampling.stop)]) if sampling.stop else self.eos
        alive = torch.arange(len(prompts), device=logits.device)  # which prompt each row of the batch belongs to
        done = torch.zeros(len(prompts), dtype=torch.bool, device=logits.device)  # by row of the batch
        tokens = torch.full((len(prompts), sampling.max_new_tokens), self.pad_id, device=logits.device)
        logprobs = torch.zeros((len(prompts), sampling.max_new_tokens), device=logits.device)
        model_logprobs = torch.zeros(len(prompts), dtype=torch.float64, device=logits.device)
        lengths = torch.zeros(len(prompts), dtype=torch.long, device=logits.device)
        stopped = torch.zeros(len(prompts), dtype=torch.bool, device=logits.device)
        sure = logprobs.new_zeros((2, *logprobs.shape)) if sampling.certainty else None
        for step in range(sampling.max_new_tokens):
            token, logprob = _drawn(logits, sampling.temperature, generators, sizes)
            live = alive[~done]
            tokens[live, step] = token[~done]
            logprobs[live, step] = logprob[~done]
            untempered = logprob if sampling.temperature in (0, 1) else at_temperature_1(logits, token)
            model_logprobs[live] += untempered[~done]
            lengths[live] += 1
            if sure is not None:
                for column, values in zip(sure, token_certainty(logits[~done]), strict=True):
                    column[live, step] = values
            ended = torch.isin(token, ends) & ~done
            stopped[alive[ended]] = True
            done |= ended
            if bool(done.all()) or step + 1 == sampling.max_new_tokens:
                break
            # What a part's rows draw depends on which of them are there: they leave as they would by themselves.
            leaving = [own & (own.float().mean() >= COMPACT_AT) for own in done.split(sizes)]
            if any(bool(own.any()) for own in leaving):
                sizes = [len(own) - int(own.sum()) for own in leaving]
                keep = (~torch.cat(leaving)).nonzero()[:, 0]
                cache.batch_select_indices(keep)
                alive, mask, position, token, done = alive[keep], mask[keep], position[keep], token[keep], done[keep]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            logits = self.model(
                input_ids=token[:, None],
                attention_mask=mask,
                position_ids=position[:, None],
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
            position = position + 1
        columns = (column.tolist() for column in (tokens, logprobs, lengths, stopped, model_logprobs))
        found = [
            Completion(tuple(ids[:length]), tuple(lps[:length]), "stop" if stop else "length", self.version, whole)
            for ids, lps, length, stop, whole in zip(*columns, strict=True)
        ]
        if sure is None:
            return found
        own = zip(found, *sure.double().tolist(), strict=True)
        return [replace(one, certainty=_certainty(one, *rows, sampling.certainty)) for one, *rows in own]


def _certainty(completion: Completion, divergences: list, confidences: list, window: int) -> Certainty:
    length = len(completion.token_ids)
    return certainty_of(divergences[:length], confidences[:length], window)


def _drawn(logits: torch.Tensor, temperature: float, generators: list[torch.Generator], sizes: list[int]):
    """`sample` of every part's rows from its own generator."""
    if len(sizes) == 1:
        return sample_tokens(logits, temperature, generators[0])
    parts = zip(logits.split(sizes), generators, strict=True)
    return tuple(
        map(torch.cat, zip(*(sample_tokens(own, temperature, generator) for own, generator in parts), strict=True))
    )


def sample_tokens(logits: torch.Tensor, temperature: float, generator: torch.Generator):
    """Draws a token per row of `logits` (B, V); returns tokens (B,) and their log-probs (B,), nats, in float32.

    At temperature 0 the token is the argmax and its log-prob that of temperature 1.
    """
    return sample_coupled([logits], temperature, generator)[0]


def sample_coupled(several: Sequence[torch.Tensor], temperature: float, generator: torch.Generator):
    """`sample_tokens` of each of several logits (B, V) with the same noise, so that alike ones draw the same tokens."""
    logps = [torch.log_softmax(logits.float() / (temperature or 1.0), dim=-1) for logits in several]
    if temperature == 0:
        tokens = [logp.argmax(-1) for logp in logps]
    else:
        # Exponential race: argmax p/E with E ~ Exp(1) is a draw from p, without multinomial's sorting.
        race = torch.empty_like(logps[0]).exponential_(generator=generator)
        tokens = [(logp.exp() / race).argmax(-1) for logp in logps]
    return [(token, logp.gather(-1, token[:, None])[:, 0]) for token, logp in zip(tokens, logps, strict=True)]


def at_temperature_1(logits: torch.Tensor, token: torch.Tensor) -> torch.Tensor:
    """Log-probs (B,) of a token per row of `logits` (B, V) under the model itself, nats, in float32.

    >>> at_temperature_1(torch.tensor([[0.0, 0.0]]), torch.tensor([1])).exp().tolist()
    [0.5]
    """
    return torch.log_softmax(logits.float(), dim=-1).gather(-1, token[:, None])[:, 0]
