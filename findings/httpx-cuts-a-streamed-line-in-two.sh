#!/usr/bin/env bash
# httpx 0.28.1 and httpx2 2.16.2: iter_lines() of a server-sent-event stream ends a line at U+2028, U+0085 and five
# other characters that a model may write, so `data: {...}` arrives in pieces that are no JSON.
#
# Expected: lines of an event stream end at CR, LF or CRLF (the event-stream specification; what urllib and requests on
# bytes do), and whatever json.dumps(..., ensure_ascii=False) puts in one line stays one line.
# Seen: one event {"delta": "so x = 1<U+2028>then <U+0085>y = 2"}: urllib and requests give 1 line, both httpx
#       versions 3. json.loads of the first piece: "Unterminated string"; the rest has no "data:" and is skipped by the
#       usual loop, so a client that tolerates one bad event loses text without noticing.
# Why it matters: every home-made client of vLLM, SGLang or an OpenAI-compatible server that loops over
# response.iter_lines() breaks on a text with a line separator (web scrapes hold them), and breaks by content: a rare
# rollout fails, and retrying it at temperature 0 fails again. Split iter_bytes() at b"\n", or have the server escape
# non-ASCII.
# Said where: the quickstart says "stream the text, on a line-by-line basis"; LineDecoder in httpx/_decoders.py says
# that it behaves as str.splitlines, whose list of ten separators is in Python's documentation. requests does the same
# with decode_unicode=True.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile httpx==0.28.1 httpx2==2.16.2 requests==2.34.2
nice "$work/venv/bin/python" - <<'PY'
import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
import httpx
import httpx2
import requests

event = "data: " + json.dumps({"delta": "so x = 1\u2028then \u0085y = 2"}, ensure_ascii=False)
body = (event + "\n\n").encode()


class Stream(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


server = HTTPServer(("127.0.0.1", 0), Stream)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
lines = {"urllib": [line.decode().rstrip("\n") for line in urllib.request.urlopen(url)]}
with requests.get(url, stream=True) as response:
    lines["requests " + requests.__version__] = [line.decode() for line in response.iter_lines()]
for library in (httpx, httpx2):
    with library.Client(trust_env=False) as client, client.stream("GET", url) as response:
        lines[f"{library.__name__} {library.__version__}"] = list(response.iter_lines())
server.shutdown()
counts = []
for name, found in lines.items():
    found = [line for line in found if line]
    counts.append(len(found))
    try:
        read = json.loads(found[0].removeprefix("data: "))
    except json.JSONDecodeError as error:
        read = f"JSONDecodeError: {error}"
    print(f"{name:16} expected 1 line, got {len(found)}: {read}")
raise SystemExit(0 if counts == [1, 1, 3, 3] else 1)
PY
