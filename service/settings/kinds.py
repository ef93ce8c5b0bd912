"""Kinds of settings: the choices, and what is checked of each value."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode


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
    INT8 = "int8"


class DecodeIsolation(StrEnum):
    """Where photos are decoded."""

    NONE = "none"
    PROCESS = "process"


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


class TraceExporter(StrEnum):
    """Where the spans of requests go."""

    NONE = "none"
    OTLP = "otlp"


PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]


def _comma_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part for item in value.split(",") if (part := item.strip()))


def _check_origin(origin: str) -> str:
    # What browsers send: a path or a slash at the end would never match.
    if origin != "*" and not re.fullmatch(r"https?://[^/*\s]+", origin):
        raise ValueError(f"{origin} is not an origin such as https://app.example.com")
    return origin.lower()


def _check_host(host: str) -> str:
    if not re.fullmatch(r"\*|(\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", host):
        raise ValueError(f"{host} is not a host name without port, such as example.com")
    return host.lower()


def _check_network(network: str) -> str:
    return str(ipaddress.ip_network(network))


def _path_prefix(path: str) -> str:
    # As links are made of it: a slash before, and none after.
    prefix = f"/{path.strip('/')}" if path.strip("/") else ""
    if not re.fullmatch(r"(/[^/?#%\\\s]+)*", prefix):
        raise ValueError(f"{path} is not a path such as /depth")
    return prefix


RootPath = Annotated[str, AfterValidator(_path_prefix)]
CommaList = NoDecode, BeforeValidator(_comma_list)
Origins = Annotated[tuple[Annotated[str, AfterValidator(_check_origin)], ...], *CommaList]
Names = Annotated[tuple[str, ...], *CommaList]
Hosts = Annotated[tuple[Annotated[str, AfterValidator(_check_host)], ...], *CommaList]
TrustedProxies = Annotated[tuple[Annotated[str, AfterValidator(_check_network)], ...], *CommaList]
