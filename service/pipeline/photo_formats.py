"""Which formats of photos are read besides those that always are."""

from __future__ import annotations

from service.imaging.files import heif_reader
from service.imaging.files.formats import OPTIONAL_FORMATS, PhotoFormat
from service.settings import DecodeIsolation, Settings


def installed_formats() -> tuple[PhotoFormat, ...]:
    """Optional formats of which the extra is installed."""
    return OPTIONAL_FORMATS if heif_reader.is_installed() else ()


def formats_in_process(settings: Settings) -> tuple[PhotoFormat, ...]:
    """Optional formats that this process itself may read."""
    return OPTIONAL_FORMATS if settings.heic_in_process and heif_reader.is_usable() else ()


def formats_of_service(settings: Settings) -> tuple[PhotoFormat, ...]:
    """Optional formats that the service reads, wherever it decodes."""
    if settings.decode_isolation is DecodeIsolation.PROCESS:
        return installed_formats()
    return formats_in_process(settings)
