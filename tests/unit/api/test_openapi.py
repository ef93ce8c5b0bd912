from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.api.access.keys import new_key
from service.api.openapi import FIRST, LAST
from service.api.schemas import OCTETS
from service.server.app import create_app
from service.settings import Settings
from tests.support.server import ROOT

DOCUMENT = json.loads((ROOT / "openapi" / "openapi.json").read_text())
JSON = "application/json"


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            yield path, operation


def photo_operations() -> list[Any]:
    return [
        pytest.param(operation, id=path)
        for path, operation in operations()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]


def parameters() -> Iterator[dict[str, Any]]:
    for _, operation in operations():
        yield from operation.get("parameters", [])


@pytest.mark.parametrize("operation", photo_operations())
def test_a_call_that_answers_with_a_file_by_default_has_no_json_to_be_taken_for(
    operation: dict[str, Any],
) -> None:
    content = operation["responses"]["200"]["content"]
    if next(iter(content)) == JSON:
        assert "$ref" in content[JSON]["schema"]
    else:
        assert JSON not in content
        # What openapi-python-client knows bytes by.
        assert OCTETS in content


@pytest.mark.parametrize("operation", photo_operations())
def test_a_call_takes_no_json_that_a_generated_client_could_send_in_the_photos_place(
    operation: dict[str, Any],
) -> None:
    body = operation["requestBody"]
    assert not any("json" in media_type for media_type in body["content"])
    assert JSON in body["description"]


def test_whoever_may_answer_in_json_and_otherwise_has_a_call_for_each() -> None:
    paths = DOCUMENT["paths"]
    assert list(paths["/v1/depth.json"]["post"]["responses"]["200"]["content"]) == [JSON]
    for path, operation in operations():
        content = list(operation["responses"]["200"].get("content", ()))
        if path.startswith("/v1/") and JSON in content and len(content) > 1:
            formats = paths.keys() & {f"{path}.{suffix}" for suffix in ("png", "jpg", "webp")}
            assert len(formats) == len(content) - 1


def test_an_enum_of_a_parameter_is_a_reference_and_nothing_else() -> None:
    enums = [one for one in parameters() if "$ref" in one["schema"]]
    assert len(enums) > 20
    for parameter in enums:
        assert list(parameter["schema"]) == ["$ref"]
        assert parameter["description"]


def test_what_most_choose_by_stands_first_and_what_few_need_last() -> None:
    known = {parameter["name"] for parameter in parameters()}
    assert known.issuperset([*FIRST, *LAST])
    for _, operation in operations():
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        first = [name for name in FIRST if name in names]
        last = [name for name in LAST if name in names]
        own = [name for name in names if name not in first + last]
        assert names == first + own + last


def test_there_is_a_choice_of_every_parameter() -> None:
    assert not any("const" in parameter["schema"] for parameter in parameters())


def test_only_a_service_with_keys_tells_of_them(tmp_path: Path) -> None:
    assert "securitySchemes" not in create_app(Settings()).openapi()["components"]
    assert "securitySchemes" in DOCUMENT["components"]
    path = tmp_path / "keys.txt"
    _, line = new_key("app")
    path.write_text(f"{line}\n")
    assert create_app(Settings(api_keys_file=path)).openapi() == DOCUMENT
