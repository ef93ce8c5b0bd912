from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from tests.support.programs import require_program
from tests.support.server import ServerProcess

_QUIET = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
# WebGL without a graphics card, and a camera that shows a test picture.
_DEVICES = (
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    "--use-fake-device-for-media-stream",
)
# For tests, which are not about looks: only WebGL is drawn as if there were a card, and without
# smooth rims. They take a third less of both cores.
_LIGHT = (
    *("--disable-gpu-compositing", "--disable-gpu-rasterization"),
    "--webgl-antialiasing-mode=none",
)
_USUAL: dict[str, Any] = {"permissions": ["camera"], "reduced_motion": "reduce"}
_DESK: dict[str, Any] = {"locale": "zh-CN", "viewport": {"width": 1200, "height": 900}}
# Playwright's own, 5 and 30 seconds, are few for a busy machine's first heatmap.
_PATIENCE_MS = 60_000
expect.set_options(timeout=_PATIENCE_MS)


# Not for the session: Playwright keeps an event loop running, beside which asyncio.run() fails.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright, *_LIGHT) as browser:
        yield browser


@contextlib.contextmanager
def launched(playwright: Playwright, *more: str) -> Iterator[Browser]:
    """Chromium as people without a graphics card have it; ``more`` are arguments of its own."""
    chromium = require_program("chromium", "chromium-browser", "google-chrome")
    browser = playwright.chromium.launch(executable_path=chromium, args=[*_QUIET, *_DEVICES, *more])
    yield browser
    browser.close()


def new_context(browser: Browser, url: str, **options: Any) -> BrowserContext:
    """Whose pages may use the camera; nothing moves by itself, unless the options say otherwise."""
    context = browser.new_context(base_url=url, **_USUAL | options)
    context.set_default_timeout(_PATIENCE_MS)
    return context


@contextlib.contextmanager
def watched_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page that fails its test on console errors and foreign requests."""
    context = new_context(browser, url, **options)
    page = context.new_page()
    with watched(page, url):
        yield page
        context.close()


@contextlib.contextmanager
def watched(page: Page, url: str) -> Iterator[None]:
    """Fail on console errors and foreign requests of a page."""
    errors: list[str] = []
    elsewhere: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith((url, "blob:", "data:")):
            elsewhere.append(request.url)

    def note_error(error: Error) -> None:
        errors.append(str(error))

    def note_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("request", note_request)
    page.on("pageerror", note_error)
    page.on("console", note_message)
    yield
    page.remove_listener("request", note_request)
    page.remove_listener("pageerror", note_error)
    page.remove_listener("console", note_message)
    assert not elsewhere
    # Chromium logs every 4xx answer as an error of its own.
    assert not [error for error in errors if "Failed to load resource" not in error]


@pytest.fixture(scope="package")
def desk(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """One tab for all tests: a new one takes a process, and compiles the page's scripts anew."""
    context = new_context(browser, server.url, **_DESK)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(desk: Page, server: ServerProcess) -> Iterator[Page]:
    """The page as a Chinese visitor at a desk sees it, for the first time."""
    # Chromium draws a tab behind another but once a second.
    desk.bring_to_front()
    with watched(desk, server.url):
        yield desk
        forget(desk, server.url)


@pytest.fixture
def other_page(desk: Page, server: ServerProcess) -> Iterator[Page]:
    """The same in a tab of its own, for what cannot be taken back: routed WebSockets."""
    page = desk.context.new_page()
    with watched(page, server.url):
        yield page
        forget(page, server.url)
        page.close()


def forget(page: Page, url: str) -> None:
    """Leave nothing behind of what was done on a page, nor anything that goes on."""
    page.unroute_all(behavior="ignoreErrors")
    # A file of the same origin that runs nothing, so that nothing is stored again.
    page.goto(f"{url}/static/icon.svg")
    page.evaluate("sessionStorage.clear()")
    page.set_viewport_size(_DESK["viewport"])
    page.emulate_media(
        color_scheme="light", forced_colors="none", reduced_motion=_USUAL["reduced_motion"]
    )
    page.context.grant_permissions(_USUAL["permissions"])
    page.mouse.move(0, 0)
    session = page.context.new_cdp_session(page)
    stored = {"origin": url, "storageTypes": "cookies,indexeddb,local_storage"}
    session.send("Storage.clearDataForOrigin", stored)
    session.send("Page.resetNavigationHistory")
    session.detach()
