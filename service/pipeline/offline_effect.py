"""An effect without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from service.effects.catalog import EFFECTS
from service.geometry.metres import MetresOptions
from service.imaging.depth_kind import DepthKind
from service.imaging.options import Options
from service.models.choice import NetworkChoice
from service.models.served_networks import ServedNetworks
from service.models.spec import NetworkSpec
from service.pipeline.answer import Answer
from service.pipeline.effect import EffectOrder
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings


@dataclass(frozen=True)
class OfflineEffect:
    """What is made of each photo: plain data, which other processes can be sent.

    ``name`` is a key of :data:`EFFECTS`, and ``options`` are of its own class.
    """

    name: str
    options: Options
    metres: MetresOptions = field(default_factory=MetresOptions)
    near: float | None = None
    far: float | None = None
    choice: NetworkChoice = field(default_factory=NetworkChoice)

    def network(self, settings: Settings) -> OfflineNetwork:
        """The network that it needs, loaded.

        Raises :class:`InvalidParameter`, before that, for what can be made of no photo.
        """
        self._order(ServedNetworks.of(settings).choose(self.choice)).check()
        return OfflineNetwork(self.choice, settings)

    def depth_kind(self, settings: Settings) -> DepthKind:
        """What the depth will be, by the network's record alone."""
        return self.metres.kind_of(ServedNetworks.of(settings).choose(self.choice).kind)

    def make(self, network: OfflineNetwork, data: bytes) -> Answer:
        """The effect on one photo; raises the errors of decoding and of the effect."""
        order = self._order(network.spec)
        photo, depth = network.photo_and_depth(data, order.side)
        return order.make(photo, depth, 1)

    def _order(self, network: NetworkSpec) -> EffectOrder:
        effect = EFFECTS[self.name]
        return EffectOrder(network, effect, self.options, self.metres, self.near, self.far)

    def file(self, network: OfflineNetwork, data: bytes) -> bytes:
        """Of :meth:`make` the file."""
        return self.make(network, data).body

    def output_name(self, photo: Path) -> Path:
        """In the same subfolder, the photo's whole name, then that of the effect's file."""
        name = EFFECTS[self.name].file_name(self.options)
        return photo.with_name(f"{photo.name}.{name}")
