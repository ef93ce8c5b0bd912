"""The OpenAPI document: FastAPI's own, made to say what the service really sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.problems import PROBLEM_JSON

_Document = dict[str, Any]

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_FASTAPI_ERROR_SCHEMAS = ("HTTPValidationError", "ValidationError")
_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "Where DEPTH_API_KEYS_FILE is set.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key in a header of its own.",
    },
}
# Either of them; the empty one stands for services without keys.
_SECURITY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"apiKey": []}]

FIRST = ("models", "format", "model", "quality")
"""The parameters that most callers choose by: what a reader sees first, in this order."""

LAST = (
    *("anchors", "measuring_error", "calibration", "near", "far"),
    *("detail", "normalize", "low", "high", "invert", "palette", "encoding"),
    *("resolution", "depth_kind", "depth_scale", "invalid", "X-Request-Timeout"),
)
"""Parameters that few need to know of; between both stand those of the operation's own."""


def install_openapi(app: FastAPI, *, with_keys: bool) -> None:
    """Serve the amended document at ``/openapi.json``; ``with_keys`` tells of API keys."""

    def document() -> _Document:
        if app.openapi_schema is None:
            app.openapi_schema = openapi_document(app, with_keys=with_keys)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def openapi_document(app: FastAPI, *, with_keys: bool) -> _Document:
    """The contract, of a service that may demand API keys or of one that takes none."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        servers=app.servers,
    )
    if with_keys:
        document["components"]["securitySchemes"] = _SECURITY_SCHEMES
    for operation in _operations(document):
        if with_keys and "401" in operation["responses"]:
            operation["security"] = _SECURITY
        if "parameters" in operation:
            # Where only one value is allowed there is nothing to choose.
            choices = [one for one in operation["parameters"] if "const" not in one["schema"]]
            operation["parameters"] = sorted(map(_amended, choices), key=_place)
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")) and _describes_an_error(response):
                _make_problem(response)
    for name in _FASTAPI_ERROR_SCHEMAS:
        document["components"]["schemas"].pop(name, None)
    return document


def _operations(document: _Document) -> Iterator[_Document]:
    for path in document["paths"].values():
        yield from path.values()


def _place(parameter: _Document) -> int:
    name = parameter["name"]
    if name in FIRST:
        return FIRST.index(name) - len(FIRST)
    return LAST.index(name) + 1 if name in LAST else 0


def _amended(parameter: _Document) -> _Document:
    schema = _without_null(parameter["schema"])
    if "$ref" not in schema:
        return parameter | {"schema": schema}
    # With anything beside its reference an enum is Any to openapi-generator, and a list without
    # choices to others.
    description = parameter.get("description", "")
    if "default" in schema:
        description = f"{description} Default: `{schema['default']}`.".lstrip()
    return parameter | {"description": description, "schema": {"$ref": schema["$ref"]}}


def _without_null(schema: _Document) -> _Document:
    """A parameter that may be left out is not a parameter that may be null.

    Swagger UI offers a list of an enum's values only if null is not among the alternatives.
    """
    alternatives = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(alternatives) != 1:
        return schema
    others = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**others, **alternatives[0]}


def _describes_an_error(response: _Document) -> bool:
    described: _Document = response.get("content", {}).get("application/json", {}).get("schema", {})
    reference: str = described.get("$ref", "")
    return reference.rpartition("/")[2] in ("Problem", *_FASTAPI_ERROR_SCHEMAS)


def _make_problem(response: _Document) -> None:
    response["content"].pop("application/json")
    response["content"].setdefault(PROBLEM_JSON, {})["schema"] = _PROBLEM
