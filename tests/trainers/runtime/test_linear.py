"""DeepSpeed's linear layer is only used where a gradient follows; both multiply with the library that is faster."""

from contextlib import contextmanager

import pytest
import torch

from rlad.players import matmul
from trainers.runtime import zero3


@pytest.fixture
def inside(monkeypatch):
    """What `fast_products` surrounds, counted."""
    entered = []

    @contextmanager
    def counted():
        entered.append(torch.is_grad_enabled())
        yield

    monkeypatch.setattr(zero3, "fast_products", counted)
    return entered


def test_without_a_gradient_it_is_torchs_own(monkeypatch, inside):
    asked = []
    monkeypatch.setattr(zero3.FastLinear, "apply", lambda *given: asked.append(given))
    given = torch.ones(2, 3), torch.full((4, 3), 2.0), torch.ones(4)
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            assert zero3.linear(*given).tolist() == [[7.0] * 4] * 2
    assert not asked and len(inside) == 2
    zero3.linear(*given)
    assert len(asked) == 1


@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_torchs(inside, bias):
    draw = torch.Generator().manual_seed(0)
    given = [torch.randn(shape, generator=draw) for shape in ((2, 5, 3), (4, 3), (4,))][: 2 + bias]
    found = []
    for layer in (zero3.TORCH_LINEAR, zero3.linear):
        own = [tensor.clone().requires_grad_() for tensor in given]
        (out := layer(*own)).square().sum().backward()
        found.append((out, *(tensor.grad for tensor in own)))
    for expected, value in zip(*found, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5)
    assert len(inside) == 2  # forward and backward


def test_attention_between_linear_layers_keeps_its_library(monkeypatch):
    monkeypatch.setattr(zero3, "fast_products", matmul._in_onednn)
    seen = []

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append(torch.get_float32_matmul_precision())
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            seen.append(torch.get_float32_matmul_precision())
            return gradient

    weight = torch.ones(3, 3, requires_grad=True)
    zero3.linear(Layer.apply(zero3.linear(torch.ones(2, 3), weight)), weight).sum().backward()
    assert seen == ["highest", "highest"]
