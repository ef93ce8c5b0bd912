"""Which of the known networks this installation serves, by default which, and whose licences."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from service.errors import ModelNotFound, ModelUnavailable
from service.models.choice import NetworkChoice
from service.models.precisions import usual_target
from service.models.registry import SPECS, find_spec
from service.models.spec import NetworkSpec
from service.models.weights import Origin, WeightsStore
from service.settings import AUTO_MODEL, Settings

DEMO = "midas_v21_small_256"
EMBEDDED = "depth_lite_256"
_ALL = "all"


class ServedNetworks:
    """``models`` are names of networks, none for all; ``licences`` names of licences, or ``all``.

    ``default`` answers requests that name no network, and was chosen for the reason ``why``.
    ``usual`` tells a network's input size for requests that ask for none; None is the official.
    Raises :class:`ModelNotFound` for a name that is none.
    """

    def __init__(
        self,
        models: Sequence[str] = (),
        licences: Sequence[str] = (),
        default: str = EMBEDDED,
        why: str = "",
        usual: Callable[[str], int | None] = lambda name: None,
    ) -> None:
        self.specs: list[NetworkSpec] = [find_spec(name) for name in models or SPECS]
        self.default = default
        self.why = why
        self._usual = functools.cache(usual)
        self._licences = frozenset(licences)

    @classmethod
    def of(cls, settings: Settings) -> ServedNetworks:
        """As the settings say; ``auto`` is decided now, by what is installed, and stays so.

        MiDaS small where its official weights are, else the embedded network, else the first that
        is served.
        """
        default, why = settings.model, f"DEPTH_MODEL={settings.model}"
        if default == AUTO_MODEL:
            default, why = _installed(settings)

        def usual(name: str) -> int:
            if settings.resolution and name == default:
                return settings.resolution
            return usual_target(find_spec(name), settings)

        return cls(settings.models, settings.accept_licenses, default, why, usual)

    def find(self, name: str | None = None) -> NetworkSpec:
        """The network of that name, the default one without.

        Raises :class:`ModelNotFound`, which lists what there is.
        """
        name = name or self.default
        for spec in self.specs:
            if spec.name == name:
                return spec
        known = ", ".join(spec.name for spec in self.specs)
        raise ModelNotFound(f"There is no network of that name. Known: {known}.")

    def choose(self, choice: NetworkChoice) -> NetworkSpec:
        """As :meth:`find`, for inputs of the size asked for, else of the usual size.

        Raises :class:`InvalidParameter` for one that the network does not take.
        """
        spec = self.find(choice.model)
        if choice.quality is not None:
            return spec.at_quality(choice.quality)
        resolution = choice.resolution
        return spec.at(self._usual(spec.name) if resolution is None else resolution)

    def follow_weights(self) -> None:
        """Look anew, when next asked, at what files of weights decide: sizes, not the default."""
        self._usual.cache_clear()

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


def _installed(settings: Settings) -> tuple[str, str]:
    """What ``auto`` is, and why."""
    auto = f"DEPTH_MODEL={AUTO_MODEL}"
    served = settings.models or tuple(SPECS)
    official = WeightsStore(settings.weights_dir).origin(find_spec(DEMO)) is Origin.OFFICIAL
    if DEMO in served and official:
        return DEMO, f"{auto}, and its official weights are installed"
    if DEMO in served and EMBEDDED in served:
        return EMBEDDED, (
            f"{auto}, and the official weights of {DEMO} are not installed: "
            f"`depth-service models pull {DEMO}`"
        )
    default = EMBEDDED if EMBEDDED in served else served[0]
    return default, f"{auto}, among DEPTH_MODELS"
