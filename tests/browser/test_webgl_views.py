"""The views that WebGL draws: the photo in 3D, in parallax, and with a blurred background."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import watched_page
from tests.browser.test_overlap import Held, proceed
from tests.support.server import ServerProcess
from tests.support.visitor import (
    canvas_size,
    open_sample,
    open_small,
    pixels,
    saved,
    set_slider,
)

SMALL: ViewportSize = {"width": 600, "height": 600}


@pytest.fixture
def page(page: Page) -> Page:
    """In a small window: without a graphics card, pixels take their time."""
    page.set_viewport_size(SMALL)
    return page


def test_the_3d_view_can_be_reset(page: Page) -> None:
    open_small(page, "coffee")
    page.locator("#tab-relief").click()
    wait_until_drawn(page, "#relief canvas")
    before = pixels(page, "#relief canvas")
    page.locator("#relief").focus()
    for _ in range(3):
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
    page.locator("#relief").dblclick(position={"x": 0.75 * width, "y": 0.25 * height})
    seen.append(pixels(page, "#relief canvas"))
    assert len(set(seen)) == 3


def test_the_3d_view_turns_by_itself_until_it_is_told_not_to(page: Page) -> None:
    page.emulate_media(reduced_motion="no-preference")
    open_small(page, "coffee")
    page.locator("#tab-relief").click()
    button = page.get_by_role("button", name="慢慢转")
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
    open_small(page, "coffee")
    page.locator(f"#tab-{tab}").click()
    expect(page.locator(f"{frame} .empty")).to_be_hidden()
    wait_until_drawn(page, f"{frame} canvas")
    before = pixels(page, f"{frame} canvas")
    width, _ = canvas_size(page, f"{frame} canvas")
    page.locator(frame).focus()
    for _ in range(6):
        page.keyboard.press(key)
    wait_until_sharp(page, f"{frame} canvas", width)
    after = pixels(page, f"{frame} canvas")
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
        pytest.param("16.7", 1, 200, 200, id="a screen of 60 Hz, kept up with"),
        pytest.param("16.7", 2, 200, 200, id="an input that comes less often than frames do"),
        pytest.param("33.3", 1, 70, 200, id="a screen of 30 Hz, where coarser is no faster"),
        pytest.param(
            "20 + 100 * (width / 200) ** 2", 1, 70, 70, id="a device without a graphics card"
        ),
    ],
)
def test_the_parallax_is_coarser_in_motion_where_that_makes_it_smoother(
    page: Page, milliseconds: str, pause: int, coarsest: int, last: int
) -> None:
    open_small(page, "coffee", (200, 133))
    page.evaluate(_FRAME_TIMES.replace("MILLISECONDS", milliseconds))
    page.locator("#tab-parallax").click()
    wait_until_drawn(page, "#parallax canvas")
    widths = page.locator("#parallax").evaluate(_MOVE, pause)
    assert (min(widths), widths[-1]) == (coarsest, last)
    # At rest it is as sharp as ever.
    expect(page.locator("#parallax canvas")).to_have_js_property("width", 200)


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


def wait_until_sharp(page: Page, canvas: str, width: int) -> None:
    """Wait for what was asked for: the next frame draws it, coarsely on a slow machine at first."""
    for _ in range(2):
        page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    expect(page.locator(canvas)).to_have_js_property("width", width)


def wait_until_drawn(page: Page, canvas: str) -> None:
    """Wait for different bytes; a canvas is empty until then, however long that takes."""
    while np.frombuffer(pixels(page, canvas), np.uint8).std() <= 20:
        page.wait_for_timeout(100)


def test_a_browser_without_webgl_says_so_and_keeps_working(page: Page) -> None:
    open_sample(page, "coffee")
    page.evaluate(
        """() => {
            const real = HTMLCanvasElement.prototype.getContext;
            HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
                return kind === "webgl2" ? null : real.call(this, kind, ...rest);
            };
        }"""
    )
    for tab in ("relief", "parallax", "portrait"):
        page.locator(f"#tab-{tab}").click()
        expect(page.locator(f"#{tab} .empty")).to_contain_text("WebGL")
    page.locator("#tab-obstacle").click()
    expect(page.locator("#alarm")).not_to_be_empty()


def test_portrait_keeps_the_focus_sharp_and_blurs_the_rest(page: Page) -> None:
    open_small(page, "astronaut", (256, 256))
    set_slider(page, "#aperture", 1)
    page.locator("#tab-portrait").click()
    box = page.locator("#portrait").bounding_box()
    assert box is not None
    page.locator("#portrait").click(position={"x": 0.44 * box["width"], "y": 0.22 * box["height"]})
    wait_until_sharp(page, "#portrait canvas", 256)
    shape = (256, 256, 4)
    before, after = (
        np.frombuffer(pixels(page, canvas), np.uint8).reshape(shape)[..., 1].astype(np.float32)
        for canvas in ("#photo", "#portrait canvas")
    )
    face, wall = np.s_[35:80, 95:130], np.s_[0:80, 200:250]

    def detail(picture: np.ndarray, part: tuple[slice, slice]) -> float:
        return float(np.abs(cv2.Laplacian(picture[part], cv2.CV_32F)).mean())

    assert detail(after, face) > 0.8 * detail(before, face)
    assert detail(after, wall) < 0.5 * detail(before, wall)


@pytest.mark.parametrize("tab", ["portrait", "parallax", "relief"])
def test_a_view_whose_device_was_lost_is_drawn_again(page: Page, tab: str) -> None:
    open_small(page, "coffee")
    page.locator(f"#tab-{tab}").click()
    canvas = f"#{tab} canvas"
    wait_until_drawn(page, canvas)
    page.locator(canvas).evaluate(
        """async (canvas) => {
            const device = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
            const lost = new Promise((go) => canvas.addEventListener("webglcontextlost", go));
            device.loseContext();
            await lost;
            const there = new Promise((go) => canvas.addEventListener("webglcontextrestored", go));
            setTimeout(() => device.restoreContext());
            await there;
        }"""
    )
    wait_until_drawn(page, canvas)


def test_one_photo_after_the_other_takes_no_more_of_the_device(page: Page) -> None:
    page.goto("/")
    made, error = page.evaluate(
        """async () => {
            const { Shader } = await import("./static/shader.js");
            const canvas = document.createElement("canvas");
            const gl = canvas.getContext("webgl2");
            let made = 0;
            const real = gl.createTexture.bind(gl);
            gl.createTexture = () => { made++; return real(); };
            const shader = new Shader(gl, `void main() {
                colour = texture(photo, at) + texture(nearness, at); }`);
            for (const side of [4, 8, 2]) {
                const photo = new OffscreenCanvas(side, side);
                photo.getContext("2d");
                const nearness = new Float32Array(side * side);
                shader.load({ width: side, height: side, photo, nearness });
                shader.draw({});
            }
            return [made, gl.getError()];
        }"""
    )
    assert (made, error) == (2, 0)


def test_the_3d_view_that_comes_after_another_tab_was_chosen_stands_still(
    browser: Browser, server: ServerProcess
) -> None:
    # A clock is the whole context's.
    with watched_page(browser, server.url, reduced_motion="no-preference") as page:
        open_small(page, "coffee")
        page.clock.install()
        page.evaluate(
            """() => {
                window.frames_asked = 0;
                const real = requestAnimationFrame;
                window.requestAnimationFrame = (draw) => { frames_asked++; return real(draw); };
            }"""
        )
        library = Held(page, "**/three.module.min.js", proceed)
        with page.expect_request("**/three.module.min.js"):
            page.locator("#tab-relief").click()
        page.locator("#tab-depth").click()
        with page.expect_event("requestfinished"):
            library.let_go()
        page.evaluate("() => import('/static/vendor/three/three.module.min.js').then(() => {})")
        page.clock.run_for(6_000)
        assert page.evaluate("frames_asked") == 0


def test_a_view_that_cannot_be_fetched_says_so_and_is_tried_again(page: Page) -> None:
    open_small(page, "coffee")
    page.route("**/three.module.min.js", lambda route: route.abort())
    page.locator("#tab-relief").click()
    expect(page.locator("#status")).to_contain_text("无法连接服务器")
    page.unroute("**/three.module.min.js")
    page.locator("#retry").click()
    page.wait_for_function("() => document.querySelector('#relief canvas').width > 300")
    expect(page.locator("#status")).not_to_contain_text("无法连接服务器")
