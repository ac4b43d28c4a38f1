#!/usr/bin/env bash
# lm-eval 0.4.13: with model local-completions the allowed length of the answer decides how much of the prompt is sent,
# whatever the server can hold: of 300 tokens the last 7 at max_gen_toks=2040, all at 2047, none at 4096. It warns first
# where nothing is cut.
#
# Expected: more room for the answer does not change the question, or the longer it is, the more is cut, and said.
# Seen: max_gen_toks      256   1800   2040   2047   2048   2200   4096
#       tokens sent       300    247      7    300    299    147      0   (of 300)
#       first one           0     53    293      0      1    153      -
#       "left truncated"   no     no     no    yes    yes    yes    yes
# Why it matters: reasoning models need long answers, so max_gen_toks=2040 or 2200 is set for them, and the score that
# comes back is that of a model which never saw the question's beginning. Give max_length=<the server's context> or
# tokenized_requests=False.
# Said where: API_guide.md has max_length (2048) as "maximum length of input + output"; an open pull request upstream is
# about the empty prompt. models/api_models.py keeps x[-(max_length - 1 - max_gen_toks):], whatever sign that has.
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
import json, logging, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalCompletionsAPI
from tokenizers import Tokenizer, models, pre_tokenizers as split
from transformers import PreTrainedTokenizerFast

asked, warned = [], []
class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps({"choices": [{"index": 0, "text": "yes"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    log_message = lambda *_: None

notes = logging.Handler(logging.WARNING)
notes.emit = lambda record: warned.append(record.getMessage())
logging.getLogger("lm_eval").addHandler(notes)
server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
words = Tokenizer(models.WordLevel({str(i): i for i in range(300)} | {"?": 300}, unk_token="?"))
words.pre_tokenizer = split.WhitespaceSplit()
PreTrainedTokenizerFast(tokenizer_object=words, eos_token="?", pad_token="?").save_pretrained("words")

print("lm-eval", version("lm-eval"))
prompt, changed = " ".join(str(i) for i in range(300)), 0
seen = [(256, 300, 0), (1800, 247, 0), (2040, 7, 0), (2047, 300, 1), (2048, 299, 1), (2200, 147, 1), (4096, 0, 1)]
for at_once in (1, 4):
    url = f"http://127.0.0.1:{server.server_port}/v1/completions"
    model = LocalCompletionsAPI(base_url=url, model="any", tokenizer="words", num_concurrent=at_once)
    for room, sent, says in seen:
        del asked[:], warned[:]
        how = {"until": ["\n"], "max_gen_toks": room}
        model.generate_until([Instance("generate_until", {}, (prompt, how), 0)], disable_tqdm=True)
        (tokens,) = asked[-1]["prompt"] or [[]]
        told = any("truncated" in message for message in warned)
        print(f"{at_once} at once, max_gen_toks {room:4}: sent {len(tokens):3} of 300 {tokens[:1]}, {told=}")
        changed += (len(tokens), told) != (sent, says)
raise SystemExit(1 if changed else 0)
PY
