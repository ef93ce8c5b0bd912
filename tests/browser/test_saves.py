"""What the page saves, and how."""

from __future__ import annotations

import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from service.imaging.depth_description import read_description
from tests.support.photos import as_bytes, photo_bytes, photo_pixels
from tests.support.server import ServerProcess
from tests.support.visitor import drop, expect_done, open_sample, open_small, saved, set_slider


def test_downloads_are_full_size_and_what_the_page_has_is_not_sent_for(
    page: Page, server: ServerProcess
) -> None:
    page.goto("/")
    drop(page, "rocket.jpg", photo_bytes("rocket.jpg"))
    expect_done(page)
    page.route("**/v1/**", lambda route: route.abort())
    written = saved(page, "[data-download=depth16]")
    depth16 = Image.open(io.BytesIO(written))
    assert (depth16.size, depth16.mode) == ((640, 427), "I;16")
    heatmap = Image.open(io.BytesIO(saved(page, "[data-download=heatmap]")))
    assert heatmap.size == (640, 427)
    share = Image.open(io.BytesIO(saved(page, "[data-download=share]"))).convert("RGB")
    assert (
        np.abs(np.asarray(share.crop((688, 24, 1328, 451)), int) - heatmap.convert("RGB")).max()
        == 0
    )
    assert share.height > 451 + 24
    depth = np.load(io.BytesIO(saved(page, "[data-download=npy]")))
    image = {"image": photo_bytes("rocket.jpg")}
    served = np.load(io.BytesIO(server.client.post("/v1/depth?format=npy", files=image).content))
    assert depth.shape == served.shape
    assert np.abs(depth - served).max() < 0.01 * np.ptp(served)
    # The 16 bits say what they are, to half a level.
    description = read_description(written)
    assert description is not None
    assert (description.kind, description.model) == ("relative_inverse_depth", "depth_lite_256")
    values = description.values(np.asarray(depth16, np.uint16))
    assert np.abs(values - depth).max() <= 0.51 * (description.high - description.low) / 65535


def test_effects_are_saved_from_the_page(page: Page) -> None:
    open_small(page, "coffee")
    for kind, signature in (("height", b"\x89PNG"), ("anaglyph", b"\xff\xd8")):
        assert saved(page, f"[data-download={kind}]").startswith(signature)


@pytest.mark.parametrize(
    ("tab", "slider", "value", "files"),
    [
        pytest.param(
            *("relief", "#relief-depth", 8),
            {
                "glb": (b"glTF", "far_ratio=8"),
                "ply": (b"ply\n", "far_ratio=8"),
                "stl": (b"depth-service, in mm", "format=stl"),
            },
            id="relief",
        ),
        pytest.param(
            *("parallax", "#amplitude", 0.01),
            {"living": (b"RIFF", "amplitude=0.01"), "video": (b"\0\0\0", "format=mp4")},
            id="parallax",
        ),
    ],
)
def test_what_is_saved_is_what_was_set(
    page: Page, tab: str, slider: str, value: float, files: dict[str, tuple[bytes, str]]
) -> None:
    open_small(page, "coffee")
    page.locator(f"#tab-{tab}").click()
    set_slider(page, slider, value)
    for kind, (signature, asked) in files.items():
        with page.expect_request("**/v1/effects/*") as sent:
            assert saved(page, f"[data-download={kind}]").startswith(signature)
        assert asked in sent.value.url


def test_a_server_without_what_makes_videos_says_so_in_words(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#tab-parallax").click()
    problem = {"type": "invalid-parameter", "detail": "format=mp4 needs PyAV"}
    page.route("**/v1/effects/*", lambda route: route.fulfill(status=422, json=problem))
    page.locator("[data-download=video]").click()
    expect(page.locator("#status")).to_contain_text("请下载 WebP")


def open_portrait(page: Page) -> None:
    """With little blur: more takes seconds to draw without a graphics card."""
    set_slider(page, "#aperture", 0.04)
    page.locator("#tab-portrait").click()


def test_a_portrait_has_the_photos_size(page: Page) -> None:
    page.goto("/")
    large = np.asarray(cv2.resize(photo_pixels("coffee.png"), (2600, 1733)), np.uint8)
    drop(page, "large.jpg", as_bytes(large, "JPEG"))
    expect_done(page)
    open_portrait(page)
    expect(page.locator("#get-portrait")).to_have_text("下载原尺寸人像")
    assert Image.open(io.BytesIO(saved(page, "#get-portrait"))).size == (2600, 1733)


def test_a_portrait_of_a_huge_photo_says_its_size(page: Page) -> None:
    page.goto("/")
    huge = np.zeros((2300, 4600, 3), np.uint8)
    drop(page, "huge.jpg", as_bytes(huge, "JPEG"))
    expect_done(page)
    open_portrait(page)
    expect(page.locator("#get-portrait")).to_have_text("下载人像（4096 × 2048）")
    page.route("**/v1/effects/*", lambda route: route.fulfill(body=b"", content_type="image/png"))
    with page.expect_request("**/v1/effects/portrait*") as sent:
        assert saved(page, "#get-portrait") == b""
    assert "max_side=4096" in sent.value.url
    assert re.search(r"focus=0\.\d+%2C0\.\d+&aperture=0\.04&", sent.value.url)
