"""Metres by two taps."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Page, expect

from service.api import pages
from service.imaging.depth_description import read_description
from tests.browser.test_accessibility import findings
from tests.support.depths import motorcycle_metres
from tests.support.photos import as_bytes, photo_bytes, photo_path
from tests.support.server import ServerProcess
from tests.support.visitor import drop, expect_done, open_sample, pixels, saved

NUMBER = r"(\d+(?:\.\d+)?)"
# Columns and rows of the motorcycle's photo, 741 x 500.
NEAR, FAR, OTHERS = (330, 330), (640, 60), ((140, 280), (680, 400), (140, 40))


def tap(page: Page, x: float, y: float) -> None:
    box = page.locator("#heatmap").bounding_box()
    assert box is not None
    page.locator("#heatmap").click(position={"x": x * box["width"], "y": y * box["height"]})


def tell(page: Page, x: float, y: float, metres: float) -> None:
    """Tap a spot, given as shares, and type its distance."""
    tap(page, x, y)
    page.locator("#distance").fill(str(metres))
    page.keyboard.press("Enter")


def sample_bytes(name: str) -> bytes:
    return (Path(pages.__file__).parent.parent / "web" / "samples" / f"{name}.jpg").read_bytes()


def calibrated(page: Page) -> None:
    open_sample(page, "coffee")
    tell(page, 0.5, 0.93, 0.4)
    tell(page, 0.08, 0.12, 1.5)
    expect(page.locator("#status")).to_have_text(re.compile("现在都用米了"))


def test_two_true_distances_measure_three_others_within_the_error_they_show(
    page: Page, server: ServerProcess
) -> None:
    truth = motorcycle_metres()
    page.goto("/")
    page.locator("#file").set_input_files(photo_path("motorcycle_left.png"))
    expect_done(page)
    for column, row in (NEAR, FAR):
        tell(page, column / 741, row / 500, round(truth[row, column], 2))
    expect(page.locator("#measure-text")).to_contain_text("括号里是误差")
    for column, row in OTHERS:
        tap(page, column / 741, row / 500)
        words = page.locator("#reading").inner_text()
        told = re.match(rf"约 {NUMBER} 米（{NUMBER} 到 {NUMBER} 米）", words)
        assert told, words
        metres, low, high = map(float, told.groups())
        assert low <= truth[row, column] <= high, (words, truth[row, column])
        assert low <= metres <= high < 2.5 * metres
    # The ruler between the last two.
    expect(page.locator("#ruler")).to_have_text(
        re.compile(rf"A 到 B：约 {NUMBER} 米（{NUMBER} 到 {NUMBER} 米）")
    )
    anchors = page.locator("#anchors-text").inner_text()
    assert re.fullmatch(r"anchors=[0-9.,]+;[0-9.,]+", anchors)
    answer = server.client.post(
        f"/v1/depth?format=npy&{anchors}", files={"image": photo_bytes("motorcycle_left.png")}
    )
    assert answer.headers["X-Depth-Kind"] == "metric_depth"


def test_from_then_on_everything_is_in_metres(page: Page, server: ServerProcess) -> None:
    calibrated(page)
    about = r"约 \S+ 米（\S+ 到 \S+ 米）"
    for place in ("#histogram-text", "#legend"):
        expect(page.locator(place)).to_have_text(re.compile(about))
    with page.expect_request("**/v1/effects/*") as sent:
        saved(page, "[data-download=height]")
    assert "anchors=0.5" in sent.value.url
    anchors = page.locator("#anchors-text").inner_text()
    image = {"image": sample_bytes("coffee")}
    answer = server.client.post(f"/v1/depth?format=npy&{anchors}", files=image)
    served = np.load(io.BytesIO(answer.content))
    # What the page has need not be sent for.
    page.route("**/v1/**", lambda route: route.abort())
    metres = np.load(io.BytesIO(saved(page, "[data-download=npy]")))
    assert np.median(np.abs(metres / served - 1)) < 0.02
    written = saved(page, "[data-download=depth16]")
    description = read_description(written)
    assert description is not None
    assert description.kind == "metric_depth"
    levels = np.asarray(Image.open(io.BytesIO(written)), np.uint16)
    step = (description.high - description.low) / 65535
    assert np.abs(description.values(levels) - metres).max() <= 0.51 * step
    saved(page, "[data-download=heatmap]")
    page.locator("#tab-obstacle").click()
    for place in ("#alarm", "#threshold-value"):
        expect(page.locator(place)).to_have_text(re.compile(about))
    page.locator("#tab-depth").click()
    page.locator("#reset-metres").click()
    expect(page.locator("#histogram-text")).not_to_contain_text("米")
    expect(page.locator("#measure-actions")).to_be_hidden()


def test_the_next_photo_has_the_metres_of_the_one_before_with_a_warning(page: Page) -> None:
    calibrated(page)
    with page.expect_response("**/v1/depth*"):
        drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect(page.locator("#measure-text")).to_contain_text("上一张照片")
    tap(page, 0.5, 0.5)
    expect(page.locator("#reading")).to_contain_text("或差更多")
    with page.expect_request("**/v1/effects/*") as sent:
        saved(page, "[data-download=height]")
    assert re.search(r"calibration=-?[0-9.e-]+%2C", sent.value.url)


def test_the_camera_has_the_metres_of_a_photo_that_is_no_longer_there(page: Page) -> None:
    calibrated(page)
    page.goto("/static/icon.svg")
    page.goto("/#tab=live")
    expect(page.locator("#live-metres")).to_contain_text("米数来自您量过的照片")
    page.locator("#live-switch").click()
    expect(page.locator("#live-reading")).to_have_text(re.compile(r"这里：约 .+米（.+或差更多）"))


@pytest.mark.parametrize("again", [(0.5, 0.93, 0.4), (0.08, 0.12, 0.2)], ids=["same", "reversed"])
def test_distances_that_do_not_fit_the_photo_are_said_in_words(
    page: Page, again: tuple[float, float, float]
) -> None:
    open_sample(page, "coffee")
    tell(page, 0.5, 0.93, 0.4)
    expect(page.locator("#measure-text")).to_contain_text("再点一个")
    tell(page, *again)
    expect(page.locator("#status")).to_contain_text("这些距离和照片对不上")
    page.get_by_role("button", name="去掉 2：").click()
    tell(page, 0.08, 0.12, 1.5)
    expect(page.locator("#status")).to_have_text("现在都用米了。")


def with_focal_length(millimetres: int) -> bytes:
    """A sample photo whose EXIF has a focal length as on 35 mm film."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = millimetres
    return as_bytes(Image.open(photo_path("coffee.png")).convert("RGB"), "JPEG", exif=exif)


@pytest.mark.parametrize(
    ("photo", "focal", "assumed"),
    [
        pytest.param(photo_bytes("coffee.png"), 300 / math.tan(math.radians(32.5)), True, id="any"),
        pytest.param(with_focal_length(36), 600, False, id="EXIF"),
    ],
)
def test_a_known_thing_tells_how_far_it_is_and_all_survives_a_reload_and_serves_the_camera(
    page: Page, photo: bytes, focal: float, assumed: bool
) -> None:
    page.goto("/")
    drop(page, "coffee.jpg", photo)
    expect_done(page)
    # A tile that spans 150 of the photo's 600 pixels, on both sides of x = 0.5, y = 0.9.
    tap(page, 0.375, 0.9)
    tap(page, 0.625, 0.9)
    page.locator("#thing").select_option("tile")
    page.locator("#thing-form button").click()
    expect(page.locator("#status")).to_have_text("记下了。再量一处，就能用米。")
    told = re.match(rf"1：约 {NUMBER} 米（{NUMBER} 到 {NUMBER} 米） ×", anchors_of(page)[0])
    assert told, anchors_of(page)
    metres, low, high = map(float, told.groups())
    assert metres == pytest.approx(0.3 * focal / 150, rel=0.02)
    assert low < 0.85 * metres < 1.15 * metres < high if assumed else low > 0.85 * metres
    assert ("按 65 度算" in page.locator("#thing-note").inner_text()) is assumed
    tell(page, 0.08, 0.12, 4)
    expect(page.locator("#status")).to_have_text("现在都用米了。")
    ruled = ruler(page)
    page.reload()
    expect(page.locator("#measure-text")).to_contain_text("现在都用米了")
    assert ruler(page) == ruled
    assert [text[:2] for text in anchors_of(page)] == ["1：", "2："]
    assert ("measuring_error" in page.locator("#anchors-text").inner_text()) is assumed
    with page.expect_websocket() as opened:
        page.locator("#tab-live").click()
        page.locator("#live-switch").click()
    assert re.search(r"calibration=-?[0-9.e-]+%2C.*&format=raw", opened.value.url)
    expect(page.locator("#live-reading")).to_have_text(re.compile(r"这里：约 .+米（.+或差更多）"))
    assert np.frombuffer(pixels(page, "#live-heatmap"), np.uint8).std() > 20
    page.locator("#tab-depth").click()
    page.locator("#reset-metres").click()
    page.reload()
    expect(page.locator("#measure-text")).to_contain_text("想知道是几米")
    page.locator("#tab-live").click()
    expect(page.locator("#live-metres")).to_contain_text("先在“深度图”里")


def test_a_network_that_gives_metres_without_their_error_measures_without_brackets(
    page: Page,
) -> None:
    metres = io.BytesIO()
    np.save(metres, np.linspace(1, 4, 64 * 48, dtype=np.float32).reshape(48, 64))
    headers = {"X-Depth-Kind": "metric_depth", "X-Depth-Model": "depth_lite_256"}
    page.route(
        "**/v1/depth?*", lambda route: route.fulfill(headers=headers, body=metres.getvalue())
    )
    open_sample(page, "coffee")
    expect(page.locator("#measure-text")).to_contain_text("不说误差有多大")
    said = re.compile(rf"A 到 B：约 {NUMBER} 米（误差未知）")
    assert said.fullmatch(ruler(page))


def ruler(page: Page) -> str:
    """How far two spots at the sides are from each other, which depends on the camera's lens."""
    tap(page, 0.1, 0.6)
    tap(page, 0.9, 0.6)
    said = page.locator("#ruler")
    expect(said).not_to_be_empty()
    return said.inner_text()


def anchors_of(page: Page) -> list[str]:
    return page.locator("#anchors button").all_inner_texts()


def test_metres_by_the_keyboard_alone(page: Page) -> None:
    open_sample(page, "coffee")
    for key, metres in (("ArrowDown", "0.4"), ("ArrowUp", "1.5")):
        page.locator("#panel-depth .frame").first.focus()
        for _ in range(22):
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        while page.evaluate("document.activeElement.id") != "distance":
            page.keyboard.press("Tab")
        page.keyboard.type(metres)
        page.keyboard.press("Enter")
        # Ready for the next spot.
        expect(page.locator("#panel-depth .frame").first).to_be_focused()
    expect(page.locator("#status")).to_have_text("现在都用米了。")
    assert findings(page) == []


def test_the_heatmap_that_is_saved_is_the_one_that_is_shown(page: Page) -> None:
    """Metres beyond reach are infinity, and infinity is no end of a range of colours."""
    open_sample(page, "coffee")
    before = saved(page, "[data-download=heatmap]")
    tell(page, 0.5, 0.93, 0.4)
    tell(page, 0.08, 0.12, 90)
    expect(page.locator("#measure-text")).to_contain_text("括号里是误差")
    assert saved(page, "[data-download=heatmap]") == before


def test_finer_detail_keeps_the_spots_of_the_photo(page: Page) -> None:
    calibrated(page)
    spots = page.locator("#anchors-text").inner_text()
    page.locator(".message [data-open=models]").click()
    with page.expect_request(lambda request: "detail=high" in request.url):
        page.locator("#detail").check()
        page.locator("#models-close").click()
    expect(page.locator("#anchors-text")).to_have_text(spots)
    expect(page.locator("#measure-text")).to_contain_text("括号里是误差")
    tap(page, 0.5, 0.5)
    expect(page.locator("#reading")).to_have_text(re.compile(r"约 \S+ 米（\S+ 到 \S+ 米）"))
