"""DeepSpeed's linear layer is only used where a gradient follows."""

import torch

from trainers.runtime import zero3


def test_without_a_gradient_it_is_torchs_own(monkeypatch):
    asked = []
    monkeypatch.setattr(zero3, "zero3_linear_wrap", lambda *given: asked.append(given))
    given = torch.ones(2, 3), torch.full((4, 3), 2.0), torch.ones(4)
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            assert zero3.linear(*given).tolist() == [[7.0] * 4] * 2
    assert not asked
    zero3.linear(*given)
    assert len(asked) == 1
