"""The headers of answers: one table that documents and CORS read, and one function to set them."""

from __future__ import annotations

from typing import Any

from service.observability.context import RequestRecord
from service.pipeline.answer import Answer

CALIBRATION_HEADER = "X-Depth-Calibration"
CAMERA_HEADER = "X-Depth-Camera"
FILE_NAME_HEADER = "Content-Disposition"
JSON_LENGTH_HEADER = "Inference-Header-Content-Length"

# Name, type and meaning.
_TABLE = {
    "X-Request-ID": ("string", "The caller's valid id, or a fresh one."),
    "X-Depth-Model": ("string", "The network that answered."),
    "X-Depth-Kind": ("string", "Meaning of the numbers."),
    "X-Depth-Note": ("string", "What relative depth does not tell; absent for metres."),
    "X-Depth-Min": ("number", "Smallest value of the depth map, with `invert`, too."),
    "X-Depth-Max": ("number", "Largest value of the depth map, with `invert`, too."),
    "X-Batch-Size": ("integer", "Images that the inference thread took from the queue together."),
    "Server-Timing": ("string", "Milliseconds of each stage, from read to encode."),
    CALIBRATION_HEADER: (
        "string",
        "Intercept and slope of metres, as `calibration` takes them, where metres were asked for.",
    ),
    CAMERA_HEADER: (
        "string",
        "Where the camera is known from (`fov`, `intrinsics`, `exif` or `default`), its field of "
        "view in degrees, and its intrinsics in pixels of the photo.",
    ),
    "X-Inference-Milliseconds": ("string", "Milliseconds of inference, `network=ms` with commas."),
    FILE_NAME_HEADER: ("string", "What to save it as; of stereo with its layout, as players read."),
    JSON_LENGTH_HEADER: ("integer", "Bytes of JSON in the body, if binary data follows."),
    "Retry-After": ("integer", "Seconds; absent where waiting does not help."),
    "WWW-Authenticate": ("string", "`Bearer`."),
}

EXPOSED_HEADERS = tuple(_TABLE)
"""What pages of other origins may read."""

DEPTH_HEADERS = (
    *("X-Request-ID", "X-Depth-Model", "X-Depth-Kind", "X-Depth-Note"),
    *("X-Depth-Min", "X-Depth-Max", "X-Batch-Size", "Server-Timing"),
)


def documented(*names: str) -> dict[str, Any]:
    """The OpenAPI description of some headers."""
    return {
        name: {"description": description, "schema": {"type": kind}}
        for name, (kind, description) in _TABLE.items()
        if name in names
    }


def written_fit(fit: tuple[float, float]) -> str:
    """A fit as the parameter ``calibration`` reads it, exactly."""
    # In a query string a plus is a space.
    return ",".join(map(repr, fit)).replace("e+", "e")


def answer_headers(answer: Answer, record: RequestRecord) -> dict[str, str]:
    """The headers of an answer, as far as they apply to it."""
    headers = {"Server-Timing": record.server_timing()}
    if (depth := answer.depth) is not None:
        headers |= {"X-Depth-Model": depth.model, "X-Depth-Kind": depth.kind}
        if depth.kind.note is not None:
            headers["X-Depth-Note"] = depth.kind.note
        if depth.extent is not None:
            low, high = depth.extent
            headers |= {"X-Depth-Min": f"{low:.9g}", "X-Depth-Max": f"{high:.9g}"}
        if depth.fit is not None:
            headers[CALIBRATION_HEADER] = written_fit(depth.fit)
    if answer.camera is not None:
        headers[CAMERA_HEADER] = answer.camera
    if answer.file_name is not None:
        headers[FILE_NAME_HEADER] = f'inline; filename="{answer.file_name}"'
    if answer.batch_size is not None:
        headers["X-Batch-Size"] = str(answer.batch_size)
    if answer.milliseconds:
        headers["X-Inference-Milliseconds"] = ",".join(
            f"{name}={took:g}" for name, took in answer.milliseconds.items()
        )
    if answer.json_bytes is not None:
        headers[JSON_LENGTH_HEADER] = str(answer.json_bytes)
    return headers
