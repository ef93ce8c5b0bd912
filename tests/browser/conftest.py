from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.support.programs import require_program
from tests.support.server import ServerProcess

_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


# Not for the session: Playwright keeps an event loop running, beside which asyncio.run() fails.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = require_program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """A page that fails its test on console errors and on requests to other hosts."""
    page = browser.new_page(base_url=server.url, viewport={"width": 1200, "height": 900})
    errors: list[str] = []
    elsewhere: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith((server.url, "blob:", "data:")):
            elsewhere.append(request.url)

    def note_blocked(request: Request) -> None:
        if request.failure == "csp" and request.url in elsewhere:
            elsewhere.remove(request.url)

    page.on("request", note_request)
    page.on("requestfailed", note_blocked)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    yield page
    page.close()
    assert not elsewhere
    # Chromium logs every 4xx answer as an error of its own, and what the policy blocks: ReDoc's
    # maker's logo.
    harmless = ("Failed to load resource", "cdn.redoc.ly")
    assert not [error for error in errors if not any(text in error for text in harmless)]
