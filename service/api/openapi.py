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


def install_openapi(app: FastAPI) -> None:
    """Serve the amended document at ``/openapi.json``."""

    def document() -> _Document:
        if app.openapi_schema is None:
            app.openapi_schema = _amended(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=app.description,
                    license_info=app.license_info,
                    routes=app.routes,
                    servers=app.servers,
                )
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _amended(document: _Document) -> _Document:
    document["components"]["securitySchemes"] = _SECURITY_SCHEMES
    for operation in _operations(document):
        if "401" in operation["responses"]:
            operation["security"] = _SECURITY
        for parameter in operation.get("parameters", []):
            parameter["schema"] = _without_null(parameter["schema"])
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")) and _describes_an_error(response):
                _make_problem(response)
    for name in _FASTAPI_ERROR_SCHEMAS:
        document["components"]["schemas"].pop(name, None)
    return document


def _operations(document: _Document) -> Iterator[_Document]:
    for path in document["paths"].values():
        yield from path.values()


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
