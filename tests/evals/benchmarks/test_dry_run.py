"""The benchmark of the dry run: what its runs are made of."""

import torch
from transformers import AutoModelForCausalLM

from evals.benchmarks.memory.dry_run import END_TOKEN, NEXT_TO_NOTHING, prepare


def test_texts_of_its_models_never_end(tmp_path):
    """Each is as long as it may be: otherwise what is measured is luck, beside an estimate of the longest ones."""
    prepare(NEXT_TO_NOTHING, tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    with torch.no_grad():
        chances = model(input_ids=torch.randint(0, 600, (4, 50))).logits.softmax(-1)
    assert model.config.eos_token_id == END_TOKEN and chances[..., END_TOKEN].max() < 1e-7
    others = chances.sum(-1) - chances[..., END_TOKEN]
    assert torch.allclose(others, torch.ones(4, 50), atol=1e-5) and chances.max() < 0.02  # nothing else is preferred
