"""Messages of the Open Inference Protocol, version 2."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.depth_query import PictureQuery
from service.api.metres import MetresQuery
from service.api.network_query import InputSizeQuery
from service.api.schemas import DEPTH_PROBLEMS
from service.pipeline.estimator import OutputSize

Datatype = Literal["FP32", "BYTES"]


class TensorParameters(BaseModel):
    """Parameters of an input; those of Triton's shared memory are refused."""

    model_config = ConfigDict(extra="forbid")

    binary_data_size: int | None = Field(
        None, ge=0, strict=True, description="The data's bytes, after the JSON."
    )


class InputTensor(BaseModel):
    """One input tensor."""

    name: str = Field(description="`image` or `input`.")
    shape: list[int] = Field(max_length=4)
    datatype: str
    parameters: TensorParameters = TensorParameters()
    data: list[Any] | None = Field(None, description="Numbers, nested or flat; of BYTES, base64.")


class OutputParameters(BaseModel):
    """Parameters of a wanted output; Triton's classification and shared memory are refused."""

    model_config = ConfigDict(extra="forbid")

    binary_data: bool | None = None
    classification: Literal[0] = 0


class WantedOutput(BaseModel):
    """One output that the caller wants."""

    name: Literal["depth", "heatmap"]
    parameters: OutputParameters = OutputParameters()


class RequestParameters(MetresQuery, InputSizeQuery, PictureQuery):
    """Parameters of a request, with those of ``/v1/depth``.

    What is not known here, such as Triton's `priority`, is ignored.
    """

    model_config = ConfigDict(extra="ignore")

    binary_data_output: bool = Field(False, description="Whether outputs are binary by default.")
    size: OutputSize | None = Field(
        None,
        description="`original`: the photo's size (default of `heatmap`); `network`: the "
        "network's own output size (default of `depth`).",
    )

    def is_binary(self, wanted: WantedOutput) -> bool:
        """Whether its data follow the JSON, instead of being numbers in it."""
        own = wanted.parameters.binary_data
        return self.binary_data_output if own is None else own

    def size_of(self, wanted: WantedOutput) -> OutputSize:
        """The photos' size or the network's."""
        of_its_own = OutputSize.ORIGINAL if wanted.name == "heatmap" else OutputSize.NETWORK
        return self.size or of_its_own


class InferRequest(BaseModel):
    """The JSON part of an inference request."""

    id: str | None = Field(None, max_length=256, description="Sent back as it is.")
    parameters: RequestParameters = RequestParameters()
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)
    outputs: list[WantedOutput] = Field(
        default=[WantedOutput(name="depth")],
        min_length=1,
        max_length=2,
        description="`depth` by default.",
    )


class OutputTensor(BaseModel):
    """One output tensor; its data follows the JSON where `binary_data_size` is given."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: dict[str, int] | None = None
    data: list[Any] | None = None


class InferResponse(BaseModel):
    """The JSON part of an inference response."""

    model_name: str
    model_version: str
    id: str | None = None
    parameters: dict[str, str] = Field(
        description="What the numbers are: `kind`, of metres `unit`, and the `calibration` by "
        "which they were made."
    )
    outputs: list[OutputTensor]


class ServerMetadata(BaseModel):
    """What answers."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """One tensor of a network; -1 is any size."""

    name: str
    datatype: Datatype
    shape: list[int]


class ModelMetadata(BaseModel):
    """A network's tensors: one of the inputs, any of the outputs."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class TensorConfig(BaseModel):
    """One tensor of a network, in the words of Triton's configurations."""

    name: str
    data_type: str
    dims: list[int]


class TransactionPolicy(BaseModel):
    """Whether a request may get any number of answers."""

    decoupled: bool = False


class ModelConfig(BaseModel):
    """A network as Triton's clients ask for it."""

    name: str
    platform: str
    backend: str
    max_batch_size: int = Field(description="0: shapes say everything, batches are made inside.")
    input: list[TensorConfig]
    output: list[TensorConfig]
    model_transaction_policy: TransactionPolicy = TransactionPolicy()


class ModelReady(BaseModel):
    """Whether a network can be asked."""

    name: str
    ready: bool


class ServerLive(BaseModel):
    """Whether the server works."""

    live: bool


class ServerReady(BaseModel):
    """Whether the server takes requests."""

    ready: bool


class OipError(BaseModel):
    """What went wrong; the status tells the kind, `X-Request-ID` which request."""

    error: str


def oip_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for the statuses, as ``/v1/depth`` describes them."""
    return {
        status: {
            "model": OipError,
            **{
                key: value
                for key, value in DEPTH_PROBLEMS[status].items()
                if key in ("description", "headers")
            },
        }
        for status in statuses
    }


def infer_request_schema() -> dict[str, Any]:
    """JSON Schema of :class:`InferRequest` without references, which could point nowhere."""
    schema = InferRequest.model_json_schema()
    definitions = schema.pop("$defs")

    def inlined(part: object) -> object:
        if isinstance(part, list):
            return [inlined(item) for item in part]
        if not isinstance(part, dict):
            return part
        target = definitions[part["$ref"].rpartition("/")[2]] if "$ref" in part else {}
        own = {key: value for key, value in part.items() if key != "$ref"}
        return {key: inlined(value) for key, value in {**target, **own}.items()}

    return {key: inlined(value) for key, value in schema.items()}
