"""The OpenAPI description, and whatever can be made up from it: no request may cost the server a 5xx."""

import pytest
import schemathesis
from fake_gateway import KEY, Gateway
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

# Without keys: else half of what is made up ends at the door.
OPEN = Gateway(keys=(), max_abstractions=6, max_solutions=4, max_samples=12, max_total_tokens=2000)
schema = schemathesis.openapi.from_asgi("/openapi.json", OPEN.app)


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_no_request_made_from_the_description_is_a_5xx(case):
    reply = case.call()
    case.validate_response(reply, checks=[not_a_server_error])
    assert reply.status_code < 500
    if reply.status_code >= 400:
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


def test_the_description_names_the_routes_their_bodies_and_the_key():
    described = Gateway(keys=(KEY,)).app.openapi()
    assert described["security"] == [{"key": []}]
    assert {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/solve",
        "/v1/models",
        "/healthz",
        "/readyz",
        "/metrics",
    } <= set(described["paths"])
    solve = described["paths"]["/v1/solve"]["post"]
    assert {"200", "400", "401", "413", "429", "503", "504"} <= set(solve["responses"]) and "422" not in solve[
        "responses"
    ]
    assert {"SolveRequest", "SolveResponse", "ChatRequest", "ErrorResponse"} <= set(described["components"]["schemas"])
    assert OPEN.app.openapi().get("security") is None


def integers(node, where=""):
    """(place, schema) of every integer in a description."""
    if isinstance(node, dict):
        if node.get("type") == "integer":
            yield where, node
        for key, value in node.items():
            yield from integers(value, f"{where}.{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from integers(value, f"{where}.{i}")


def test_every_integer_of_a_request_is_bounded():
    schemas = OPEN.app.openapi()["components"]["schemas"]
    requests = {name: schemas[name] for name in ("TreeOptions", "SolveRequest", "ChatRequest", "CompletionRequest")}
    found = dict(integers(requests))
    assert len(found) >= 15
    for where, node in found.items():
        assert {"minimum", "exclusiveMinimum"} & set(node) and {"maximum", "exclusiveMaximum"} & set(node), where
