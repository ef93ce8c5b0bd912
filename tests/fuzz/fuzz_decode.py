"""Coverage-guided fuzzing of the decoder: only the typed errors may be raised.

``make fuzz SECONDS=60`` installs atheris and runs this; a file given as argument is tried alone.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "service.imaging"]):
    from service.imaging.decode import decode_photo, read_header

from service.errors import PayloadTooLarge, UndecodableImage, UnsupportedMediaType
from service.pipeline.photo_formats import installed_formats
from tests.hostile.corpus import heic_images, hostile_images

# Small enough that thousands are decoded a second.
_MAX_PIXELS = 1_000_000
_OPTIONAL = installed_formats()
_MAX_SEED_BYTES = 8192


def try_one(data: bytes) -> None:
    """Decode as the service does: nothing beyond the header's promise, and no other error."""
    try:
        header = read_header(data, _MAX_PIXELS, _OPTIONAL)
        photo = decode_photo(data)
    except (PayloadTooLarge, UndecodableImage, UnsupportedMediaType):
        return
    assert photo.pixels.shape == (photo.height, photo.width, 3)
    assert photo.width * photo.height == header.pixels


def main() -> None:
    """Fuzz until libFuzzer's options say stop, from the hostile corpus on."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = sys.argv
        if not any(Path(argument).exists() for argument in arguments[1:]):
            images = [*hostile_images(), *heic_images()]
            for number, (_, data) in enumerate(images):
                if len(data) <= _MAX_SEED_BYTES:
                    (Path(folder) / f"{number:05}").write_bytes(data)
            arguments = [*arguments, folder]
        atheris.Setup(arguments, try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
