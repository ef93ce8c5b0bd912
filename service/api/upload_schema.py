"""How bodies that bring a photo are described in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from service.api.image_form import DEPTH_FIELD, IMAGE_FIELD
from service.api.schemas import BINARY, OCTETS
from service.api.upload import MULTIPART
from service.imaging.files.formats import PHOTO_FORMATS

*_OTHERS, _LAST = (photo_format.name for photo_format in PHOTO_FORMATS)
_DEPTH_DESCRIPTION = (
    "The photo's depth map, of a sensor or computed earlier: NPY or NPZ of any numbers, a grey PNG "
    "(16 bits, or 8 of nearness), a grey JPEG, a TIFF of float32 or 16 bits, or, with the extra "
    "`exr` on the server, OpenEXR of one float channel. With it no network runs."
)


# Bodies of JSON are told of in words alone: where a call may take JSON, a client that
# openapi-generator made sends JSON, and no photo in it.
_BASE64 = "or in base64, as `application/json`"


def _form(**files: str) -> dict[str, Any]:
    """A multipart form of files; the photo is one of them."""
    return {
        "type": "object",
        "required": [IMAGE_FIELD],
        "additionalProperties": False,
        "properties": {
            name: BINARY["schema"] | {"description": description}
            for name, description in files.items()
        },
    }


def _body(description: str, form: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "description": f"A {', '.join(_OTHERS)} or {_LAST} photo: as the multipart field "
            f"`{IMAGE_FIELD}` (or `file`), as the body itself, {description}.",
            "content": {MULTIPART: {"schema": form}, "image/*": BINARY, OCTETS: BINARY},
        }
    }


IMAGE_BODY = _body(f'{_BASE64} `{{"{IMAGE_FIELD}": "..."}}`', _form(image="The photo."))
IMAGE_AND_DEPTH_BODY = _body(
    f'{_BASE64} `{{"{IMAGE_FIELD}": "...", "{DEPTH_FIELD}": "..."}}`',
    _form(image="The photo.", depth=_DEPTH_DESCRIPTION),
)
