#!/usr/bin/env bash
# lm-eval 0.4.13: with model local-completions the allowed length of the answer decides how much of the prompt is sent,
# whatever the server can hold: of 300 tokens the last 7 at max_gen_toks=2040, all at 2047, none at 4096. Where it
# shortens the prompt to fit, it does so without a word; the first warning comes where nothing is cut.
#
# Expected: the server knows its context; more room for the answer does not change the question. If the client limits
# the sum of both, it cuts further the longer the answer may be, and says so.
# Seen: max_gen_toks      256   1700   1800   2040   2047   2048   2100   2200   4096
#       tokens sent       300    300    247      7    300    299    247    147      0   (of 300)
#       first one           0      0     53    293      0      1     53    153      -
#       "left truncated"   no     no     no     no    yes    yes    yes    yes    yes
#       One request at a time or several at once, alike.
# Why it matters: reasoning models need long answers, so max_gen_toks=2040 or 2200 is set for them, and the score that
# comes back is that of a model which never saw the question's beginning (few-shot examples, the system's part). The
# curve of accuracy against answer length then has a dip and a peak that no model has. vLLM refuses the empty prompt,
# all other rows are answered. Give max_length=<the server's context> or tokenized_requests=False.
# Said where: API_guide.md says that max_length is 2048 by default, "maximum length of input + output". An open pull
# request upstream is about the empty prompt. Source: x[-(max_length - 1 - max_gen_toks):] in models/api_models.py,
# where the bound may be 0 or negative, and the warning compares the lengths after the cut.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile requests==2.34.2 Jinja2==3.1.6 sqlitedict==2.1.0 tqdm==4.70.1 \
    numpy==2.3.5 PyYAML==6.0.3 typing_extensions==4.16.0 aiohttp==3.14.5 tenacity==9.2.1 transformers==5.19.0
nice "$work/venv/bin/pip" install -qq --no-compile --no-deps lm-eval==0.4.13
cd "$work"
nice "$work/venv/bin/python" - <<'PY'
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalCompletionsAPI
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

asked, warned = [], []


class Server(BaseHTTPRequestHandler):
    """Writes down each request and answers it with one word."""

    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps({"choices": [{"index": 0, "text": "yes"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Notes(logging.Handler):
    def emit(self, record):
        warned.append(record.getMessage())


logging.getLogger("lm_eval").addHandler(Notes(logging.WARNING))
logging.getLogger("lm_eval").propagate = False
server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
words = Tokenizer(models.WordLevel({str(i): i for i in range(300)} | {"?": 300}, unk_token="?"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
PreTrainedTokenizerFast(tokenizer_object=words, eos_token="?", pad_token="?").save_pretrained("words")

print("lm-eval", version("lm-eval"))
prompt = " ".join(str(i) for i in range(300))
seen = [(256, 300, 0), (1700, 300, 0), (1800, 247, 0), (2040, 7, 0), (2047, 300, 1), (2048, 299, 1), (2100, 247, 1)]
seen += [(2200, 147, 1), (4096, 0, 1)]
changed = 0
for at_once in (1, 4):
    model = LocalCompletionsAPI(
        base_url=f"http://127.0.0.1:{server.server_port}/v1/completions",
        model="any",
        tokenizer="words",
        tokenizer_backend="huggingface",
        num_concurrent=at_once,
    )
    for room, sent, says in seen:
        asked.clear()
        warned.clear()
        request = Instance("generate_until", {}, (prompt, {"until": ["\n"], "max_gen_toks": room}), 0)
        model.generate_until([request], disable_tqdm=True)
        (tokens,) = asked[-1]["prompt"] or [[]]
        told = any("truncated" in message for message in warned)
        print(f"{at_once} at once, max_gen_toks {room:4}: sent {len(tokens):3} of 300 {tokens[:1]}, {told=}")
        changed += (len(tokens), told) != (sent, bool(says))
raise SystemExit(1 if changed else 0)
PY
