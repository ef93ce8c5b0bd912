"""HEIC by ``pillow-heif`` (libheif with libde265), where the extra ``heic`` is installed."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from functools import cache

from PIL.ImageFile import ImageFile

# Holes that are known of older ones: https://github.com/strukturag/libheif/security/advisories
_LEAST_LIBHEIF = (1, 23, 3)


@cache
def is_installed() -> bool:
    """Whether the extra is there, without importing it."""
    return importlib.util.find_spec("pillow_heif") is not None


@cache
def is_usable() -> bool:
    """Whether it is installed with a libheif that is recent enough; imports it.

    For a process that can open no file later: all is at hand then.
    """
    if not is_installed():
        return False
    import pillow_heif

    version = tuple(map(int, pillow_heif.libheif_version().split(".")[:3]))
    if version < _LEAST_LIBHEIF:
        return False
    _reader()
    return True


def open_heif(file: io.BytesIO) -> ImageFile:
    """The picture before it is decoded, of the size that its container says, turned by it."""
    return _reader()(file)


@cache
def _reader() -> Callable[[io.BytesIO], ImageFile]:
    from pillow_heif import options
    from pillow_heif.as_plugin import HeifImageFile

    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    # One photo is one thread's work; libde265 starts one of its own for it whatever is asked for.
    options.DECODE_THREADS = 1

    class HeifReader(HeifImageFile):  # type: ignore[misc]
        def load(self) -> object:
            """Decode; raises :class:`ValueError` for pixels of another size than was told."""
            told = self.size
            loaded: object = super().load()
            if self.size != told:
                raise ValueError("the picture has another size than its container says")
            return loaded

    return HeifReader
