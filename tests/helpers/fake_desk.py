"""An engine process without vLLM: the real desk over a core that makes tokens up. FAKE_CORE says how it behaves."""

import json
import os
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from rlad.generation.vllm.desk import Desk

BEHAVIOUR = os.environ.get("FAKE_CORE", "")


class FakeCore:
    """Continues a prompt with its last token + 1, + 2, ...; one token a step for everybody."""

    def __init__(self):
        self.versions, self.requests, self.largest, self.sums, self.aborted = {}, {}, 0, {}, []

    def version(self, adapter):
        if adapter == "nobody":
            raise ValueError("there is no adapter 'nobody'")
        return self.versions.get(adapter, 0)

    def add(self, key, prompt, sampling, index, adapter):
        if sampling["max_new_tokens"] > 1000:
            raise ValueError("too many tokens")
        self.requests[key] = (prompt[-1], sampling["max_new_tokens"], [], adapter)

    def busy(self):
        return bool(self.requests)

    def abort(self, keys):
        self.aborted += [key for key in keys if self.requests.pop(key, None)]

    def step(self):
        if BEHAVIOUR == "hang":
            time.sleep(3600)
        if BEHAVIOUR == "slow":
            time.sleep(0.3)
        self.largest = max(self.largest, len(self.requests))
        done = []
        for key, (last, most, tokens, _) in self.requests.items():
            tokens.append(last + len(tokens) + 1)
            if len(tokens) == most:
                done.append(key)
        for key in done:
            _, _, tokens, adapter = self.requests.pop(key)
            version, logprobs = self.version(adapter) - (BEHAVIOUR == "stale"), [-1.0] * len(tokens)
            yield SimpleNamespace(key=key, token_ids=tokens, logprobs=logprobs, reason="length", version=version)

    def stats(self):
        return {"largest": self.largest, "aborted": len(self.aborted), "running": len(self.requests)}

    def load_folder(self, folder, version, adapter):
        if BEHAVIOUR == "slow-load":
            time.sleep(3600)
        if not any(Path(folder).glob("*.safetensors")):
            raise ValueError("the published weights do not fit the model")
        from rlad.generation.checksums import checksums  # with torch, which takes longer than all the rest
        from rlad.generation.vllm.weights import read_weights

        self.versions[adapter] = version
        self.sums[adapter] = checksums(read_weights(Path(folder)))

    def checksums(self, adapter):
        return [self.sums[adapter]]


def main():
    settings = json.loads(sys.argv[1])
    if BEHAVIOUR == "never":
        time.sleep(3600)
    if BEHAVIOUR == "dies":
        print("no kernel image is available")
        sys.exit(3)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(settings["socket"])
        door.listen(8)
        Desk(FakeCore(), door).serve()


if __name__ == "__main__":
    main()
