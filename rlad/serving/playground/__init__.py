"""The playground: a page over POST /v1/solve, as the static files next to this one.

They need no build step and nothing from outside; `HEADERS` forbids the browser to fetch or run anything else.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # a page older than its server would not understand it
}
"""To be sent with every file."""


def files() -> dict[str, tuple[str, bytes]]:
    """URL path -> (media type, content) of every file of the page; the page itself is `/`.

    Its references are relative, so it also works behind a proxy that adds a prefix.
    """
    found = sorted(path for path in FOLDER.iterdir() if path.suffix in TYPES)
    served = {f"/{path.name}": (TYPES[path.suffix], path.read_bytes()) for path in found}
    return {"/": served.pop("/index.html"), **served}
