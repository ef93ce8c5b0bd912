"""What the page computes in the browser from one depth map."""

from __future__ import annotations

import io
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from service.imaging.render import Colormap, palette
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from tests.browser.conftest import watched_page
from tests.browser.test_accessibility import findings
from tests.conftest import MIDAS
from tests.support.photos import photo_bytes, photo_path
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


def test_a_server_that_goes_down_in_mid_way_is_said_in_words(
    browser: Browser, cache_dir: Path
) -> None:
    with (
        ServerProcess(cache_dir=str(cache_dir)) as server,
        watched_page(browser, server.url, locale="en-US") as page,
    ):
        open_sample(page, "coffee")
        server.process.kill()
        server.wait()
        page.locator("[data-download=height]").click()
        expect(page.locator("#status")).to_contain_text("server cannot be reached")
        expect(page.locator("#retry")).to_be_visible()
        drop(page, "cat.png", photo_bytes("chelsea.png"))
        expect(page.locator("#status")).to_contain_text("server cannot be reached")
        expect(page.locator("#photo")).to_be_visible()


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
    assert "detail=high" in sent.value.url
    expect_done(page)


def test_the_number_is_at_the_marker_too(page: Page) -> None:
    """The line with the words may be below the window's edge."""
    open_sample(page, "coffee")
    page.locator("#heatmap").hover(position={"x": 300, "y": 330})
    number = page.locator("#panel-depth .marker").first.get_attribute("data-number")
    assert number is not None
    expect(page.locator("#reading")).to_contain_text(number)


def test_the_3d_view_can_be_reset(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#tab-relief").click()
    wait_until_drawn(page, "#relief canvas")
    before = pixels(page, "#relief canvas")
    page.locator("#relief").focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    assert pixels(page, "#relief canvas") != before
    page.locator("#relief-reset").click()
    assert pixels(page, "#relief canvas") == before


def opacity(page: Page) -> np.ndarray:
    """Of the 3D view's pixels; what no surface covers is transparent."""
    width, height = canvas_size(page, "#relief canvas")
    rgba = np.frombuffer(pixels(page, "#relief canvas"), np.uint8)
    return rgba.reshape(height, width, 4)[..., 3]


def test_the_3d_view_has_no_holes_loses_its_sky_and_turns_about_a_spot(page: Page) -> None:
    open_sample(page, "astronaut")
    page.locator("#tab-relief").click()
    wait_until_drawn(page, "#relief canvas")
    page.locator("#relief").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    height, width = opacity(page).shape
    # Past her head and shoulders one sees what was behind them.
    middle = np.s_[height // 4 : 3 * height // 4, width // 2 : 3 * width // 4]
    assert opacity(page)[middle].min() == 255
    before = float(opacity(page).mean())
    page.locator("#relief-sky").check()
    assert float(opacity(page).mean()) < 0.98 * before
    with page.expect_request("**/v1/effects/pointcloud*") as sent:
        glb = saved(page, "[data-download=glb]")
    assert glb.startswith(b"glTF")
    assert re.search(r"[?&]far=-?[0-9.]+", sent.value.url)
    page.locator("#relief-sky").uncheck()
    page.locator("#relief-reset").click()
    seen = [pixels(page, "#relief canvas")]
    page.locator("#relief").press("Enter")
    seen.append(pixels(page, "#relief canvas"))
    page.locator("#relief").dblclick(position={"x": 420, "y": 120})
    seen.append(pixels(page, "#relief canvas"))
    assert len(set(seen)) == 3


def test_the_3d_view_turns_by_itself_until_it_is_told_not_to(
    browser: Browser, server: ServerProcess
) -> None:
    options = {"locale": "en-US", "reduced_motion": "no-preference"}
    with watched_page(browser, server.url, **options) as page:
        open_sample(page, "coffee")
        page.locator("#tab-relief").click()
        button = page.get_by_role("button", name="Turn slowly")
        expect(button).to_have_attribute("aria-pressed", "true")
        wait_until_drawn(page, "#relief canvas")
        button.click()
        still = pixels(page, "#relief canvas")
        button.click()
        while pixels(page, "#relief canvas") == still:
            page.wait_for_timeout(50)
        button.click()
        assert pixels(page, "#relief canvas") == pixels(page, "#relief canvas")


@pytest.mark.parametrize(
    ("tab", "frame", "key"),
    [
        ("relief", "#relief", "ArrowLeft"),
        ("parallax", "#parallax", "ArrowLeft"),
        ("portrait", "#portrait", "ArrowUp"),
    ],
)
def test_a_webgl_view_draws_the_photo_and_answers_the_keyboard(
    page: Page, tab: str, frame: str, key: str
) -> None:
    open_sample(page, "coffee")
    page.locator(f"#tab-{tab}").click()
    expect(page.locator(f"{frame} .empty")).to_be_hidden()
    wait_until_drawn(page, f"{frame} canvas")
    before = pixels(page, f"{frame} canvas")
    page.locator(frame).focus()
    for _ in range(12):
        page.keyboard.press(key)
    after = settled_pixels(page, f"{frame} canvas", len(before))
    assert np.mean(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8)) > 0.1


# Frames take as long as the test says, whatever the machine does.
_FRAME_TIMES = """() => {
    const real = requestAnimationFrame.bind(window);
    let [now, realNow] = [0, 0];
    window.requestAnimationFrame = (draw) => real((at) => {
        const { width } = document.querySelector("#parallax canvas");
        if (at !== realNow) now += MILLISECONDS;
        realNow = at;
        draw(now);
    });
}"""
_MOVE = """async (frame, pause) => {
    const box = frame.getBoundingClientRect();
    const widths = [];
    for (let turn = 0; turn < 40; turn++) {
        frame.dispatchEvent(new PointerEvent("pointermove", {
            clientX: box.left + box.width * (turn % 9) / 9, clientY: box.top + 99,
        }));
        for (let frames = 0; frames < pause; frames++) {
            await new Promise((done) => requestAnimationFrame(done));
        }
        widths.push(frame.querySelector("canvas").width);
    }
    return widths;
}"""


@pytest.mark.parametrize(
    ("milliseconds", "pause", "coarsest", "last"),
    [
        pytest.param("16.7", 1, 600, 600, id="a screen of 60 Hz, kept up with"),
        pytest.param("16.7", 2, 600, 600, id="an input that comes less often than frames do"),
        pytest.param("33.3", 1, 210, 600, id="a screen of 30 Hz, where coarser is no faster"),
        pytest.param(
            "20 + 100 * (width / 600) ** 2", 1, 210, 210, id="a device without a graphics card"
        ),
    ],
)
def test_the_parallax_is_coarser_in_motion_where_that_makes_it_smoother(
    page: Page, milliseconds: str, pause: int, coarsest: int, last: int
) -> None:
    open_sample(page, "coffee")
    page.evaluate(_FRAME_TIMES.replace("MILLISECONDS", milliseconds))
    page.locator("#tab-parallax").click()
    wait_until_drawn(page, "#parallax canvas")
    widths = page.locator("#parallax").evaluate(_MOVE, pause)
    assert (min(widths), widths[-1]) == (coarsest, last)
    # At rest it is as sharp as ever.
    expect(page.locator("#parallax canvas")).to_have_js_property("width", 600)


def test_another_photo_starts_sharp_again(page: Page) -> None:
    open_sample(page, "coffee")
    page.evaluate(_FRAME_TIMES.replace("MILLISECONDS", "20 + 100 * (width / 600) ** 2"))
    page.locator("#tab-parallax").click()
    wait_until_drawn(page, "#parallax canvas")
    frame, canvas = page.locator("#parallax"), page.locator("#parallax canvas")
    assert frame.evaluate(_MOVE, 1)[-1] == 210
    page.locator("[data-sample=chelsea]").click()
    expect(canvas).to_have_js_property("width", 451)
    assert frame.evaluate(_MOVE, 1)[0] == 451


def settled_pixels(page: Page, canvas: str, size: int) -> bytes:
    """Once they are of the full size again: in motion a slow machine draws fewer."""
    for _ in range(100):
        page.wait_for_timeout(200)
        now = pixels(page, canvas)
        if len(now) == size:
            return now
    raise AssertionError(f"{canvas} stays coarse")


def wait_until_drawn(page: Page, canvas: str) -> None:
    for _ in range(50):
        if np.frombuffer(pixels(page, canvas), np.uint8).std() > 20:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"nothing was drawn on {canvas}")


def test_a_browser_without_webgl_says_so_and_keeps_working(page: Page) -> None:
    page.add_init_script(
        """const real = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind === "webgl2" ? null : real.call(this, kind, ...rest);
        };"""
    )
    open_sample(page, "coffee")
    for tab in ("relief", "parallax", "portrait"):
        page.locator(f"#tab-{tab}").click()
        expect(page.locator(f"#{tab} .empty")).to_contain_text("WebGL")
    page.locator("#tab-obstacle").click()
    expect(page.locator("#alarm")).not_to_be_empty()


def test_portrait_keeps_the_focus_sharp_and_blurs_the_rest(page: Page) -> None:
    open_sample(page, "astronaut")
    page.locator("#tab-portrait").click()
    page.locator("#portrait").click(position={"x": 300, "y": 160})
    set_slider(page, "#aperture", 1)
    page.wait_for_timeout(300)
    shape = (512, 512, 4)
    before, after = (
        np.frombuffer(pixels(page, canvas), np.uint8).reshape(shape)[..., 1].astype(np.float32)
        for canvas in ("#photo", "#portrait canvas")
    )
    face, wall = np.s_[70:160, 190:260], np.s_[0:160, 400:500]

    def detail(picture: np.ndarray, part: tuple[slice, slice]) -> float:
        return float(np.abs(cv2.Laplacian(picture[part], cv2.CV_32F)).mean())

    assert detail(after, face) > 0.8 * detail(before, face)
    assert detail(after, wall) < 0.5 * detail(before, wall)


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
