"""A person drops a photo on the page."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.photos import photo_bytes, photo_path


def heatmap_size(page: Page) -> list[int]:
    size: list[int] = page.locator("#heatmap").evaluate(
        "async image => { await image.decode(); return [image.naturalWidth, image.naturalHeight] }"
    )
    return size


def test_upload_by_the_button(page: Page) -> None:
    page.goto("/")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("📂 上传照片测距").click()
    chooser.value.set_files(photo_path("coffee.png"))
    expect(page.locator("#status")).to_contain_text("Done")
    expect(page.locator("#photo")).to_be_visible()
    expect(page.locator("#heatmap")).to_be_visible()
    assert heatmap_size(page) == [600, 400]
    photo, heatmap = (page.locator(name).bounding_box() for name in ("#photo", "#heatmap"))
    assert photo is not None
    assert heatmap is not None
    assert photo["x"] + photo["width"] <= heatmap["x"]


def drop(page: Page, name: str, data: bytes) -> None:
    transfer = page.evaluate_handle(
        """([name, data]) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name));
            return transfer;
        }""",
        [name, base64.b64encode(data).decode()],
    )
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})


def test_upload_by_drop_and_again(page: Page) -> None:
    page.goto("/")
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect(page.locator("#status")).to_contain_text("Done")
    assert heatmap_size(page) == [451, 300]
    drop(page, "rocket.jpg", photo_bytes("rocket.jpg"))
    expect(page.locator("#status")).to_contain_text("Done")
    expect(page.locator("#heatmap")).to_be_visible()
    assert heatmap_size(page) == [640, 427]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello", "不支持这种文件"),
        (photo_bytes("chelsea.png")[:5000], "照片已损坏"),
        (b"", "请重新选择照片"),
    ],
)
def test_errors_are_shown_in_words(page: Page, data: bytes, words: str) -> None:
    page.goto("/")
    drop(page, "photo.png", data)
    expect(page.locator("#status")).to_contain_text(words)
    expect(page.locator("#heatmap")).to_be_hidden()
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect(page.locator("#status")).to_contain_text("Done")


def test_a_server_that_is_gone_is_said_in_words(page: Page) -> None:
    page.goto("/")
    page.route("**/predict", lambda route: route.abort())
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect(page.locator("#status")).to_contain_text("无法连接服务器")


def test_phone_width_stacks_the_pictures(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/")
    photo, heatmap = (box.bounding_box() for box in page.locator("figure").all())
    assert photo is not None
    assert heatmap is not None
    assert photo["y"] + photo["height"] <= heatmap["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


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
