"""A network without a server: photos one after the other, in this process."""

from __future__ import annotations

import copy
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from service.errors import InvalidParameter
from service.geometry.metres import MetresOptions
from service.imaging.decode import Photo, read_header
from service.imaging.depth_map import DepthMap
from service.imaging.effect_input import effect_input
from service.imaging.files.formats import PHOTO_FORMATS
from service.imaging.formats import FORMATS, OutputFormat
from service.imaging.network_input import NetworkInput, network_input
from service.imaging.tiles import cut, finer, has_detail
from service.imaging.transforms import Tensor
from service.imaging.views import mean_of_views, views
from service.inference.engines.selection import load_for_serving
from service.models.choice import NetworkChoice
from service.models.registry import find_spec
from service.models.served_networks import ServedNetworks
from service.models.spec import NetworkSpec, Quality
from service.observability.metrics import NetworkLabels
from service.pipeline.depth import Measured
from service.pipeline.estimator import Detail, Estimate, OutputSize
from service.pipeline.photo_formats import formats_in_process, installed_formats
from service.pipeline.representation import Representation
from service.settings import Settings


class OfflineNetwork:
    """A loaded network and the limits of the settings."""

    def __init__(self, choice: NetworkChoice, settings: Settings) -> None:
        self._settings = settings
        spec = ServedNetworks.of(settings).choose(choice)
        self._network = load_for_serving(find_spec(spec.name), settings).as_asked(spec)

    @property
    def spec(self) -> NetworkSpec:
        """The network, for the input size it was loaded for."""
        return self._network.spec

    @property
    def labels(self) -> NetworkLabels:
        """What runs, to the hash of its weights."""
        return self._network.labels

    def identity_of(self, wanted: object) -> dict[str, str]:
        """What two runs must have in common for one to go on where the other ended.

        Of ``wanted`` all attributes, but for a choice of networks what was chosen.
        """
        options = vars(wanted).items()
        return {
            **{name: repr(value) for name, value in options if type(value) is not NetworkChoice},
            "model": self.labels.model,
            "weights": self.labels.weights_sha256,
            "input": repr(self.spec.input_rule),
        }

    def smaller(self) -> OfflineNetwork:
        """The same network for the inputs that it calls fast, nothing loaded twice."""
        sizes, other = self.spec.resolutions, copy.copy(self)
        if sizes is not None and sizes.fast < self.spec.input_rule.target:
            other._network = self._network.as_asked(self.spec.at_quality(Quality.FAST))
        return other

    def infer(self, tensor: Tensor) -> DepthMap:
        """The network's map of one input ``(3, h, w)``; from one thread at a time."""
        spec, engine = self.spec, self._network.engine
        shown = views(tensor, spec.input_rule)
        values = mean_of_views([engine.infer(view[np.newaxis])[0] for view in shown])
        return DepthMap(values, spec.kind, spec.name, spec.enlarge)

    def depth(self, data: bytes, size: OutputSize) -> DepthMap:
        """Depth of one photo; raises the errors of decoding."""
        return self.estimate(data).sized(size)

    def estimate(self, data: bytes, detail: Detail = Detail.NORMAL) -> Estimate:
        """As :meth:`Estimator.photo` and :meth:`Estimator.detailed_photo`."""
        self._check(data)
        rule, scaled_decode = self.spec.input_rule, self._settings.scaled_decode
        photo = network_input(data, rule, scaled_decode)
        whole = self.estimate_of(photo)
        if detail is Detail.NORMAL or not has_detail(rule, photo.width, photo.height):
            return whole
        parts = cut(network_input(data, finer(rule), scaled_decode).tensor)
        return whole.with_tiles([self.infer(part) for part in parts])

    def estimate_of(self, photo: NetworkInput) -> Estimate:
        """What the network says of a photo that is ready for it."""
        border = self.spec.input_rule.border(photo.width, photo.height)
        return Estimate(self.infer(photo.tensor), border, 1, photo.tensor, photo.focal)

    def photo_and_depth(self, data: bytes, side: int) -> tuple[Photo, DepthMap]:
        """As :meth:`Estimator.photo_for_effect`."""
        self._check(data)
        source = effect_input(data, self.spec.input_rule, side, self._settings.scaled_decode)
        assert source.tensor is not None  # noqa: S101 (a rule was given)
        prepared = NetworkInput(source.tensor, source.photo.width, source.photo.height)
        return source.photo, self.estimate_of(prepared).depth

    def _check(self, data: bytes) -> None:
        read_header(data, self._settings.max_pixels, formats_in_process(self._settings))


@dataclass(frozen=True)
class OfflineDepth:
    """What is made of each photo: plain data, which other processes can be sent."""

    representation: Representation
    size: OutputSize
    metres: MetresOptions = field(default_factory=MetresOptions)
    detail: Detail = Detail.NORMAL
    choice: NetworkChoice = field(default_factory=NetworkChoice)

    def network(self, settings: Settings) -> OfflineNetwork:
        """The network that it needs, loaded.

        Raises :class:`InvalidParameter`, before that, for what can be made of no photo.
        """
        spec = ServedNetworks.of(settings).choose(self.choice)
        self.metres.check(spec.kind)
        self.representation.check(self.metres.kind_of(spec.kind))
        return OfflineNetwork(self.choice, settings)

    def make(self, network: OfflineNetwork, data: bytes) -> tuple[bytes, DepthMap]:
        """The file of one photo, and its depth.

        Raises the errors of decoding, of metres and of writing.
        """
        estimate = network.estimate(data, self.detail)
        found = Measured.of(estimate, self.size, self.metres, self.representation.camera)
        return self.representation.write(found), found.depth

    def file(self, network: OfflineNetwork, data: bytes) -> bytes:
        """Of :meth:`make` the file."""
        return self.make(network, data)[0]

    def output_name(self, photo: Path) -> Path:
        """See :func:`output_name`."""
        return output_name(photo, self.representation.format)


def check_outputs_folder(photos: Path, outputs: Path) -> None:
    """Raise :class:`InvalidParameter` for outputs that are a file, or within the photos.

    The next run would read them: a heatmap is a PNG and has a photo's suffix.
    """
    if outputs.exists() and not outputs.is_dir():
        raise InvalidParameter(f"{outputs}: there is a file of that name, not a folder.")
    if outputs.resolve().is_relative_to(photos.resolve()):
        raise InvalidParameter("The outputs must be outside of the folder of photos.")


def photos_in(folder: Path) -> Iterator[Path]:
    """Of :func:`files_in` the photos."""
    return filter(is_photo, files_in(folder))


def is_photo(file: Path) -> bool:
    """Whether its suffix says so."""
    kinds = (*PHOTO_FORMATS, *installed_formats())
    return any(file.suffix.lower() in kind.suffixes for kind in kinds)


def files_in(folder: Path) -> Iterator[Path]:
    """Files in a folder and those below it, as paths relative to it, in a fixed order.

    Hidden files and folders are left out, and folders that are links. Raises OSError for a folder
    that may not be read.
    """
    for parent, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and _may_be_read(Path(parent, name)):
                yield Path(parent, name).relative_to(folder)


def _raise(error: OSError) -> None:
    raise error


def _may_be_read(path: Path) -> bool:
    """Not a pipe, which may have no end; of a broken link, who opens it says what is wrong."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def output_name(photo: Path, format: OutputFormat) -> Path:
    """The output of ``photo``: in the same subfolder, its whole name and a suffix.

    The suffix is added, not replaced: ``a.jpg`` and ``a.png`` are different photos.
    """
    return photo.with_name(photo.name + FORMATS[format].suffix)
