"""Vectors of short texts, for clustering: TF-IDF, or a local sentence encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

Embedder = Callable[[list[str]], object]
"""Texts -> (N, D) array or sparse matrix."""


def tfidf(texts: list[str]):
    """TF-IDF of words and pairs of words, rows of length 1, as a sparse (N, D) matrix.

    >>> rows = tfidf(["let # be", "let # be", "sum of squares"]).toarray()
    >>> float((rows[0] @ rows[1]).round(6)), float(rows[0] @ rows[2])
    (1.0, 0.0)
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), lowercase=False).fit_transform(texts)


def local_model(folder: str | Path, batch: int = 64) -> Embedder:
    """The mean last hidden state of a Hugging Face encoder in `folder`, rows of length 1.

    Raises OSError when there is no model in the folder.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def embed(texts: list[str]) -> np.ndarray:
        rows = []
        for start in range(0, len(texts), batch):
            part = tokenizer(texts[start : start + batch], padding=True, truncation=True, return_tensors="pt")
            mask = part["attention_mask"][..., None].float()
            hidden = model(input_ids=part["input_ids"], attention_mask=part["attention_mask"]).last_hidden_state
            mean = (hidden.float() * mask).sum(1) / mask.sum(1)
            rows.append(torch.nn.functional.normalize(mean, dim=-1).numpy())
        return np.concatenate(rows)

    return embed
