"""What a visitor of the page does, for the browser tests."""

from __future__ import annotations

import base64
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Page, expect

from tests.support.photos import as_bytes, photo_path

# A file as a browser hands it over: by drop, or by paste.
_TRANSFER = """([name, data, type]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    return transfer;
}"""
_PASTE = "(clipboardData) => dispatchEvent(new ClipboardEvent('paste', { clipboardData }))"


def drop(page: Page, name: str, data: bytes, media_type: str = "") -> None:
    file = [name, base64.b64encode(data).decode(), media_type]
    transfer = page.evaluate_handle(_TRANSFER, file)
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})


def paste(page: Page, name: str, data: bytes) -> None:
    page.evaluate_handle(_TRANSFER, [name, base64.b64encode(data).decode(), ""]).evaluate(_PASTE)


def open_sample(page: Page, name: str) -> None:
    """Open the page and wait for the depth of one of its sample photos."""
    page.goto("/")
    page.locator(f"[data-sample={name}]").click()
    expect_done(page)


def open_small(page: Page, name: str, size: tuple[int, int] = (150, 100)) -> None:
    """The same with a photo as small as given: without a graphics card, pixels take their time."""
    page.goto("/")
    picture = Image.open(photo_path(f"{name}.png")).convert("RGB").resize(size)
    drop(page, f"{name}.png", as_bytes(picture, "PNG"), "image/png")
    expect_done(page)


def expect_done(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("depth_lite_256")
    expect(page.locator("#heatmap")).to_be_visible()


def pixels(page: Page, selector: str) -> bytes:
    """A canvas's RGBA bytes."""
    encoded: str = page.locator(selector).evaluate(
        """(canvas) => {
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [canvas.width, canvas.height];
            const context = copy.getContext("2d");
            context.drawImage(canvas, 0, 0);
            const { data } = context.getImageData(0, 0, copy.width, copy.height);
            let text = "";
            for (let at = 0; at < data.length; at += 8192)
                text += String.fromCharCode(...data.subarray(at, at + 8192));
            return btoa(text);
        }"""
    )
    return base64.b64decode(encoded)


def box_of(page: Page, selector: str) -> FloatRect:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box


def canvas_size(page: Page, selector: str) -> list[int]:
    size: list[int] = page.locator(selector).evaluate("(canvas) => [canvas.width, canvas.height]")
    return size


def set_slider(page: Page, selector: str, value: float) -> None:
    page.locator(selector).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }",
        value,
    )


def saved(page: Page, button: str) -> bytes:
    """Press a button that saves a file, and wait until the page says so; the file."""
    with page.expect_download() as download:
        page.locator(button).click()
    expect(page.locator("#status")).to_contain_text(download.value.suggested_filename)
    return Path(download.value.path()).read_bytes()
