"""Photos and windows of any shape: what belongs together is in sight together."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from playwright.sync_api import FilePayload, Page, ViewportSize, expect

from tests.support.photos import as_bytes, photo_bytes, photo_pixels
from tests.support.visitor import box_of, drop, expect_done, open_sample

PHONE: ViewportSize = {"width": 390, "height": 844}
LAPTOP: ViewportSize = {"width": 1366, "height": 768}
# Of the page: its tabs, and the frame that each shows a photo in.
FRAMES = {
    "depth": "#panel-depth .frame >> nth=1",
    "compare": "#compare",
    "portrait": "#portrait",
    "obstacle": "#obstacle",
}
SHAPES = [(300, 4000), (4000, 300), (900, 1000)]


def test_a_phones_first_screen_has_the_heatmap_and_its_reading_and_nothing_is_cut_off(
    page: Page,
) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/")
    tall = np.asarray(cv2.resize(photo_pixels("astronaut.png"), (180, 320)), np.uint8)
    drop(page, "tall.jpg", as_bytes(tall, "JPEG"))
    expect_done(page)
    page.locator("#heatmap").click(position={"x": 99, "y": 333})
    expect(page.locator("#reading")).to_contain_text("近度")
    assert page.evaluate("scrollY") == 0
    photo, heatmap, reading = (box_of(page, name) for name in ("#photo", "#heatmap", "#reading"))
    assert heatmap["y"] + heatmap["height"] <= reading["y"]
    assert reading["y"] + reading["height"] <= PHONE["height"] <= photo["y"] + photo["height"]
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_laptops_screen_has_the_obstacles_beside_their_alarm_and_sliders(page: Page) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    open_sample(page, "coffee")
    page.locator("#tab-obstacle").click()
    picture = box_of(page, "#obstacle")
    assert picture["y"] + picture["height"] <= 768
    for name in ("#alarm", "#threshold", "#share"):
        assert picture["x"] + picture["width"] <= box_of(page, name)["x"]
        assert box_of(page, name)["y"] < picture["y"] + picture["height"]


@pytest.mark.parametrize("window", [PHONE, LAPTOP], ids=["phone", "laptop"])
@pytest.mark.parametrize("shape", SHAPES, ids=[f"{w}x{h}" for w, h in SHAPES])
def test_a_photo_of_any_shape_fits_its_frame_and_two_windows(
    page: Page, shape: tuple[int, int], window: ViewportSize
) -> None:
    page.set_viewport_size(window)
    page.goto("/")
    drop(
        page,
        "odd.jpg",
        as_bytes(np.asarray(cv2.resize(photo_pixels("coffee.png"), shape), np.uint8), "JPEG"),
    )
    expect_done(page)
    for tab, frame in FRAMES.items():
        page.locator(f"#tab-{tab}").click()
        picture = page.locator(f"{frame} >> canvas:visible >> nth=0")
        around, inside = page.locator(frame).bounding_box(), picture.bounding_box()
        assert around and inside
        assert around == pytest.approx(inside, abs=1), (tab, "the frame is of the picture's shape")
        assert inside["height"] <= 2 * window["height"], tab
        assert page.evaluate("document.documentElement.scrollWidth") <= window["width"], tab


def test_a_long_name_leaves_the_line_low_and_can_be_told_from_the_next(page: Page) -> None:
    page.goto("/")
    low = box_of(page, ".message")["height"]
    names = [f"{'photo' * 40}-{number}.png" for number in (1, 2)]
    photo = photo_bytes("coffee.png")
    files = [FilePayload(name=name, mimeType="image/png", buffer=photo) for name in names]
    page.set_input_files("#file", files)
    page.locator(f"#strip [aria-label='{names[1]}']").click()
    expect(page.locator("#status")).to_contain_text(re.compile("photo.*…ophoto-2.png"))
    assert box_of(page, ".message")["height"] <= 2 * low
