"""A tiny OpenAI-compatible server on loopback that answers every chat with the same text, after some trouble."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def teacher(text="<wrong>", failures=(), reply=None):
    """Yields (base URL, list of request bodies). The first requests get the status codes in `failures`.

    `reply` is what a chat is answered with instead of `text` in OpenAI's form.
    """
    asked, trouble = [], list(failures)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._reply(200, {"data": [{"id": "the-teacher"}]})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if trouble:
                self._reply(trouble.pop(0), {"error": "busy"})
                return
            asked.append(body | {"path": self.path, "authorization": self.headers.get("Authorization")})
            self._reply(200, reply or {"choices": [{"message": {"content": f" {text}\n"}}]})

        def _reply(self, status, body):
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()
