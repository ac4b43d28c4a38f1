"""What vLLM needs of a machine, and what its processes are given."""

import importlib.metadata
import importlib.util
import random
import socket
from pathlib import Path

import pytest

from rlad.cli import PlainError
from rlad.config import EngineConfig
from rlad.generation import SamplerFailed, kind_on
from rlad.generation.vllm import setup as vllm_setup
from rlad.generation.vllm.server import free_port
from rlad.generation.vllm.setup import cpu_environment, cpu_problem, gpu_environment, require_vllm
from trainers.launching.command import check_sampler


def test_auto_is_vllm_on_gpus_where_it_is_installed(monkeypatch):
    for installed, on_gpu in ((None, "transformers"), ("a spec", "vllm")):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, found=installed: found)
        assert [kind_on(EngineConfig(), device) for device in ("cpu", "cuda")] == ["transformers", on_gpu]
        assert kind_on(EngineConfig(kind="transformers"), "cuda") == "transformers"


def test_a_gpu_without_vllm_is_said_and_a_wish_for_vllm_without_it_refused(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_sampler(EngineConfig(), "cpu")
    assert not capsys.readouterr().err
    check_sampler(EngineConfig(), "cuda")
    assert "rollouts run on transformers, several times slower" in capsys.readouterr().err
    with pytest.raises(PlainError, match="setup --with vllm"):
        check_sampler(EngineConfig(kind="vllm"), "cuda")


def cpuinfo(tmp_path, flags):
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nmodel name\t: X\nflags\t\t: fpu sse2 {flags}\nbugs\t\t: none\n")
    return file


@pytest.mark.parametrize(("flags", "fits"), [("avx avx2", True), ("avx512f", True), ("avx", False), ("", False)])
def test_processors_without_its_instructions_are_told(tmp_path, flags, fits):
    problem = cpu_problem(cpuinfo(tmp_path, flags), "x86_64")
    assert (problem is None) == fits
    assert fits or "AVX-512 or AVX2" in problem
    assert cpu_problem(tmp_path / "none", "aarch64") is None


def found(monkeypatch, *names):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in names else None)


def test_what_is_missing_or_does_not_fit_is_told_in_one_sentence(monkeypatch, tmp_path):
    found(monkeypatch)
    with pytest.raises(SamplerFailed, match="setup --with vllm"):
        require_vllm("cpu")
    found(monkeypatch, "vllm", "torchvision", "torchcodec")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.0+cpu")
    with pytest.raises(SamplerFailed, match="torchvision, torchcodec do not fit.*pip uninstall torchvision torchcodec"):
        require_vllm("cpu", cpuinfo(tmp_path, "avx2"))
    with pytest.raises(SamplerFailed, match="AVX-512"):
        require_vllm("cpu", cpuinfo(tmp_path, "sse4"))
    found(monkeypatch, "vllm", "torchvision")
    require_vllm("cuda")  # there the builds fit


def test_an_engine_does_not_inherit_its_ranks_place(monkeypatch):
    base = {"RANK": "3", "MASTER_PORT": "1", "CUDA_VISIBLE_DEVICES": "4,6", "HOME": "/h"}
    cpu = cpu_environment(base, 2)
    assert "RANK" not in cpu and "CUDA_VISIBLE_DEVICES" not in cpu
    assert cpu["HOME"] == "/h" and cpu["OMP_NUM_THREADS"] == "2" and cpu["VLLM_TARGET_DEVICE"] == "cpu"
    assert "TORCHDYNAMO_DISABLE" not in cpu and cpu_environment(base, 2, eager=True)["TORCHDYNAMO_DISABLE"] == "1"
    assert gpu_environment(base, "cuda:1")["CUDA_VISIBLE_DEVICES"] == "6"
    assert gpu_environment({}, "cuda:1")["CUDA_VISIBLE_DEVICES"] == "1"
    assert gpu_environment(base, "cuda")["CUDA_VISIBLE_DEVICES"] == "4,6"
    assert gpu_environment(base, "cuda:1", "7,9")["CUDA_VISIBLE_DEVICES"] == "7,9"
    assert vllm_setup.common_environment(base)["VLLM_NO_USAGE_STATS"] == "1"


def test_a_free_port_is_one_that_the_system_gives_to_nobody_by_itself():
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = []
    for _ in range(20):
        random.seed(1)  # programs that seed Python alike still ask for different ports
        ports.append(free_port())
        with socket.socket() as server:
            server.bind(("127.0.0.1", ports[-1]))
    assert all(1024 < port < first or last < port for port in ports) and len(set(ports)) > 10
