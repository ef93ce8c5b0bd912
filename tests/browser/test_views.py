"""What the page computes in the browser from one depth map."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from service.imaging.render import Colormap, palette
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from tests.browser.conftest import watched_page
from tests.browser.test_accessibility import findings
from tests.conftest import MIDAS
from tests.support.conversions import converted_here
from tests.support.photos import as_bytes, photo_bytes, photo_path
from tests.support.server import ServerProcess
from tests.support.visitor import (
    canvas_size,
    drop,
    expect_done,
    open_sample,
    pixels,
    saved,
    set_slider,
)


def test_the_heatmap_is_the_services_own(page: Page, server: ServerProcess) -> None:
    page.goto("/")
    page.locator("#file").set_input_files(photo_path("chelsea.png"))
    expect_done(page)
    shown = np.frombuffer(pixels(page, "#heatmap"), np.uint8).reshape(300, 451, 4)[..., :3]
    answer = server.client.post("/predict", files={"image": photo_bytes("chelsea.png")}).content
    served = np.asarray(Image.open(io.BytesIO(answer)).convert("RGB"))
    assert np.abs(shown.astype(int) - served).max() <= 12
    assert np.abs(shown.astype(int) - served).mean() < 0.5


def test_the_page_paints_with_the_services_colours(page: Page) -> None:
    page.goto("/")
    for colormap in Colormap:
        table = page.evaluate(
            "async (name) => [...(await import('./static/colormaps.js')).table(name)]",
            colormap.value,
        )
        assert bytes(table) == palette(colormap)


def test_hovering_reads_nearness_and_marks_the_point_on_both_pictures(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#heatmap").hover(position={"x": 300, "y": 330})
    expect(page.locator("#reading")).to_have_text(re.compile(r"近度 0\.\d\d（近）"))
    assert page.locator("#panel-depth .marker:visible").count() == 2
    page.locator("#photo").hover(position={"x": 560, "y": 10})
    expect(page.locator("#reading")).to_contain_text("远")


def test_the_arrow_keys_move_the_point(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#panel-depth .frame").first.focus()
    page.keyboard.press("ArrowDown")
    first = page.locator("#reading").inner_text()
    for _ in range(10):
        page.keyboard.press("ArrowUp")
    assert page.locator("#reading").inner_text() != first


def test_the_histogram_counts_the_whole_photo(page: Page) -> None:
    open_sample(page, "astronaut")
    shares = [int(n) for n in re.findall(r"(\d+)%", page.locator("#histogram-text").inner_text())]
    assert 99 <= sum(shares) <= 101


def test_another_colour_map_repaints_without_another_request(page: Page) -> None:
    open_sample(page, "coffee")
    before = pixels(page, "#heatmap")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.locator("#colormap").select_option("viridis")
    assert pixels(page, "#heatmap") != before
    assert requests == []


def test_the_compare_slider_uncovers_the_heatmap(page: Page) -> None:
    open_sample(page, "coffee")
    page.get_by_role("tab", name="对比").click()
    slider = page.get_by_role("slider", name="分界位置")
    slider.focus()
    page.keyboard.press("Home")
    clip = page.locator("#compare .over").evaluate("(canvas) => getComputedStyle(canvas).clipPath")
    assert clip == "inset(0px 0px 0px 0%)"


def test_with_one_network_the_page_says_how_to_get_others(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#tab-compare").click()
    expect(page.locator("#networks input")).to_have_count(1)
    expect(page.locator("#get-networks")).to_be_disabled()
    expect(page.locator("#networks-hint")).to_contain_text("models pull")


def test_networks_are_compared_on_one_sheet(
    browser: Browser, cache_dir: Path, tmp_path: Path, golden_checkpoint: Path
) -> None:
    WeightsStore(tmp_path).install_custom(find_spec(MIDAS), golden_checkpoint)
    converted_here(find_spec(MIDAS), tmp_path, cache_dir)
    with (
        ServerProcess(cache_dir=str(cache_dir), weights_dir=str(tmp_path)) as server,
        watched_page(browser, server.url, locale="en-US") as page,
    ):
        open_sample(page, "coffee")
        page.locator("#tab-compare").click()
        expect(page.locator("#networks input")).to_have_count(2)
        page.locator("#get-networks").click()
        expect(page.locator("#status")).to_have_text("Compared.", timeout=120_000)
        expect(page.locator("#sheet")).to_be_visible()
        width = page.locator("#sheet").evaluate("(sheet) => sheet.naturalWidth")
        assert width > 2 * 480
        page.get_by_label("depth_lite_256").uncheck()
        expect(page.locator("#get-networks")).to_be_disabled()
        page.get_by_role("button", name="Other networks").click()
        page.locator("#models").get_by_label(MIDAS).check()
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#status")).to_contain_text(MIDAS)
        with page.expect_request("**/v1/effects/*") as sent:
            page.locator("#tab-relief").click()
            saved(page, "[data-download=ply]")
        assert f"model={MIDAS}" in sent.value.url


def test_the_networks_are_a_list_one_can_read_and_choose_from(page: Page) -> None:
    open_sample(page, "coffee")
    page.get_by_role("button", name="换网络").click()
    chosen = page.locator("#models").get_by_label("depth_lite_256")
    expect(chosen).to_be_checked()
    own = page.locator("#models li").filter(has=page.get_by_label("depth_lite_256"))
    expect(own).to_contain_text(re.compile(r"用了 \d+ 毫秒 · MIT"))
    expect(page.locator("#models li").filter(has_text="zoedepth_n")).to_have_text(
        re.compile(
            r"直接给出米数 · 计算量是默认网络的 \d+ 倍.*depth-service models pull zoedepth_n"
        )
    )
    assert findings(page) == []
    with page.expect_request("**/v1/depth*") as sent:
        page.get_by_label("更精细").check()
        page.get_by_role("button", name="关闭").click()
    assert "detail=high" in sent.value.url
    expect_done(page)


def test_a_network_is_chosen_when_the_list_is_closed_and_not_by_each_arrow_key(page: Page) -> None:
    def all_are_served(route: Route) -> None:
        listed = route.fetch().json()
        for model in listed["models"]:
            model |= {"state": "loaded", "licence_accepted": True}
        route.fulfill(json=listed)

    open_sample(page, "coffee")
    page.route("**/v1/models", all_are_served)
    # What is asked for does not come: one could see that it is waited for.
    page.route("**/v1/depth?*", lambda route: None)
    page.locator(".message [data-open=models]").click()
    page.locator("#models input").first.focus()
    for place in (1, 2):
        page.keyboard.press("ArrowDown")
        expect(page.locator("#models input").nth(place)).to_be_checked()
        expect(page.locator("#progress")).to_be_hidden()
    with page.expect_request("**/v1/depth?*") as sent:
        page.keyboard.press("Escape")
    assert f"model={page.locator('#models input').nth(2).input_value()}" in sent.value.url


def test_a_list_that_is_closed_as_it_was_asks_for_nothing(page: Page) -> None:
    open_sample(page, "coffee")
    page.route("**/v1/depth?*", lambda route: route.abort())
    page.locator(".message [data-open=models]").click()
    page.locator("#detail").check()
    page.locator("#detail").uncheck()
    page.locator("#models-close").click()
    page.locator("#tab-obstacle").click()
    expect(page.locator("#obstacle canvas")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("depth_lite_256")


def test_a_list_of_networks_that_does_not_come_is_said_and_can_be_tried_again(page: Page) -> None:
    open_sample(page, "coffee")
    page.route("**/v1/models", lambda route: route.abort())
    page.locator("#tab-compare").click()
    expect(page.locator("#status")).to_contain_text("无法连接服务器")
    page.unroute("**/v1/models")
    page.locator("#retry").click()
    expect(page.locator("#networks-hint")).to_contain_text("models pull")


def test_the_number_is_at_the_marker_too(page: Page) -> None:
    """The line with the words may be below the window's edge."""
    open_sample(page, "coffee")
    page.locator("#heatmap").hover(position={"x": 300, "y": 330})
    number = page.locator("#panel-depth .marker").first.get_attribute("data-number")
    assert number is not None
    expect(page.locator("#reading")).to_contain_text(number)


def test_the_obstacle_alarm_follows_its_thresholds(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#tab-obstacle").click()
    expect(page.locator("#threshold-value")).to_have_text("0.80")
    expect(page.locator("#share-value")).to_have_text("10%")
    set_slider(page, "#threshold", 0.2)
    expect(page.locator("#alarm")).to_contain_text("前方有障碍")
    set_slider(page, "#threshold", 0.99)
    expect(page.locator("#alarm")).to_contain_text("没有报警")
    assert canvas_size(page, "#obstacle canvas") == [600, 400]


def test_a_photo_of_two_columns_has_shares_in_each_third(page: Page) -> None:
    page.goto("/")
    drop(page, "narrow.png", as_bytes(Image.new("RGB", (2, 300)), "PNG"), "image/png")
    expect_done(page)
    page.locator("#tab-obstacle").click()
    expect(page.locator("#sectors")).to_have_text(re.compile(r"\d+%.*\d+%.*\d+%"))
    expect(page.locator("#sectors")).not_to_contain_text("NaN")
