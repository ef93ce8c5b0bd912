"""Whoever names the formats that are read names the same ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.api.upload_schema import IMAGE_BODY
from service.errors import UnsupportedMediaType
from service.imaging.decode import read_header
from service.imaging.files.formats import PHOTO_FORMATS, PhotoFormat, sniff
from service.pipeline.offline import is_photo
from tests.hostile.seeds import seed_photos

ROOT = Path(__file__).parents[3]
NAMES = [photo_format.name for photo_format in PHOTO_FORMATS]


def text(path: str) -> str:
    return (ROOT / path).read_text()


def test_the_file_picker_offers_what_is_read() -> None:
    [accepted] = re.findall(
        r'<input id="file"[^>]* accept="([^"]*)"', text("service/web/index.html")
    )
    assert accepted.split(",") == [kind for one in PHOTO_FORMATS for kind in one.media_types]


@pytest.mark.parametrize(
    ("path", "last"),
    [("README.md", " or "), ("README.zh-CN.md", " 或 "), ("service/web/strings.js", " or ")],
)
def test_texts_name_what_is_read(path: str, last: str) -> None:
    separator = "、" if last == " 或 " else ", "
    sentence = separator.join(NAMES[:-1]) + last + NAMES[-1]
    assert sentence in re.sub(r"\s+", " ", text(path))


def test_openapi_and_refusals_name_what_is_read() -> None:
    assert ", ".join(NAMES[:-1]) in IMAGE_BODY["requestBody"]["description"]
    with pytest.raises(UnsupportedMediaType, match=", ".join(NAMES)):
        sniff(b"text")


@pytest.mark.parametrize("photo_format", PHOTO_FORMATS, ids=NAMES)
def test_folders_are_searched_for_every_format(photo_format: PhotoFormat) -> None:
    rows = text("docs/inputs.md").splitlines()
    row = next(row for row in rows if row.startswith(f"| {photo_format.name} |"))
    for suffix in photo_format.suffixes:
        assert is_photo(Path("a" + suffix.upper()))
        assert f"`{suffix}`" in row


def test_the_hostile_corpus_has_seeds_of_every_format() -> None:
    found = {read_header(data, 10_000).format for data in seed_photos().values()}
    assert found == set(NAMES)
