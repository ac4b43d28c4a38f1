"""The GPU transfers as far as they go without a GPU: the order of vLLM's protocol, its payloads, and hangs."""

import os
import threading

import pytest
import torch
from forked_engines import start_forked, start_server
from two_ranks import LIMIT
from vllm_here import needs_vllm

from rlad.generation import SamplerFailed
from rlad.generation.vllm.link import Link
from rlad.generation.vllm.transfer_gpu import IpcTransfer, run_beside


class Recorder(Link):
    def __init__(self):
        super().__init__("solution player", "nowhere", 1)
        self.calls = []

    def call(self, do, limit, **arguments):
        self.calls.append((do, arguments.get("method"), arguments))
        if arguments.get("method") == "refused":
            raise self.fail("refused")


@pytest.fixture
def on_cpu(monkeypatch):
    """Stands in for the few CUDA calls of the IPC transfer."""
    properties = type("Properties", (), {"uuid": "GPU-1"})()
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "ipc_collect", lambda: None)
    monkeypatch.setattr("torch.multiprocessing.reductions.reduce_tensor", lambda t: (None, ("handle", tuple(t.shape))))
    monkeypatch.setattr("rlad.generation.vllm.transfer_gpu.here", lambda: torch.device("cpu"))


def test_ipc_goes_through_the_protocol_in_order_and_is_set_up_once(on_cpu):
    link = Recorder()
    transfer = IpcTransfer(link, 5)
    for version in (1, 2):
        transfer.send([("model.layers.0.q", torch.zeros(2, 3)), ("head", torch.zeros(4))], version)
    assert [method or do for do, method, _ in link.calls] == [
        "init_weight_transfer_engine",
        *["start_weight_update", "update_weights", "finish_weight_update", "commit"] * 2,
    ]
    info = link.calls[2][2]["payload"]["update_info"]
    assert info["names"] == ["model.layers.0.q", "head"] and info["shapes"] == [[2, 3], [4]]
    assert info["ipc_handles"] == [{"GPU-1": ("handle", (2, 3))}, {"GPU-1": ("handle", (4,))}]
    assert link.calls[-1][2]["version"] == 2


def test_a_send_that_hangs_or_fails_is_an_error_within_the_limit():
    link, never = Recorder(), threading.Event()
    done = []
    run_beside(lambda: done.append("sent"), lambda: done.append("called"), 60, link)
    assert sorted(done) == ["called", "sent"]
    with pytest.raises(SamplerFailed, match="solution player was not sent its new weights within 0 seconds; .* hangs"):
        run_beside(never.wait, lambda: None, 0.2, link)
    with pytest.raises(SamplerFailed, match="could not be sent its new weights: no route"):
        run_beside(lambda: (_ for _ in ()).throw(OSError("no route")), lambda: None, 60, link)
    with pytest.raises(SamplerFailed, match="refused"):  # the engine's own error is told at once, the send left behind
        run_beside(never.wait, lambda: link.call("x", 1, method="refused"), 60, link)
    never.set()


@pytest.mark.vllm
@pytest.mark.slow
@needs_vllm[-1]
def test_the_installed_vllm_takes_these_payloads(tmp_path):
    start_server()
    fork = start_forked("transfer_payloads", [], tmp_path / "log", os.environ)
    assert fork.wait(LIMIT) == 0, (tmp_path / "log").read_text()
