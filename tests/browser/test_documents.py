"""The API documentation in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.photos import photo_path


def test_swagger_ui_executes_a_request_and_shows_the_picture(page: Page, tmp_path: Path) -> None:
    page.goto("/docs")
    operation = page.locator("#operations-depth-depth")
    operation.locator(".opblock-summary").click()
    operation.locator("input[type=file]").set_input_files(photo_path("coffee.png"))
    formats = operation.locator("select").filter(has_text="depth16")
    assert formats.locator("option").count() >= 4
    operation.get_by_role("button", name="Execute").click()
    picture = operation.locator(".response-col_description img").first
    expect(picture).to_be_visible()
    page.wait_for_function("image => image.naturalWidth === 600", arg=picture.element_handle())
    page.screenshot(path=tmp_path / "swagger.png")


def test_redoc_renders_offline(page: Page) -> None:
    page.goto("/redoc")
    expect(page.get_by_role("heading", name="Depth of a photo")).to_be_visible()
