"""The Open Inference Protocol's inference call: tensors or photos in, depth or heatmaps out."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Request, Response

from service.api.answers import respond
from service.api.headers import JSON_LENGTH_HEADER, documented, written_fit
from service.api.oip.message import InferCall, Output, read_call, write_answer
from service.api.oip.metadata import TAG, VERSION, find_version
from service.api.oip.schemas import (
    InferResponse,
    RequestParameters,
    WantedOutput,
    infer_request_schema,
    oip_responses,
)
from service.api.photo_route import PhotoRoute
from service.api.schemas import RequestTimeout
from service.api.upload import read_body
from service.errors import InvalidParameter
from service.geometry.metres import Metres, MetresOptions, metres_of
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.formats import OutputFormat, encode, writing_bytes_per_pixel
from service.models.spec import NetworkSpec
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer, DepthFacts
from service.pipeline.estimator import Estimate, OutputSize
from service.pipeline.runtime import Runtime

JsonLength = Annotated[
    str | None,
    Header(
        alias=JSON_LENGTH_HEADER, description="Bytes of JSON in the body, if binary data follows."
    ),
]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ERRORS = oip_responses(400, 401, 404, 413, 415, 422, 429, 500, 503, 504)
_OK: dict[int | str, dict[str, Any]] = {
    200: {
        "model": InferResponse,
        "description": "JSON, and then the binary data that was asked for.",
        "headers": documented(JSON_LENGTH_HEADER),
        # First what is sent unless a caller asks otherwise: a generated client has that type.
        "content": {"application/json": {}, "application/octet-stream": _BINARY},
    }
}

# A map, the tensor that it is stacked into, and the body.
_STACKED_BYTES_PER_PIXEL = 12

router = APIRouter(tags=[TAG], prefix="/v2", route_class=PhotoRoute)


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "JSON, or JSON and then the tensor's binary data; both as they are, or "
        "compressed together by `Content-Encoding: gzip` or `deflate`.",
        "content": {
            "application/json": {
                "schema": infer_request_schema(),
                "example": {
                    "inputs": [
                        {"name": "image", "shape": [1], "datatype": "BYTES", "data": ["/9j/4AAQ"]}
                    ],
                    "outputs": [{"name": "heatmap"}],
                },
            },
            "application/octet-stream": _BINARY,
        },
    }
}


@router.post(
    "/models/{name}/infer",
    summary="Inference",
    response_class=Response,
    responses=_ERRORS | _OK,
    openapi_extra=_BODY,
)
@router.post(
    "/models/{name}/versions/{version}/infer",
    name="oip_infer_version",
    summary="Inference with a version",
    response_class=Response,
    responses=_ERRORS | _OK,
    openapi_extra=_BODY,
)
async def oip_infer(
    request: Request,
    name: str,
    version: str = VERSION,
    json_length: JsonLength = None,
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Depth of photos (`image`) or of ready network inputs (`input`).

    Each photo or network input is queued as one of its own. `depth` stacks the maps, so photos of
    different aspect ratios need a request each, or `heatmap`.
    """
    runtime: Runtime = request.app.state.runtime
    spec = find_version(runtime, name, version)
    record: RequestRecord = request.state.record
    record.model, record.output = spec.name, "tensors"
    inference = _Inference(runtime, spec, record, json_length)
    return await respond(
        request,
        deadline_seconds,
        read=functools.partial(read_body, request),
        work=inference.run,
    )


def _metres(estimates: list[Estimate], options: MetresOptions) -> Metres | None:
    """The one fit of all images."""
    if not options.wanted:
        return None
    if options.anchors and len(estimates) > 1:
        raise InvalidParameter("anchors are points of one photo; send the others by themselves.")
    # Each is checked against its own photo; a calibration is the same of all.
    first, *_ = [metres_of(each.depth, options) for each in estimates]
    return first


def _words(facts: DepthFacts) -> dict[str, str]:
    """What the numbers are, as the headers of ``/v1/depth`` say it."""
    words = {"kind": str(facts.kind)}
    if facts.kind.unit is not None:
        words["unit"] = facts.kind.unit
    if facts.fit is not None:
        words["calibration"] = written_fit(facts.fit)
    return words


class _Inference:
    """One call's way through the pipeline."""

    def __init__(
        self, runtime: Runtime, spec: NetworkSpec, record: RequestRecord, json_length: str | None
    ) -> None:
        self._runtime = runtime
        self._spec = spec
        self._record = record
        self._json_length = json_length

    async def run(self, body: bytes, ticket: Ticket) -> Answer:
        """The answer to a request's body."""
        runtime = self._runtime
        pipeline, workshop = runtime.pipeline, runtime.workshop
        most_images = runtime.admission.most_images
        with self._record.timed("decode"):
            call = await workshop.run(ticket, read_call, body, self._json_length, most_images)
        wanted = call.message.parameters
        spec = runtime.catalog.served.choose(wanted.choice_of(self._spec.name))
        if call.tensors is not None:
            estimates = await pipeline.run_tensors(call.tensors, spec, ticket, self._record)
        else:
            photos = call.photos or []
            estimates = await pipeline.run_photos(
                photos, spec, ticket, self._record, self._bytes_per_pixel(call)
            )
        with self._record.timed("encode"):
            return await workshop.run(ticket, self._answer, call, estimates)

    def _bytes_per_pixel(self, call: InferCall) -> float:
        """What the outputs take for each of the photos' pixels; little at the network's size."""
        parameters = call.message.parameters
        options, changed = parameters.picture_options, parameters.metres.wanted

        def of(wanted: WantedOutput) -> float:
            if parameters.size_of(wanted) is not OutputSize.ORIGINAL:
                return 0
            if wanted.name == "heatmap":
                return of_format(OutputFormat.HEATMAP)
            if parameters.is_binary(wanted):
                return max(of_format(OutputFormat.NPY), _STACKED_BYTES_PER_PIXEL)
            return of_format(OutputFormat.JSON)

        def of_format(format: OutputFormat) -> float:
            return writing_bytes_per_pixel(format, self._spec.kind, options, changed=changed)

        return sum(map(of, call.message.outputs))

    def _answer(self, call: InferCall, estimates: list[Estimate]) -> Answer:
        message = call.message
        metres = _metres(estimates, message.parameters.metres)
        kind, fit = (
            (self._spec.kind, None) if metres is None else (DepthKind.METRIC_DEPTH, metres.fit)
        )
        facts = DepthFacts(self._spec.name, kind, fit=fit)
        head: dict[str, Any] = {
            "model_name": self._spec.name,
            "model_version": VERSION,
            "parameters": _words(facts),
        }
        if message.id is not None:
            head["id"] = message.id
        body, json_bytes = write_answer(
            head,
            [
                self._output(wanted, message.parameters, estimates, metres)
                for wanted in message.outputs
            ],
        )
        media_type = "application/json" if json_bytes is None else "application/octet-stream"
        return Answer(body, media_type, facts, json_bytes=json_bytes)

    def _output(
        self,
        wanted: WantedOutput,
        parameters: RequestParameters,
        estimates: list[Estimate],
        metres: Metres | None,
    ) -> Output:
        binary, size = parameters.is_binary(wanted), parameters.size_of(wanted)
        is_heatmap = wanted.name == "heatmap"

        def depth(estimate: Estimate) -> DepthMap:
            sized = estimate.sized(size)
            return sized if metres is None else metres.apply(sized)

        if is_heatmap:
            options = parameters.picture_options
            maps = [encode(depth(each), OutputFormat.HEATMAP, options) for each in estimates]
            return wanted.name, maps, binary
        shapes = [each.shape(size) for each in estimates]
        if len(set(shapes)) > 1:
            raise InvalidParameter(
                "The photos' depth maps differ in size and cannot be one tensor; ask for heatmap, "
                "or send photos of different sizes in requests of their own."
            )
        pixels = sum(height * width for height, width in shapes)
        if not binary and pixels > self._runtime.settings.max_json_pixels:
            raise InvalidParameter("So large a depth must be asked for as binary data.")
        found = [depth(each) for each in estimates]
        if not binary:
            # JSON has no infinity, and null is no reading, as in that of /v1/depth.
            found = [each.without_infinity for each in found]
        return wanted.name, np.stack([each.values for each in found]), binary
