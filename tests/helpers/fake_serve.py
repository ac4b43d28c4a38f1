"""A `vllm serve` without vLLM: answers /health. FAKE_SERVE says how it behaves."""

import http.server
import os
import subprocess
import sys
import time

behaviour = os.environ.get("FAKE_SERVE", "")
port = int(sys.argv[sys.argv.index("--port") + 1])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


if behaviour == "dies":
    print("CUDA out of memory")
    sys.exit(7)
if behaviour == "never":
    time.sleep(3600)
if behaviour.startswith("port-taken:") and not os.path.exists(behaviour.partition(":")[2]):
    open(behaviour.partition(":")[2], "w").close()
    print("OSError: [Errno 98] Address already in use")
    sys.exit(1)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])  # as vLLM's engine core
print("child", child.pid, flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
