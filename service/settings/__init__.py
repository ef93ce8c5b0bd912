"""Every setting of the service, read from environment variables with the prefix ``DEPTH_``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.settings.kinds import (
    DecodeIsolation,
    EngineChoice,
    Hosts,
    LogFormat,
    Names,
    NonNegativeFloat,
    OptionalPath,
    Origins,
    PositiveFloat,
    PositiveInt,
    Precision,
    RootPath,
    TraceExporter,
    TrustedProxies,
)

__all__ = [
    "AUTO_MODEL",
    "DecodeIsolation",
    "EngineChoice",
    "LogFormat",
    "Precision",
    "Settings",
    "TraceExporter",
    "unknown_variables",
]

AUTO_MODEL = "auto"
_PREFIX = "DEPTH_"
_SPELLINGS = (f"{_PREFIX}ACCEPT_LICENSES", f"{_PREFIX}ACCEPT_LICENCES")
# As alike as one slip makes two names.
_ALIKE = 0.85
_CACHE = Path("~/.cache/depth-service")
_NO_HOME = Path("/nonexistent")


class Settings(BaseSettings):
    """The service's settings; each field is the environment variable ``DEPTH_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="ignore", frozen=True, populate_by_name=True
    )

    host: str = Field(
        "127.0.0.1",
        description="Addresses to listen on, with commas; `::` is every address, IPv4 as well.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    uds: OptionalPath = Field(
        None,
        description="Unix socket to listen on in place of host and port, for a proxy on the same "
        "machine; whoever may enter its folder may call.",
    )
    root_path: RootPath = Field(
        "", description="Path prefix that a reverse proxy strips, such as `/depth`."
    )

    api_keys_file: OptionalPath = Field(
        None,
        description="File of API keys, a line `name:sha256-hex` each (the command `keys new "
        "NAME` makes one); without it everybody may call. Read again when it changes.",
    )
    admin_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Second port with the probes, the loading of networks and `/metrics`, which is "
        "then no longer on the first; 0 is none.",
    )
    cors_origins: Origins = Field(
        (), description="Origins whose pages may call, with commas, or `*`; empty is none."
    )
    allowed_hosts: Hosts = Field(
        (),
        description="Host names that are served, with commas; `*.example.com` is all below. "
        "Empty is any; probes are answered by any.",
    )
    trusted_proxies: TrustedProxies = Field(
        (),
        description="Addresses or CIDR networks of proxies, with commas, whose `X-Forwarded-For` "
        "and `X-Forwarded-Proto` are believed; empty is none.",
    )

    model: str = Field(
        AUTO_MODEL,
        description="Network used when a request names none; loaded at start. `auto` is "
        "`midas_v21_small_256` where its official weights are installed, else `depth_lite_256`.",
    )
    resolution: int = Field(
        0,
        ge=0,
        description="Input size of the network of `DEPTH_MODEL` where a request asks for none, in "
        "the unit of `/v1/models`; 0 is its usual one.",
    )
    models: Names = Field(
        (), description="Networks that may be asked for, with commas; empty is all."
    )
    accept_licenses: Names = Field(
        (),
        validation_alias=AliasChoices(*_SPELLINGS),
        description="Licences of weights for non-commercial use that you accept, with commas, as "
        "`/v1/models` names them, or `all`; `DEPTH_ACCEPT_LICENCES` is the same.",
    )
    model_memory_mb: NonNegativeFloat = Field(
        0,
        description="Most memory of all loaded networks together; those used longest ago are "
        "unloaded for others, never `DEPTH_MODEL`. 0 is no limit.",
    )
    engine: EngineChoice = Field(
        EngineChoice.AUTO,
        description="Runtime: `openvino`, `torch`, or `auto` (OpenVINO when installed).",
    )
    precision: Precision = Field(
        Precision.AUTO,
        description="`fp32`, `bf16`, `int8`, or `auto`: int8 for the embedded network where the "
        "CPU has VNNI or AMX, else bf16 where it has that. What cannot run or fails the start-up "
        "self-check falls back to bf16, then fp32. How others get int8: docs/models.md.",
    )
    threads: int = Field(
        0, ge=0, description="Inference threads; 0 takes the cgroup CPU quota and affinity."
    )
    weights_dir: Path = Field(
        _CACHE / "weights", description="Where pulled and added weights live."
    )
    cache_dir: Path = Field(
        _CACHE / "openvino",
        description="Where converted networks are kept, and small ones as compiled; a private "
        "temporary folder if unwritable.",
    )
    weights_mirror: str = Field(
        "", description="Base URL to pull official files from instead of their official address."
    )

    scaled_decode: bool = Field(
        True,
        description="Decode a JPEG at 1/2, 1/4 or 1/8 of its size, and reduce other photos of over "
        "16 megapixels, where that still covers the network's input; `false` is the official "
        "transform to the last pixel, at the price of large photos' time and memory.",
    )
    decode_isolation: DecodeIsolation = Field(
        DecodeIsolation.NONE,
        description="Where photos are decoded: `none` in the service itself, `process` in small "
        "processes that can be killed and have no files, network or secrets, for 2 to 4 ms a "
        "photo and 34 MB each (docs/decode_isolation.md).",
    )
    decode_timeout_seconds: PositiveFloat = Field(
        10, description="With `process`, how long one photo may take its decoder."
    )
    decode_memory_mb: NonNegativeFloat = Field(
        0,
        description="With `process`, how many MB one photo may take its decoder; 0 takes what "
        "`DEPTH_MAX_PIXELS` and `DEPTH_MAX_BODY_MB` can need.",
    )
    heic_in_process: bool = Field(
        False,
        description="With the extra `heic`, read HEIC in the service itself, too, and by `predict` "
        "and `bulk`; else only `DEPTH_DECODE_ISOLATION=process` reads it. Its decoder has had many "
        "holes, and HEVC needs patent licences (docs/licences.md).",
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

    max_batch_size: PositiveInt = Field(4, description="Most images in one batch.")
    max_batch_megapixels: PositiveFloat = Field(
        1.0, description="Most network-input megapixels in one batch."
    )
    batch_window_ms: NonNegativeFloat = Field(
        0, description="How long an idle worker waits for company before it starts a batch."
    )
    max_requests: PositiveInt = Field(
        64, description="Most requests admitted at once (decoding, queued, inferring, encoding)."
    )
    max_admitted_mb: PositiveFloat = Field(
        128, description="Most request-body MB held in memory at once; one larger body goes alone."
    )
    max_admitted_megapixels: PositiveFloat = Field(
        64, description="Most image megapixels admitted at once; one larger image goes alone."
    )
    client_share: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Share of these bounds that one client may hold; the rest is kept for others.",
    )
    max_streams: PositiveInt = Field(
        32,
        description="Most live streams open at once. Each may hold 8 MB of frames beside those "
        "that are admitted.",
    )
    max_work_mb: PositiveFloat = Field(
        600,
        description="Most memory in MB that effects and large photos at work may take together; "
        "more wait, and an effect that needs more is 413.",
    )
    max_network_mb: PositiveFloat = Field(
        4000,
        description="Most memory in MB that a network may take for one photo beside its weights; a "
        "photo that needs more (a panorama, in a transformer) is 413.",
    )
    request_timeout_seconds: PositiveFloat = Field(
        30, description="Deadline of a request that sends no `X-Request-Timeout`."
    )
    max_request_timeout_seconds: PositiveFloat = Field(
        120, description="Longest deadline that `X-Request-Timeout` can ask for."
    )

    header_timeout_seconds: PositiveFloat = Field(
        10,
        description="How long a client may take to send a request's headers, or the rest of a "
        "body that was refused.",
    )
    keep_alive_seconds: PositiveInt = Field(
        75,
        description="How long a connection may be idle. More than the balancer in front keeps its "
        "own, or it uses what was just closed (docs/operations.md).",
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

    max_memory_mb: NonNegativeFloat = Field(
        0,
        description="Resident memory past which the process drains and exits with status 1, to be "
        "restarted; 0 is no limit. Set it below the container's, where decoders of processes of "
        "their own count, too.",
    )

    slo_seconds: PositiveFloat = Field(
        3, description="Latency objective: requests within it count as good."
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Log level.")
    log_format: LogFormat = Field(LogFormat.TEXT, description="`text` or `json` lines.")
    traces: TraceExporter = Field(
        TraceExporter.NONE,
        description="`none`, or `otlp`: OpenTelemetry spans of requests and their stages, sent "
        "over HTTP as the standard variables `OTEL_EXPORTER_OTLP_*`, `OTEL_SERVICE_NAME` and "
        "`OTEL_TRACES_SAMPLER` say; needs the extra `tracing`.",
    )

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        for name in ("weights_dir", "cache_dir", "api_keys_file", "uds"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, _expanded(path).absolute())
        if self.models and self.model not in (AUTO_MODEL, *self.models):
            raise ValueError(f"DEPTH_MODELS must name DEPTH_MODEL, {self.model}")
        if self.drain_delay_seconds >= self.drain_seconds:
            raise ValueError("DEPTH_DRAIN_DELAY_SECONDS must be less than DEPTH_DRAIN_SECONDS")
        return self

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses of ``host``."""
        return tuple(part.strip() for part in self.host.split(","))

    @property
    def max_work_bytes(self) -> int:
        """The limit of the work's memory in bytes."""
        return int(self.max_work_mb * 1e6)

    @property
    def max_body_bytes(self) -> int:
        """The body limit in bytes."""
        return int(self.max_body_mb * 1e6)


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        # A user without a home, as containers may have: nothing is there, nothing can be written.
        return _NO_HOME / path.relative_to("~")


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Variables with the prefix that are no setting, and the setting that each is much like.

    Not an error by itself: Kubernetes makes such variables of a Service named ``depth``.
    """
    known = [*_SPELLINGS, *(f"{_PREFIX}{name.upper()}" for name in Settings.model_fields)]
    return {
        variable: next(iter(difflib.get_close_matches(variable.upper(), known, 1, _ALIKE)), None)
        for variable in environment
        if variable.upper().startswith(_PREFIX) and variable.upper() not in known
    }
