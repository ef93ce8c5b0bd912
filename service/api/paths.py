"""The paths that middleware must know before a request is routed."""

from __future__ import annotations

from starlette.types import Scope

# Asked by kubelets and load balancers, which have neither keys nor the right Host header.
PROBES = frozenset({"/livez", "/readyz", "/healthz", "/v2/health/live", "/v2/health/ready"})
_OPEN_INFERENCE = "/v2"

STREAM = "/v1/stream"
"""The only path that speaks WebSocket."""


def route_path(scope: Scope) -> str:
    """The path that will be routed: without the prefix that uvicorn puts before it."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def is_open_inference(scope: Scope) -> bool:
    """Whether the request is one of the Open Inference Protocol."""
    path = route_path(scope)
    return path == _OPEN_INFERENCE or path.startswith(f"{_OPEN_INFERENCE}/")
