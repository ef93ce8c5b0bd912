"""Which of the known networks this installation serves, and whose licences it accepts."""

from __future__ import annotations

from collections.abc import Sequence

from service.errors import ModelNotFound, ModelUnavailable
from service.models.registry import SPECS, find_spec
from service.models.spec import NetworkSpec

_ALL = "all"


class ServedNetworks:
    """``models`` are names of networks, none for all; ``licences`` names of licences, or ``all``.

    Raises :class:`ModelNotFound` for a name that is none.
    """

    def __init__(self, models: Sequence[str] = (), licences: Sequence[str] = ()) -> None:
        self.specs: list[NetworkSpec] = [find_spec(name) for name in models or SPECS]
        self._licences = frozenset(licences)

    def find(self, name: str) -> NetworkSpec:
        """The network of that name; raises :class:`ModelNotFound`, which lists what there is."""
        for spec in self.specs:
            if spec.name == name:
                return spec
        known = ", ".join(spec.name for spec in self.specs)
        raise ModelNotFound(f"There is no network of that name. Known: {known}.")

    def accepts(self, spec: NetworkSpec) -> bool:
        """Whether the licence of its weights allows everything, or is accepted as it is."""
        return spec.commercial or not self._licences.isdisjoint({spec.licence, _ALL})

    def check_licence(self, spec: NetworkSpec) -> None:
        """Raise :class:`ModelUnavailable` unless the licence is accepted."""
        if not self.accepts(spec):
            raise ModelUnavailable(
                f"The weights of {spec.name} are for non-commercial use only ({spec.licence}). "
                f"Whoever runs this service accepts that with DEPTH_ACCEPT_LICENSES="
                f"{spec.licence}."
            )
