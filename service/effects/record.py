"""What an effect is, in one record that routes, limits, documents and the command line read."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from service.geometry.camera import Camera
from service.geometry.metres import Metres
from service.imaging import archive
from service.imaging.decode import Photo
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.file_kind import FileKind
from service.imaging.options import Options, refuse_unread
from service.imaging.transforms import Interpolation, Rgb, bounded_size

OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True)
class Source:
    """What an effect is made of: a photo, its depth, and what makes metres of it if anything does.

    ``estimate`` is the depth as the network or the client gave it, ``camera`` what is known of the
    photo's camera; ``near`` and ``far`` limit what counts, in the depth's unit.
    """

    photo: Photo
    estimate: DepthMap
    metres: Metres | None = None
    camera: Camera | None = None
    near: float | None = None
    far: float | None = None

    @property
    def pixels(self) -> Rgb:
        """The photo's pixels ``(h, w, 3)`` uint8 RGB."""
        return self.photo.pixels

    @functools.cached_property
    def depth(self) -> DepthMap:
        """The depth within its limits, in metres where something tells them."""
        return self._measured(self.estimate)

    def surface(self, max_side: int) -> DepthMap:
        """:attr:`depth` at pixels of the photo, as ``/v1/depth`` gives them, evenly spread.

        At most ``max_side`` along the longer side. A client's map is given whole, as it is.
        """
        if self.estimate.enlarge is Interpolation.NEAREST:
            return self.depth
        width, height = self.photo.width, self.photo.height
        most = bounded_size(width, height, max_side)
        return self._measured(self.estimate.sampled_at_size(width, height, most))

    def _measured(self, depth: DepthMap) -> DepthMap:
        measured = depth if self.metres is None else self.metres.apply(depth)
        return measured.limited(self.near, self.far)


@dataclass(frozen=True)
class Effect(Generic[OptionsT]):
    """One thing that depth is good for.

    ``options`` has a field ``format``, whose values are the keys of ``media_types``. ``side`` is
    the longest side in pixels of the photo that ``make`` works on, ``pictures`` how many of that
    size it makes. ``working_bytes`` is the most memory that ``make`` takes for a photo of so many
    pixels, its result included, and ``lowered_by`` names the options that lower it. ``make`` runs
    in a thread and raises :class:`InvalidParameter` for options that do not suit the photo.
    ``zipped``, where there is one, says whether that is a ZIP of such files. ``file_tag`` is what
    programs tell the file's layout by, in its name. ``kind_options`` name the options, each an
    enum, that decide what kind of file it is. ``only_for`` has the options that not every kind
    reads, each with the choices of :attr:`kind_options` that do; ``of_depth`` those that are of
    some kinds of depth alone. ``report`` and ``example`` describe an answer in JSON.
    """

    name: str
    summary: str
    description: str
    options: type[OptionsT]
    media_types: Mapping[Any, str]
    side: Callable[[OptionsT], int]
    make: Callable[[Source, OptionsT], bytes]
    working_bytes: Callable[[OptionsT, int], int]
    pictures: Callable[[OptionsT], int] = lambda options: 1
    lowered_by: tuple[str, ...] = ("max_side",)
    zipped: Callable[[OptionsT], bool] | None = None
    file_tag: Callable[[OptionsT], str] = lambda options: ""
    kind_options: tuple[str, ...] = ("format",)
    only_for: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    of_depth: Mapping[str, tuple[DepthKind, ...]] = field(default_factory=dict)
    report: type[BaseModel] | None = None
    example: Mapping[str, Any] | None = None

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/v1/effects/{self.name}"

    def media_type(self, options: OptionsT) -> str:
        """The media type of what ``make`` makes of ``options``."""
        if self.zipped is not None and self.zipped(options):
            return archive.MEDIA_TYPE
        return self.media_types[options.format]  # type: ignore[attr-defined]

    def suffix(self, options: OptionsT) -> str:
        """How the name of the file ends that ``make`` makes, ``.normals.png`` where PNG says less.

        No two formats share it, as what is done in a folder is told by names.
        """
        format, ending = options.format, self._ending(options)  # type: ignore[attr-defined]
        others = (other for other in self.media_types if other != format)
        endings = (self._ending(options.model_copy(update={"format": one})) for one in others)
        return f".{format}{ending}" if ending in endings else ending

    def refuse_unread(self, options: OptionsT, depth: DepthKind) -> None:
        """See :func:`refuse_unread`; what was left to its default is not given."""
        kind = [getattr(options, name) for name in self.kind_options]
        refuse_unread(options.model_fields_set, kind, self.only_for)
        refuse_unread(options.model_fields_set, [depth], self.of_depth)

    def file_name(self, options: OptionsT) -> str:
        """What to call the file that ``make`` makes."""
        return f"{self.name}{self.file_tag(options)}{self.suffix(options)}"

    @functools.cached_property
    def kinds(self) -> tuple[FileKind, ...]:
        """What the file can be, by all choices of :attr:`kind_options`, the default's first."""
        defaults = [self.options.model_fields[name].default for name in self.kind_options]
        values = ([one, *(other for other in type(one) if other != one)] for one in defaults)
        kinds = []
        for choice in itertools.product(*values):
            choices = dict(zip(self.kind_options, choice, strict=True))
            options = self.options(**choices)
            kinds.append(FileKind(self.suffix(options), self.media_type(options), choices))
        return tuple(kinds)

    def _ending(self, options: OptionsT) -> str:
        """The suffix of the kind of file alone; a format may be a picture of some kind."""
        kind, _, subtype = self.media_type(options).partition("/")
        is_named_by_type = kind == "image" or subtype == "zip"
        return f".{subtype if is_named_by_type else options.format}"  # type: ignore[attr-defined]
