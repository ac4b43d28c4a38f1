#!/usr/bin/env bash
# lm-eval 0.4.13: against a server (local-completions, local-chat-completions) all repeats of a sampled task carry the
# same seed, so the 64 samples of gsm8k's self-consistency task are one sample 64 times.
#
# Expected: repeats: 64 with do_sample and a temperature are 64 independent samples of each question.
# Seen: a server that draws as the seed says (as vLLM and llama.cpp do); 64 repeats, temperature as in the task:
#       local-completions, one request at a time / eight at once    1 distinct answer of 64 / 1
#       local-chat-completions                                      1 / 1
#       gen_kwargs {"seed": null}                                   64 / 64, in both
# Why it matters: maj@64 is then maj@1, pass@64 of humaneval_64 (and pass@k of every task of one's own with repeats) is
# pass@1, and the spread over repeats is 0, which reads as a very certain model. A server that ignores seeds, or a batch
# that changes the last bits, hides it for some models. Count the distinct answers in the logged samples first.
# Said where: API_guide.md lists "seed: Random seed for reproducibility. Default is 1234"; nothing of repeats. The
# engines in the same process (hf, vllm) are seeded once, not per request.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile requests==2.34.2 Jinja2==3.1.6 sqlitedict==2.1.0 tqdm==4.70.1 \
    numpy==2.3.5 PyYAML==6.0.3 typing_extensions==4.16.0 aiohttp==3.14.5 tenacity==9.2.1
nice "$work/venv/bin/pip" install -qq --no-compile --no-deps lm-eval==0.4.13
cd "$work"
nice "$work/venv/bin/python" - <<'PY'
import json, random, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
import lm_eval
import yaml
from lm_eval.api.instance import Instance
from lm_eval.models.api_models import JsonChatStr
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        drawn = str(random.Random(request.get("seed")).getrandbits(60))
        choice = {"index": 0, "text": drawn, "message": {"role": "assistant", "content": drawn}}
        body = json.dumps({"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    log_message = lambda *_: None


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
task = (Path(lm_eval.__file__).parent / "tasks/gsm8k/gsm8k-cot-self-consistency.yaml").read_text()
task = yaml.safe_load(task.replace("!function", ""))
repeats, options = task["repeats"], task["generation_kwargs"]
print("lm-eval", version("lm-eval"), f"repeats {repeats}", {key: options[key] for key in ("do_sample", "temperature")})
chat = JsonChatStr(json.dumps([{"role": "user", "content": "What is 1 + 1?"}]))
changed = 0
ways = (("completions", LocalCompletionsAPI, "What is 1 + 1?"), ("chat/completions", LocalChatCompletion, chat))
for name, kind, prompt in ways:
    for at_once in (1, 8):
        url = f"http://127.0.0.1:{server.server_port}/v1/{name}"
        model = kind(base_url=url, model="any", tokenizer_backend=None, num_concurrent=at_once)
        got = []
        for extra in ({}, {"seed": None}):
            request = Instance("generate_until", {}, (prompt, options | extra), 0)
            got.append(len(set(model.generate_until([request] * repeats, disable_tqdm=True))))
        print(f"{name:16} {at_once} at once: expected {repeats} distinct answers, got {got[0]}; seed null: {got[1]}")
        changed += got != [1, repeats]
raise SystemExit(1 if changed else 0)
PY
