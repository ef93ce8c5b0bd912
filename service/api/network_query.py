"""Query parameters of every call that runs a network on a photo."""

from __future__ import annotations

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from service.imaging.options import Options
from service.models.choice import NetworkChoice
from service.models.spec import Quality


class InputSizeQuery(Options):
    """How large a network's input is."""

    quality: Quality | None = Field(
        None,
        description="Size of the network's input, by a name: each network has three good sizes, or "
        "one for all.",
    )
    resolution: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="The same by a number, in the unit and range that `/v1/models` tells (Depth "
        "Anything's `input_size`). Default: its usual one.",
    )

    @model_validator(mode="after")
    def _one_size(self) -> InputSizeQuery:
        if self.resolution is not None and self.quality is not None:
            raise PydanticCustomError("both", "resolution or quality, not both")
        return self

    def choice_of(self, model: str | None) -> NetworkChoice:
        """The network of that name, for inputs of this size."""
        return NetworkChoice(model, self.resolution, self.quality)


class NetworkQuery(InputSizeQuery):
    """Which network, and how large its input is."""

    model: str | None = Field(
        None, max_length=64, description="Network, by its name in `/v1/models`."
    )

    @property
    def choice(self) -> NetworkChoice:
        """The parameters as the networks take them."""
        return self.choice_of(self.model)
