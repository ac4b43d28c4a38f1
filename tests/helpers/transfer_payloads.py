"""Run where vLLM is imported: it takes the payloads of both transfers to GPUs."""

import torch
from vllm.distributed.weight_transfer import ipc_engine, nccl_common, nccl_engine

from rlad.generation.vllm.link import Link
from rlad.generation.vllm.transfer_gpu import NcclTransfer, bucket_metadata


def main() -> None:
    bucket = [("a", torch.zeros(2, 3)), ("b", torch.zeros(4, dtype=torch.bfloat16))]
    assert nccl_engine.NCCLWeightTransferUpdateInfo(**bucket_metadata(bucket)).dtype_names == ["float32", "bfloat16"]
    ipc_engine.IPCWeightTransferUpdateInfo(**bucket_metadata(bucket), ipc_handles=[{"u": ()}, {"u": ()}])
    assert ipc_engine.IPCWeightTransferInitInfo(packed=False).packed is False
    info = NcclTransfer(Link("solution player", "nowhere", 1), 5, workers=2).meeting(port=1234)
    assert nccl_common.NCCLWeightTransferInitInfo(**info).world_size == 3


if __name__ == "__main__":
    main()
