"""Every setting of the service, read from environment variables with the prefix ``DEPTH_``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class EngineChoice(StrEnum):
    """Which runtime executes the network."""

    AUTO = "auto"
    OPENVINO = "openvino"
    TORCH = "torch"


class Precision(StrEnum):
    """Arithmetic of the network's inner layers; inputs and outputs are always float32."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


_CACHE = Path("~/.cache/depth-service")

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """The service's settings; each field is the environment variable ``DEPTH_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="DEPTH_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    root_path: str = Field("", description="Path prefix that a reverse proxy strips.")

    model: str = Field(
        "depth_lite_256", description="Network used when a request names none; loaded at start."
    )
    engine: EngineChoice = Field(
        EngineChoice.AUTO,
        description="Runtime: `openvino`, `torch`, or `auto` (OpenVINO when installed).",
    )
    precision: Precision = Field(
        Precision.AUTO,
        description="`fp32`, `bf16`, or `auto` (bf16 where the CPU has it and the start-up "
        "self-check against torch fp32 holds).",
    )
    threads: int = Field(
        0, ge=0, description="Inference threads; 0 takes the cgroup CPU quota and affinity."
    )
    weights_dir: Path = Field(
        _CACHE / "weights", description="Where pulled and added weights live."
    )
    cache_dir: Path = Field(
        _CACHE / "openvino",
        description="Where converted networks are kept; a private temporary folder if unwritable.",
    )
    weights_mirror: str = Field(
        "", description="Base URL to pull official files from instead of their official address."
    )

    scaled_decode: bool = Field(
        True,
        description="Decode a JPEG at 1/2, 1/4 or 1/8 of its size where that still covers the "
        "network's input; `false` is the official transform to the last pixel, at the price of "
        "decoding large photos whole.",
    )
    max_body_mb: PositiveFloat = Field(
        20, description="Largest request body in MB (10^6 bytes), enforced while it streams in."
    )
    max_pixels: PositiveInt = Field(
        50_000_000, description="Largest image in pixels, checked from its header before decoding."
    )
    max_json_pixels: PositiveInt = Field(
        4_000_000, description="Largest depth map that is written as JSON numbers."
    )

    max_batch_size: PositiveInt = Field(4, description="Most images in one inference call.")
    max_batch_megapixels: PositiveFloat = Field(
        1.0, description="Most network-input megapixels in one inference call."
    )
    batch_window_ms: NonNegativeFloat = Field(
        0, description="How long an idle worker waits for company before it starts a batch."
    )
    max_requests: PositiveInt = Field(
        64, description="Most requests admitted at once (decoding, queued, inferring, encoding)."
    )
    max_admitted_mb: PositiveFloat = Field(
        256, description="Most request-body MB held in memory at once."
    )
    max_admitted_megapixels: PositiveFloat = Field(
        128, description="Most image megapixels admitted at once; one larger image goes alone."
    )
    request_timeout_seconds: PositiveFloat = Field(
        30, description="Deadline of a request that sends no `X-Request-Timeout`."
    )
    max_request_timeout_seconds: PositiveFloat = Field(
        120, description="Longest deadline that `X-Request-Timeout` can ask for."
    )

    send_timeout_seconds: PositiveFloat = Field(
        60, description="How long a client may take to receive its answer."
    )
    drain_seconds: PositiveFloat = Field(
        25, description="On SIGTERM, how long accepted work may take to finish."
    )
    drain_delay_seconds: NonNegativeFloat = Field(
        1.0,
        description="On SIGTERM, how long to keep answering 503 `draining` before the port "
        "closes, so that load balancers notice.",
    )
    heartbeat_timeout_seconds: PositiveFloat = Field(
        60,
        description="Liveness fails when the worker has not moved for this long "
        "(or ten times its slowest batch, whichever is longer).",
    )

    slo_seconds: PositiveFloat = Field(
        3, description="Latency objective: requests within it count as good."
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Log level.")
    log_format: LogFormat = Field(LogFormat.TEXT, description="`text` or `json` lines.")

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        for name in ("weights_dir", "cache_dir"):
            object.__setattr__(self, name, getattr(self, name).expanduser().absolute())
        if self.drain_delay_seconds >= self.drain_seconds:
            raise ValueError("DEPTH_DRAIN_DELAY_SECONDS must be less than DEPTH_DRAIN_SECONDS")
        return self

    @property
    def max_body_bytes(self) -> int:
        """The body limit in bytes."""
        return int(self.max_body_mb * 1e6)
