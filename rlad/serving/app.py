"""The application: routes, what they share, and how errors look."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from rlad.config import ServingConfig
from rlad.generation.streaming import SamplerDown
from rlad.reasoning.events import ErrorEvent, Usage
from rlad.serving import errors, playground
from rlad.serving.admission import Admission
from rlad.serving.bodies import BodyRoute
from rlad.serving.chat import MODELS, Planner, Work
from rlad.serving.errors import ApiError
from rlad.serving.guard import Guard
from rlad.serving.keys import Keys
from rlad.serving.metrics import Metrics
from rlad.serving.options import tree_job
from rlad.serving.pair import ServedPair
from rlad.serving.schema import (
    ChatRequest,
    CompletionRequest,
    ErrorResponse,
    Health,
    ModelCard,
    ModelList,
    SolveRequest,
    SolveResponse,
)
from rlad.serving.solving import Solving
from rlad.serving.streams import END, EventStream, event

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": text}
    for status, text in {
        400: "What is asked for cannot be done; `param` says why.",
        401: "No valid API key.",
        404: "No such model.",
        408: "The body took too long to arrive.",
        413: "The body is too large.",
        415: "The body is not announced as JSON.",
        429: "The server is busy and its queue is full; Retry-After says when to come back.",
        503: "An engine does not answer now.",
        504: "The request took too long.",
    }.items()
}
EXAMPLES = 3
"""Problems that the card of a pair with a world shows."""


def create_app(pair: ServedPair, config: ServingConfig, keys: Keys, metrics: Metrics | None = None) -> FastAPI:
    """The gateway over two players. It starts nothing: samplers are made and ended by whoever makes the pair."""
    metrics = metrics or Metrics()
    admission = Admission(config.max_concurrent, config.max_queue)
    metrics.running.set_function(lambda: admission.running)
    metrics.waiting.set_function(lambda: admission.waiting)
    app = FastAPI(
        title="rlad",
        version="1",
        description="A trained pair behind OpenAI's API.",
        redoc_url=None,
        redirect_slashes=False,  # its address would be made of the Host that the client names
    )
    app.state.draining = False
    _handle_errors(app)
    _add_generating(app, pair, config, metrics)
    _add_information(app, pair, config, metrics)
    _add_playground(app)
    app.add_middleware(Guard, config=config, keys=keys, metrics=metrics, admission=admission)
    app.openapi = _description(app, secured=bool(len(keys)))  # type: ignore[method-assign]
    return app


def _handle_errors(app: FastAPI) -> None:
    def answer(error: ApiError) -> Response:
        return Response(error.json(), error.status, error.headers, media_type="application/json")

    @app.exception_handler(ApiError)
    async def of_ours(_: Request, error: ApiError) -> Response:
        return answer(error)

    async def of_sampler(_: Request, error: Exception) -> Response:
        return answer(errors.of_sampler(error))

    for kind in errors.OUTSIDE:
        app.add_exception_handler(kind, of_sampler)

    @app.exception_handler(RequestValidationError)
    async def of_validation(_: Request, error: RequestValidationError) -> Response:
        return answer(errors.of_validation(list(error.errors())))

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> Response:
        return answer(ApiError(error.status_code, f"{error.detail}.", headers=error.headers))


def _add_generating(app: FastAPI, pair: ServedPair, config: ServingConfig, metrics: Metrics) -> None:
    planner = Planner(pair, config, metrics)
    usual: dict[str, Any] = {"responses": REFUSALS, "response_model": None}
    router = APIRouter(route_class=BodyRoute)

    async def openai(request: Request, body: ChatRequest | CompletionRequest, work: Work) -> Response:
        _require_engines(pair, body.model)
        request.state.log = {"model": body.model, "stream": bool(body.stream), "choices": work.choices}
        if body.stream:
            include = body.stream_options is not None and body.stream_options.include_usage
            return EventStream(_ending_well(work.stream(include), request, work.usage))
        answer = await work.answer()
        _log_usage(request, work.usage())
        return JSONResponse(answer)

    @router.post("/v1/chat/completions", tags=["OpenAI"], **usual)
    async def chat_completions(request: Request, body: ChatRequest) -> Response:
        """The pair's answer to a problem (model rlad), or what one player says to it."""
        return await openai(request, body, planner.chat(body, request.state.request_id))

    @router.post("/v1/completions", tags=["OpenAI"], **usual)
    async def completions(request: Request, body: CompletionRequest) -> Response:
        """Of the pair: its answer to the prompt as a problem. Of a player: the prompt's continuation, as it stands."""
        return await openai(request, body, planner.completion(body, request.state.request_id))

    @router.post("/v1/solve", tags=["tree"], responses=REFUSALS | {200: {"model": SolveResponse}}, response_model=None)
    async def solve(request: Request, body: SolveRequest) -> Response:
        """One problem, the whole tree: at once, or with `stream` as events (docs/serving.md) while it grows."""
        job = tree_job(
            pair, config, f"solve-{request.state.request_id}", body.problem, body, body.temperature, body.max_tokens,
            body.seed, body.gold, body.stream and body.deltas,
        )  # fmt: skip
        _require_engines(pair, MODELS[0])
        solving = Solving(pair, job, metrics)
        request.state.log = {"model": MODELS[0], "stream": body.stream, "choices": 1}
        if body.stream:
            return EventStream(_ending_well(_lines(solving), request, lambda: solving.usage))
        await solving.run()
        _log_usage(request, solving.usage, stopped=solving.stopped)
        return Response(solving.response().model_dump_json(), media_type="application/json")

    app.include_router(router)


async def _lines(solving: Solving) -> AsyncIterator[str]:
    async with aclosing(solving.events()) as events:
        async for told in events:
            yield event(told.model_dump_json())
    yield END


async def _ending_well(items: AsyncIterator[str], request: Request, usage: Callable[[], Usage]) -> AsyncIterator[str]:
    """The items; an error of a sampler becomes the last event, since the status line has long been sent."""
    try:
        async with aclosing(items):
            async for item in items:
                yield item
    except errors.OUTSIDE as error:
        request.state.log["error"] = str(error)
        yield event(ErrorEvent(error=errors.of_sampler(error).body).model_dump_json())
    finally:
        _log_usage(request, usage())


def _log_usage(request: Request, usage: Usage, **more: Any) -> None:
    request.state.log |= {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, **more}


def _require_engines(pair: ServedPair, model: str) -> None:
    needed = [p for role, p in pair.players.items() if model in (MODELS[0], f"rlad-{role}")]
    for player in needed:
        if not player.up():
            raise SamplerDown(f"the {player.role} engine is down")


def _add_information(app: FastAPI, pair: ServedPair, config: ServingConfig, metrics: Metrics) -> None:
    started = int(time.time())

    examples = [pair.world.sample(random.Random(seed)).question for seed in range(EXAMPLES)] if pair.world else None

    def card(name: str) -> ModelCard:
        of_pair = {"select": config.select, "examples": examples} if name == MODELS[0] else {}
        return ModelCard(id=name, created=started, **of_pair)

    @app.get("/v1/models", tags=["OpenAI"], responses=REFUSALS)
    async def models() -> ModelList:
        """The pair and its two players."""
        return ModelList(data=[card(name) for name in MODELS])

    @app.get("/v1/models/{model}", tags=["OpenAI"], responses=REFUSALS)
    async def model(model: str) -> ModelCard:
        if model not in MODELS:
            raise errors.unknown_model(model, MODELS)
        return card(model)

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> Health:
        """The process lives."""
        return Health(status="ok")

    @app.get("/readyz", tags=["operation"], responses={503: {"model": Health}})
    async def readyz() -> Response:
        """Both samplers answer, and the server is not shutting down."""
        players = {role: "up" if player.up() else "down" for role, player in pair.players.items()}
        ready = not app.state.draining and set(players.values()) == {"up"}
        status = "draining" if app.state.draining else "ready" if ready else "not ready"
        return JSONResponse(Health(status=status, players=players).model_dump(), 200 if ready else 503)

    @app.get("/metrics", tags=["operation"], response_class=Response)
    async def prometheus() -> Response:
        """For Prometheus."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _add_playground(app: FastAPI) -> None:
    def file(media_type: str, content: bytes) -> Callable[[Request], Response]:
        return lambda _: Response(content, media_type=media_type, headers=playground.HEADERS)

    for path, (media_type, content) in playground.files().items():
        app.add_route(path, file(media_type, content), ["GET", "HEAD"], include_in_schema=False)


def _description(app: FastAPI, secured: bool) -> Callable[[], dict[str, Any]]:
    """FastAPI's OpenAPI description, with the API key that every route wants."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            for path in schema["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)  # ours is a 400
            if secured:
                schema.setdefault("components", {})["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
                schema["security"] = [{"key": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    return describe
