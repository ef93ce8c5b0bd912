"""The page and Swagger UI in front of a service that demands keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import forget, new_context
from tests.support.access import key_line
from tests.support.photos import photo_path
from tests.support.server import ServerProcess
from tests.support.visitor import expect_done


@pytest.fixture(scope="module")
def locked(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    keys.write_text(key_line("visitor", "the-key"))
    with ServerProcess(cache_dir=str(cache_dir), api_keys_file=str(keys)) as server:
        yield server


@pytest.fixture(scope="module")
def tab(browser: Browser, locked: ServerProcess) -> Iterator[Page]:
    context = new_context(browser, locked.url, locale="en-US")
    yield context.new_page()
    context.close()


@pytest.fixture
def visitor(tab: Page, locked: ServerProcess) -> Iterator[Page]:
    yield tab
    forget(tab, locked.url)


def test_the_page_asks_for_a_key_and_sends_it_for_this_tab_only(visitor: Page) -> None:
    visitor.goto("/")
    visitor.locator("#file").set_input_files(photo_path("coffee.png"))
    expect(visitor.locator("#status")).to_contain_text("needs an API key")
    expect(visitor.locator("#heatmap")).to_be_hidden()
    # No header can hold the second.
    for wrong in ("wrong", "密钥"):
        visitor.get_by_label("API key").fill(wrong)
        visitor.get_by_role("button", name="Use key").click()
        expect(visitor.locator("#status")).to_contain_text("not valid")
        expect(visitor.get_by_label("API key")).to_be_visible()
    visitor.get_by_label("API key").fill("the-key")
    visitor.get_by_role("button", name="Use key").click()
    expect_done(visitor)
    # The form that had the focus is gone.
    expect(visitor.locator("#file")).to_be_focused()
    assert visitor.evaluate("Object.values(sessionStorage)") == ["the-key"]
    assert visitor.evaluate("localStorage.length") == 0


def test_with_the_key_come_all_the_photos_that_were_dropped(visitor: Page) -> None:
    visitor.goto("/")
    names = ("coffee.png", "chelsea.png", "rocket.jpg")
    visitor.locator("#file").set_input_files([photo_path(name) for name in names])
    expect(visitor.get_by_label("API key")).to_be_visible()
    visitor.get_by_label("API key").fill("the-key")
    visitor.get_by_role("button", name="Use key").click()
    expect(visitor.locator("#strip img")).to_have_count(3)


def test_the_live_camera_asks_for_a_key_and_goes_on_with_it(visitor: Page) -> None:
    visitor.goto("/")
    visitor.locator("#tab-live").click()
    visitor.locator("#live-switch").click()
    expect(visitor.locator("#status")).to_contain_text("needs an API key")
    visitor.get_by_label("API key").fill("wrong")
    visitor.get_by_role("button", name="Use key").click()
    expect(visitor.locator("#status")).to_contain_text("not valid")
    assert visitor.evaluate("document.getElementById('live-video').srcObject") is None
    visitor.get_by_label("API key").fill("the-key")
    with visitor.expect_websocket() as opened:
        visitor.get_by_role("button", name="Use key").click()
    expect(visitor.locator("#live-figures")).to_contain_text("fps")
    assert "the-key" not in opened.value.url


def test_swagger_ui_shows_the_refusal_without_a_key_and_sends_the_one_it_was_given(
    visitor: Page,
) -> None:
    visitor.goto("/docs")
    operation = visitor.locator("#operations-models-list_models")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("needs an API key")
    visitor.locator(".auth-wrapper > .authorize").click()
    form = visitor.locator(".auth-container").filter(has_text="bearer")
    form.locator("input").fill("the-key")
    form.get_by_role("button", name="Apply credentials").click()
    visitor.get_by_role("button", name="Close").first.click()
    operation.get_by_role("button", name="Execute").click()
    status = operation.locator(".live-responses-table .response-col_status").last
    expect(status).to_contain_text("200")
