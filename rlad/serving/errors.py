"""Errors as OpenAI's clients expect them: one JSON shape, and the status that says whose fault it was."""

from __future__ import annotations

from collections.abc import Mapping

from rlad.generation.streaming import PromptRefused, SamplerDown
from rlad.reasoning.events import ErrorBody
from rlad.reasoning.scores import ScoreMissing
from rlad.serving.schema import ErrorResponse

OUTSIDE = (SamplerDown, PromptRefused, ScoreMissing)
"""What may end a tree that has begun."""


class ApiError(Exception):
    """A request that is answered with an error; the message is one plain sentence."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})
        self.body = ErrorBody(message=message, type=KINDS.get(status, "invalid_request_error"), param=param, code=code)

    def json(self) -> bytes:
        return ErrorResponse(error=self.body).model_dump_json().encode()


KINDS = {
    401: "authentication_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    504: "server_error",
}
"""OpenAI's `type` by status; every other status is an invalid_request_error."""


def of_sampler(error: SamplerDown | PromptRefused | ScoreMissing) -> ApiError:
    """What a client is told about a sampler's error: hosts and processes behind the gateway are not its business."""
    if isinstance(error, ScoreMissing):
        return ApiError(400, str(error), "select", "score_missing")
    if isinstance(error, PromptRefused):
        return ApiError(400, str(error), code="context_length_exceeded")
    message = "An engine behind this server does not answer now; try again in a few seconds."
    return ApiError(503, message, code="engine_unavailable", headers={"Retry-After": "5"})


def wrong_keys() -> ApiError:
    message = "No valid API key was given; send it as 'Authorization: Bearer KEY'."
    return ApiError(401, message, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})


def unknown_model(name: str, known: list[str]) -> ApiError:
    shown = name if len(name) <= 80 else f"{name[:80]}..."
    return ApiError(404, f"There is no model '{shown}'; there are: {', '.join(known)}.", "model", "model_not_found")


def of_validation(problems: list[dict]) -> ApiError:
    """The first thing that is wrong with a body, in words.

    >>> of_validation([{"loc": ("body", "n"), "msg": "Input should be greater than 0", "type": "greater_than"}]).body
    ErrorBody(message='n: Input should be greater than 0.', type='invalid_request_error', param='n', code=None)
    """
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    if first["type"] == "json_invalid":
        return ApiError(400, "The body is not valid JSON.", code="invalid_json")
    text = f"{where}: {first['msg']}." if where else f"The body must be a JSON object: {first['msg']}."
    return ApiError(400, text, where or None)
