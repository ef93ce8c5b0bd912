"""What the numbers of a depth map mean."""

from __future__ import annotations

from enum import StrEnum


class DepthKind(StrEnum):
    """What the numbers of a depth map mean."""

    RELATIVE_INVERSE_DEPTH = "relative_inverse_depth"
    """Larger is nearer; unknown scale and shift (the MiDaS convention)."""
    RELATIVE_DEPTH = "relative_depth"
    """Larger is farther; unknown scale and shift."""
    METRIC_DEPTH = "metric_depth"
    """Larger is farther; metres."""

    @property
    def unit(self) -> str | None:
        """``metre`` for metric depth; relative depth has no unit."""
        return "metre" if self is DepthKind.METRIC_DEPTH else None

    @property
    def note(self) -> str | None:
        """What must not be made of the numbers; None where they are what they seem."""
        if self is DepthKind.METRIC_DEPTH:
            return None
        grows = "nearer" if self.is_inverse else "farther"
        return (
            f"Larger is {grows}; scale and shift are unknown, so shapes made of it without anchors "
            "are bent and have no size."
        )

    @property
    def is_inverse(self) -> bool:
        """Whether larger is nearer."""
        return self is DepthKind.RELATIVE_INVERSE_DEPTH


RELATIVE = (DepthKind.RELATIVE_INVERSE_DEPTH, DepthKind.RELATIVE_DEPTH)
"""The kinds without a unit."""
