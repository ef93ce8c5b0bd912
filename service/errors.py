"""The one error hierarchy: bytes -> image -> tensor -> depth, and what can go wrong on the way.

Each class carries its HTTP status, a stable slug that callers may match on, and a title. The
instance carries the sentence for this occurrence. ``api/problems.py`` turns them into RFC 9457
problem+json. A detail is shown to the caller: never put a path, a key or a stack trace in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class DepthError(Exception):
    """Base of everything this service refuses or fails to do."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "The service failed"
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class MalformedRequest(DepthError):
    """The request cannot be read: empty body, broken multipart, wrong or repeated field."""

    status = 400
    slug = "malformed-request"
    title = "The request cannot be read"


class IncompleteContentType(MalformedRequest):
    """The Content-Type does not tell how to read the body."""

    title = "The Content-Type is incomplete"


class Unauthorized(DepthError):
    """The request carries no valid API key."""

    status = 401
    slug = "unauthorized"
    title = "An API key is needed"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class OriginRefused(DepthError):
    """A page of another site opens a stream."""

    status = 403
    slug = "origin-not-allowed"
    title = "Pages of this origin may not do that"


class ModelNotFound(DepthError):
    """The named network is not in the registry."""

    status = 404
    slug = "model-not-found"
    title = "No such network"


class NotAcceptable(DepthError):
    """No representation on offer matches the Accept header."""

    status = 406
    slug = "not-acceptable"
    title = "No acceptable representation"


class RequestHeadTimeout(DepthError):
    """The request's headers did not arrive in time."""

    status = 408
    slug = "request-timeout"
    title = "The request did not arrive in time"


class PayloadTooLarge(DepthError):
    """Too many bytes in the body, or too many pixels in the image."""

    status = 413
    slug = "payload-too-large"
    title = "Too large"


class RequestLineTooLong(DepthError):
    """The method and the address of the request are too long."""

    status = 414
    slug = "address-too-long"
    title = "The address is too long"


class HeadersTooLarge(DepthError):
    """The headers of the request are too large together."""

    status = 431
    slug = "headers-too-large"
    title = "The headers are too large"


class UnsupportedMediaType(DepthError):
    """The bytes are not in one of the image formats that are read here."""

    status = 415
    slug = "unsupported-media-type"
    title = "Not a supported image format"


class UnsupportedContentType(UnsupportedMediaType):
    """The body is declared to be something else than a photo, as by curl's ``--data-binary``."""

    title = "The Content-Type is not one that is read here"


class UnsupportedEncoding(UnsupportedMediaType):
    """The body is compressed, as its Content-Encoding says."""

    title = "The body is encoded in a way that is not read"
    headers: ClassVar[Mapping[str, str]] = {"Accept-Encoding": "identity"}


class UnsupportedTensorEncoding(UnsupportedEncoding):
    """The same of a body of tensors, of which some encodings are read."""

    headers: ClassVar[Mapping[str, str]] = {"Accept-Encoding": "gzip, deflate, identity"}


class UndecodableImage(DepthError):
    """The bytes claim a supported format but do not decode."""

    status = 422
    slug = "undecodable-image"
    title = "The image cannot be decoded"


class InvalidParameter(DepthError):
    """A query parameter or header has a value that is not allowed."""

    status = 422
    slug = "invalid-parameter"
    title = "A parameter is not valid"


class InvalidTensor(DepthError):
    """A tensor of an inference request is not what the network takes."""

    status = 400
    slug = "invalid-tensor"
    title = "A tensor is not valid"


class ClientDisconnected(DepthError):
    """The caller went away; nobody reads the answer (499 is what the access log shows)."""

    status = 499
    slug = "client-disconnected"
    title = "The client went away"


class TooManyRequests(DepthError):
    """This client holds its share of the service; others are still served."""

    status = 429
    slug = "too-many-requests"
    title = "Too many requests of this client"


class Overloaded(DepthError):
    """Admission is full: try again after the backlog is served."""

    status = 503
    slug = "overloaded"
    title = "Too busy"


class Draining(DepthError):
    """This process is stopping and takes no new work."""

    status = 503
    slug = "draining"
    title = "Shutting down"


class ModelUnavailable(DepthError):
    """The network is known but cannot be served: its weights are missing or refused."""

    status = 503
    slug = "model-unavailable"
    title = "The network is not available"


class DecoderUnavailable(DepthError):
    """Photos are decoded in processes of their own, and none can be started."""

    status = 503
    slug = "decoder-unavailable"
    title = "No decoder is available"


class DeadlineExceeded(DepthError):
    """The request's deadline passed before its answer was ready."""

    status = 504
    slug = "deadline-exceeded"
    title = "Not finished in time"


class InferenceFailed(DepthError):
    """The network raised or returned something that is not a depth map."""

    title = "The network failed on this image"

    @classmethod
    def because_of(cls, error: BaseException, detail: str) -> InferenceFailed:
        """``error`` if it is one itself, else one that it caused."""
        if isinstance(error, cls):
            return error
        failure = cls(detail)
        failure.__cause__ = error
        return failure


class WorkerLost(DepthError):
    """Processes that had this photo in hand ended, again and again (bulk runs only)."""

    slug = "worker-lost"
    title = "The photo ends its workers"


class WeightsError(Exception):
    """A weights file is missing, truncated, or not the one it claims to be."""


class ApiKeysError(Exception):
    """The file of API keys is missing or broken."""


class TracingError(Exception):
    """Traces are asked for and cannot be made."""
