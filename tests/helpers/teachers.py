"""A teacher that answers every chat with the same text, after some trouble."""

from contextlib import contextmanager

from chat_server import chat_server, in_openais_form


@contextmanager
def teacher(text="<wrong>", failures=(), reply=None):
    """Yields (base URL, list of request bodies). The first requests get the status codes in `failures`.

    `reply` is what a chat is answered with instead of `text` in OpenAI's form.
    """
    asked, trouble = [], list(failures)

    def answer(body, request):
        if trouble:
            return trouble.pop(0), {"error": "busy"}
        asked.append(body | {"path": request.path, "authorization": request.headers.get("Authorization")})
        return 200, reply or in_openais_form([f" {text}\n"])

    with chat_server(answer, ["the-teacher"]) as url:
        yield url, asked
