"""float32 products go to oneDNN on processors where that is faster, and only as float32."""

import os

import pytest
import torch

from rlad.players.matmul import CACHES, fast_products, one_library, onednn_is_better, prefers_onednn, use_fast_matmul

ZEN = "vendor_id : AuthenticAMD\nflags : avx2 avx512f avx512_bf16\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A described processor, without a GPU; the precision is put back."""
    before = torch.get_float32_matmul_precision()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    onednn_is_better.cache_clear()

    def described(text):
        (tmp_path / "cpuinfo").write_text(text)
        return tmp_path / "cpuinfo"

    yield described
    onednn_is_better.cache_clear()
    torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("processor", "faster"),
    [
        (ZEN, True),
        ("vendor_id : AuthenticAMD\nflags : avx2\n", False),
        ("vendor_id : GenuineIntel\nflags : avx512f\n", False),
        (ZEN.replace("avx2", "amx_tile amx_bf16"), False),  # oneDNN would multiply bfloat16
    ],
)
def test_only_on_amd_with_avx512(machine, processor, faster):
    assert prefers_onednn(machine(processor)) is faster
    if not faster:
        assert not use_fast_matmul(576, machine(processor))
        with fast_products(machine(processor)):
            assert torch.get_float32_matmul_precision() == "highest"


def test_a_narrow_model_hands_over_its_linear_layers_alone(machine, monkeypatch):
    monkeypatch.setattr(torch, "equal", lambda *_: True)
    assert not use_fast_matmul(128, machine(ZEN))  # calls cost more than they save
    with fast_products(machine(ZEN)):
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == "highest"
    with pytest.raises(ValueError), fast_products(machine(ZEN)):
        raise ValueError
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize(("width", "precision"), [(128, "highest"), (576, "medium")])
def test_several_threads_keep_to_the_one_library_that_suits_the_model(machine, monkeypatch, width, precision):
    """The choice is the process's: a thread's linear layers would take another's attention along."""
    monkeypatch.setattr(torch, "equal", lambda *_: True)
    with one_library(width, machine(ZEN)):
        assert torch.get_float32_matmul_precision() == precision
        with fast_products(machine(ZEN)):
            assert torch.get_float32_matmul_precision() == precision
    assert torch.get_float32_matmul_precision() == "highest"
    with fast_products(machine(ZEN)):
        assert torch.get_float32_matmul_precision() == "medium"


def test_no_processor_described(tmp_path):
    assert not prefers_onednn(tmp_path / "none")


def test_products_stay_float32(machine):
    """Whatever this machine is: a product agrees with float64 as far as float32 does."""
    use_fast_matmul(576, machine(ZEN))
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(64, 576, generator=generator), torch.randn(576, 64, generator=generator)
    error = (a @ b).double() - a.double() @ b.double()
    assert error.abs().max() < 2e-4  # bfloat16: .1


def test_a_rounding_product_is_undone(machine, monkeypatch):
    monkeypatch.setattr(torch, "equal", lambda *_: False)
    assert not use_fast_matmul(576, machine(ZEN))
    with fast_products(machine(ZEN)):
        assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_float32_matmul_precision() == "highest"


def test_the_precision_can_be_read_afterwards(machine):
    """Which is an error after the newer way of setting it."""
    use_fast_matmul(576, machine(ZEN))
    assert torch.get_float32_matmul_precision() in ("highest", "medium")


def test_compiled_products_are_few_unless_the_user_says_otherwise(machine, monkeypatch):
    for name in CACHES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "7")
    use_fast_matmul(576, machine("vendor_id : GenuineIntel\nflags : avx512f\n"))
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "64" and os.environ["LRU_CACHE_CAPACITY"] == "7"
