"""How bodies that bring a photo are described in the OpenAPI document."""

from __future__ import annotations

import copy
from typing import Any

from service.api.image_form import DEPTH_FIELD, IMAGE_FIELD
from service.api.schemas import BINARY
from service.api.upload import BASE64, MULTIPART
from service.imaging.files.formats import PHOTO_FORMATS

*_OTHERS, _LAST = (photo_format.name for photo_format in PHOTO_FORMATS)
_DEPTH_DESCRIPTION = (
    "The photo's depth map, of a sensor or computed earlier: NPY or NPZ of any numbers, a grey PNG "
    "(16 bits, or 8 of nearness), a grey JPEG, a TIFF of float32 or 16 bits, or, with the extra "
    "`exr` on the server, OpenEXR of one float channel. With it no network runs."
)


def _file(description: str) -> dict[str, Any]:
    return {"type": "string", "format": "binary", "description": description}


def _base64(description: str) -> dict[str, Any]:
    text = f"{description} As base64, or as a data URL of it."
    return {"type": "string", "contentEncoding": "base64", "description": text}


def _only(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [IMAGE_FIELD],
        "additionalProperties": False,
        "properties": properties,
    }


IMAGE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"A {', '.join(_OTHERS)} or {_LAST} photo: as the multipart field `image` "
        "(or `file`), as the body itself, or in base64 as `image` of a JSON object.",
        "content": {
            MULTIPART: {"schema": _only(image=_file("The photo."))},
            "image/*": BINARY,
            "application/octet-stream": BINARY,
            BASE64: {"schema": _only(image=_base64("The photo."))},
        },
    }
}

IMAGE_AND_DEPTH_BODY: dict[str, Any] = copy.deepcopy(IMAGE_BODY)
for _media_type, _describe in ((MULTIPART, _file), (BASE64, _base64)):
    _schema = IMAGE_AND_DEPTH_BODY["requestBody"]["content"][_media_type]["schema"]
    _schema["properties"][DEPTH_FIELD] = _describe(_DEPTH_DESCRIPTION)
