from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from service.api import pages
from service.api.pages import install_pages
from service.api.web_files import WebFiles
from tests.support.bare_server import bare_server

WEB = Path(pages.__file__).parent.parent / "web"
OLDER = "v-0123456789abcdef"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    app = FastAPI(docs_url=None, redoc_url=None)
    install_pages(app)
    with bare_server(app) as server, httpx.Client(base_url=server.url) as client:
        yield client


def named_by(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="(static/[^"]+)"', page)


def test_the_page_is_sent_again_only_when_it_has_changed(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    tag = page.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = client.get("/", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_what_the_page_names_is_kept_for_ever(client: httpx.Client) -> None:
    names = named_by(client.get("/").text)
    modules = {path.name for path in WEB.glob("*.js")}
    assert modules <= {name.rpartition("/")[2] for name in names}
    for name in names:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_another_releases_page_gets_files_but_does_not_keep_them(client: httpx.Client) -> None:
    current = client.get("/static/app.js")
    other = client.get(f"/static/{OLDER}/app.js")
    assert other.content == current.content
    assert current.headers["cache-control"] == other.headers["cache-control"] == "no-cache"
    tag = {"If-None-Match": other.headers["etag"]}
    assert client.get("/static/app.js", headers=tag).status_code == 304


@pytest.mark.parametrize("path", [f"{OLDER}/../../settings.py", f"{OLDER}/", f"{OLDER}/no.js"])
def test_a_version_opens_no_other_folder(client: httpx.Client, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_any_change_makes_another_version(tmp_path: Path) -> None:
    versions = set()
    for name, text in (("a.js", "1"), ("a.js", "2"), ("b.js", "2")):
        (tmp_path / name).write_text(text)
        versions.add(WebFiles(tmp_path).version)
    assert len(versions) == 3
