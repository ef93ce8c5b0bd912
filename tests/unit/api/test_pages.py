"""The page's file picker."""

from __future__ import annotations

import re

from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.api.pages import install_pages
from service.imaging.files.formats import HEIC, OPTIONAL_FORMATS, PHOTO_FORMATS, PhotoFormat


def accepted(*optional: PhotoFormat) -> list[str]:
    app = FastAPI()
    install_pages(app, optional)
    [kinds] = re.findall(r'accept="(image/[^"]*)"', TestClient(app).get("/").text)
    return str(kinds).split(",")


def test_the_file_picker_offers_heic_where_it_is_read() -> None:
    always = [kind for one in PHOTO_FORMATS for kind in one.media_types]
    assert accepted() == always
    assert accepted(*OPTIONAL_FORMATS) == [*always, *HEIC.media_types]
