"""What a caller says of the network it wants."""

from __future__ import annotations

from dataclasses import dataclass

from service.models.spec import Quality


@dataclass(frozen=True)
class NetworkChoice:
    """A network by its name, the default one without, and the size of its input.

    ``resolution`` and ``quality`` are two ways to say that size; without either it is the usual.
    """

    model: str | None = None
    resolution: int | None = None
    quality: Quality | None = None
