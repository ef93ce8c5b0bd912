"""Query parameters of the effects: their own options, and what all have in common."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model

from service.api.metres import LimitsQuery
from service.api.network_query import NetworkQuery
from service.effects.record import Effect
from service.imaging.depth_kind import DepthKind
from service.imaging.uploaded_depth import DepthMeaning, Invalid


class EffectQuery(LimitsQuery, NetworkQuery):
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
        "answer it came with said. Default: what the file says, else what `model` answers with; a "
        "picture of 8 bits is nearness.",
    )
    depth_scale: float | None = Field(
        None,
        gt=0,
        lt=1e9,
        allow_inf_nan=False,
        description="Of an uploaded depth map in metres: how many of its units are a metre, 1000 "
        "for the millimetres of ROS's 16UC1.",
    )
    invalid: Invalid | None = Field(
        None,
        description="Of an uploaded depth map: whether 0 is no reading. Default: it is in metres.",
    )

    @property
    def meaning(self) -> DepthMeaning:
        """What the caller says of its own depth map."""
        return DepthMeaning(self.depth_kind, self.depth_scale, self.invalid)


def query_of(effect: Effect[Any], format: str | None = None) -> type[EffectQuery]:
    """The query parameters of one effect, which are its options, too; its ``format`` may be set."""
    name = f"{effect.name.capitalize()}{(format or '').capitalize()}Query"
    bases = (EffectQuery, effect.options)
    if format is None:
        return create_model(name, __base__=bases)
    # The enum's own member would be named as Python writes it; the effect still gets the member.
    only: Any = Annotated[Literal[str(format)], AfterValidator(type(format))]
    return create_model(name, __base__=bases, format=(only, format))
