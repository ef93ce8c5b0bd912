"""Query parameters of the effects: their own options, and what all have in common."""

from __future__ import annotations

from typing import Any

from pydantic import Field, create_model

from service.api.metres import MetresQuery
from service.effects.record import Effect
from service.imaging.depth_kind import DepthKind


class EffectQuery(MetresQuery):
    """What all effects have in common."""

    model: str | None = Field(
        None,
        max_length=64,
        description="Network, by its name in `/v1/models`; of an uploaded depth map, the one that "
        "made it, which says what its numbers mean.",
    )
    depth_kind: DepthKind | None = Field(
        None,
        description="Of an uploaded depth map: what its numbers mean, as `X-Depth-Kind` of the "
        "answer it came with said. Default: what `model` answers with.",
    )


def query_of(effect: Effect[Any]) -> type[EffectQuery]:
    """The query parameters of one effect, which are its options, too."""
    name = f"{effect.name.capitalize()}Query"
    bases = (EffectQuery, effect.options)
    return create_model(name, __base__=bases)
