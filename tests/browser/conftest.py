from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    Page,
    Playwright,
    Request,
    ViewportSize,
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
# Playwright's 5 seconds are few for a busy machine's first heatmap.
expect.set_options(timeout=30_000)


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


@contextlib.contextmanager
def watched_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page that may use the camera, and fails its test on console errors and foreign requests.

    Nothing moves by itself, unless the options say otherwise.
    """
    usual = {"permissions": ["camera"], "reduced_motion": "reduce"}
    context = browser.new_context(base_url=url, **usual | options)
    page = context.new_page()
    errors: list[str] = []
    elsewhere: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith((url, "blob:", "data:")):
            elsewhere.append(request.url)

    page.on("request", note_request)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    yield page
    context.close()
    assert not elsewhere
    # Chromium logs every 4xx answer as an error of its own.
    assert not [error for error in errors if "Failed to load resource" not in error]


@pytest.fixture
def page(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """The page as a Chinese visitor at a desk sees it."""
    viewport: ViewportSize = {"width": 1200, "height": 900}
    with watched_page(browser, server.url, locale="zh-CN", viewport=viewport) as page:
        yield page
