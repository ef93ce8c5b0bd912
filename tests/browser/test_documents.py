"""The API documentation in a browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.photos import photo_path


def test_swagger_ui_leads_to_the_live_camera_executes_a_request_and_shows_the_picture(
    page: Page,
) -> None:
    page.goto("/docs")
    expect(page.locator(".info")).to_contain_text("/v1/stream")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Live tab").click()
    expect(opened.value.locator("#tab-live")).to_have_attribute("aria-selected", "true")
    opened.value.close()
    operation = page.locator("#operations-depth-depth")
    operation.locator(".opblock-summary").click()
    operation.locator("input[type=file]").set_input_files(photo_path("coffee.png"))
    expect(page.locator(".authorization__btn")).to_have_count(0)
    assert "[0-9]" not in operation.inner_text()
    names = operation.locator("tr[data-param-name]")
    first = [names.nth(at).get_attribute("data-param-name") for at in range(3)]
    assert first == ["format", "model", "quality"]
    formats = operation.locator("select").filter(has_text="depth16")
    assert formats.locator("option").count() >= 4
    operation.get_by_role("button", name="Execute").click()
    picture = operation.locator(".response-col_description img").first
    expect(picture).to_be_visible()
    page.wait_for_function("image => image.naturalWidth === 600", arg=picture.element_handle())


def test_redoc_renders_offline(page: Page) -> None:
    page.goto("/redoc")
    expect(page.get_by_role("heading", name="Depth of a photo").first).to_be_visible()
