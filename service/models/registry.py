"""The networks this service knows, by name; an entry each in ``entries/``."""

from __future__ import annotations

from service.errors import ModelNotFound
from service.models.entries import depth_anything, dpt, midas, others
from service.models.spec import NetworkSpec

SPECS: dict[str, NetworkSpec] = {
    spec.name: spec for family in (midas, dpt, depth_anything, others) for spec in family.SPECS
}


def find_spec(name: str) -> NetworkSpec:
    """The entry called ``name``; raises :class:`ModelNotFound`, which lists what there is."""
    try:
        return SPECS[name]
    except KeyError:
        known = ", ".join(SPECS)
        raise ModelNotFound(f"There is no network of that name. Known: {known}.") from None
