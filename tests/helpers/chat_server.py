"""A tiny server with OpenAI's chat API on loopback; what it answers is up to who starts it."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen


@contextmanager
def chat_server(answer, models=("stub",)):
    """Yields its base URL. `answer` gives (status, body) for the body of a request and the request itself; `models` are
    the names that it lists, at the moment when it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._reply(200, {"data": [{"id": model} for model in models]})

        def do_POST(self):
            self._reply(*answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self))

        def _reply(self, status, body):
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            try:
                self.wfile.write(payload)
            except ConnectionError:
                """Whoever asked was killed."""

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def let_it_finish(url, seconds=30):
    """Waits until a server has answered whatever it was asked so far, by askers that were killed since, too."""
    with urlopen(f"{url}/models", timeout=seconds):
        """It came behind the others, so each of them has its thread by now."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(seconds)
            assert not thread.is_alive()


def in_openais_form(texts, **more):
    """The body of an answer that holds these texts."""
    return {"choices": [{"message": {"content": text}} for text in texts]} | more
