"""The live tab: the camera's picture, and its heatmap from ``/v1/stream`` beside it."""

from __future__ import annotations

import io
import json
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, WebSocket, WebSocketRoute, expect

from tests.support.photos import as_bytes, photo_bytes, photo_pixels
from tests.support.visitor import drop, expect_done, open_sample, pixels

_HIDE = """() => {
    Object.defineProperty(document, "hidden", { value: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

# Wait until the camera has shown ten more frames.
_SHOW_FRAMES = """async () => {
    const video = document.getElementById("live-video");
    for (let count = 0; count < 10; count++)
        await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
}"""
HEATMAP = as_bytes(photo_pixels("coffee.png"), "PNG")


def start(page: Page) -> WebSocket:
    """Open the page, press Start on the live tab, and wait for heatmaps."""
    page.goto("/")
    with page.expect_websocket() as opened:
        press_start(page)
    expect(page.locator("#live-heatmap")).to_be_visible()
    expect(page.locator("#live-figures")).not_to_be_empty()
    return opened.value


def press_start(page: Page) -> None:
    page.locator("#tab-live").click()
    page.locator("#live-switch").click()


def expect_released(page: Page, socket: WebSocket) -> None:
    page.wait_for_function("() => document.getElementById('live-video').srcObject === null")
    if not socket.is_closed():
        socket.wait_for_event("close")
    expect(page.locator("#live-heatmap")).to_be_hidden()
    expect(page.locator("#live-figures")).to_be_empty()


def test_the_heatmap_moves_with_the_camera_and_stop_releases_both(page: Page) -> None:
    socket = start(page)
    expect(page.locator("#status")).to_contain_text("depth_lite_256")
    expect(page.locator("#live-figures")).to_have_text(
        re.compile(r"^\d+\.\d 帧/秒 · 延迟 \d+ 毫秒")
    )
    page.wait_for_function(
        "(before) => document.getElementById('live-heatmap').toDataURL() !== before",
        arg=page.locator("#live-heatmap").evaluate("(canvas) => canvas.toDataURL()"),
    )
    page.evaluate("window.track = document.getElementById('live-video').srcObject.getTracks()[0]")
    page.get_by_role("button", name="停止").click()
    expect_released(page, socket)
    assert page.evaluate("window.track.readyState") == "ended"
    expect(page.locator("#status")).to_have_text("摄像头已关闭。")
    press_start(page)
    expect(page.locator("#live-heatmap")).to_be_visible()


def test_frames_are_small_jpegs_and_two_at_most_are_in_flight(other_page: Page) -> None:
    frames: list[bytes | str] = []
    sockets: list[WebSocketRoute] = []

    def take(frame: bytes | str) -> None:
        frames.append(frame)

    def serve(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.on_message(take)

    other_page.route_web_socket("**/v1/stream*", serve)
    other_page.goto("/")
    press_start(other_page)
    other_page.wait_for_function("() => document.getElementById('live-video').videoWidth > 0")
    expect_frames(other_page, frames, 2)
    sockets[0].send(json.dumps({"sequence": 2, "dropped": 1, "model": "mock"}))
    sockets[0].send(HEATMAP)
    expect_frames(other_page, frames, 4)
    pictures = [Image.open(io.BytesIO(frame)) for frame in frames if isinstance(frame, bytes)]
    assert [(picture.format, max(picture.size)) for picture in pictures] == 4 * [("JPEG", 480)]


def expect_frames(page: Page, frames: list[bytes | str], count: int) -> None:
    """So many frames come, and no more while the camera shows some others."""
    while len(frames) < count:
        page.wait_for_timeout(50)
    page.evaluate(_SHOW_FRAMES)
    assert len(frames) == count


def test_the_heatmap_has_the_chosen_colours(page: Page) -> None:
    page.goto("/")
    page.locator("#colormap").select_option("gray")
    press_start(page)
    expect(page.locator("#live-heatmap")).to_be_visible()
    shown = pixels(page, "#live-heatmap")
    assert shown[0::4] == shown[1::4] == shown[2::4]


@pytest.mark.parametrize("way", ["tab", "hidden", "pagehide", "photo"])
def test_whoever_leaves_takes_the_camera_with_them(page: Page, way: str) -> None:
    socket = start(page)
    if way == "tab":
        page.locator("#tab-depth").click()
    elif way == "hidden":
        page.evaluate(_HIDE)
    elif way == "pagehide":
        page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    else:
        drop(page, "cat.png", photo_bytes("chelsea.png"))
        expect_done(page)
    expect_released(page, socket)


def test_a_camera_that_is_allowed_only_after_stop_is_released(page: Page) -> None:
    page.goto("/")
    page.evaluate(
        """() => {
            const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wanted) => {
                await new Promise((resolve) => { window.allow = resolve; });
                window.late = await real(wanted);
                return window.late;
            };
        }"""
    )
    press_start(page)
    page.wait_for_function("() => window.allow")
    page.locator("#live-switch").click()
    page.evaluate("window.allow()")
    page.wait_for_function("() => window.late?.getTracks()[0].readyState === 'ended'")
    expect(page.locator("#status")).to_have_text("摄像头已关闭。")


def test_a_refused_camera_is_said_in_words(page: Page) -> None:
    page.context.clear_permissions()
    page.context.grant_permissions([])
    page.goto("/")
    press_start(page)
    expect(page.locator("#status")).to_contain_text("没有得到摄像头权限")
    expect(page.locator("#live-switch")).to_contain_text("打开摄像头")
    page.context.grant_permissions(["camera"])
    press_start(page)
    expect(page.locator("#live-heatmap")).to_be_visible()


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        ("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })", "https"),
        (
            "navigator.mediaDevices.getUserMedia = async () => "
            "{ throw new DOMException('', 'NotFoundError') }",
            "没有找到摄像头",
        ),
        (
            "navigator.mediaDevices.getUserMedia = async () => "
            "{ throw new DOMException('', 'NotReadableError') }",
            "被别的程序使用",
        ),
    ],
)
def test_a_camera_that_cannot_be_used_is_said_in_words(
    page: Page, obstacle: str, words: str
) -> None:
    page.goto("/")
    page.evaluate(f"() => {{ {obstacle}; }}")
    press_start(page)
    expect(page.locator("#status")).to_contain_text(words)


def test_a_camera_that_is_unplugged_is_said_in_words(page: Page) -> None:
    socket = start(page)
    page.locator("#live-video").evaluate(
        "(video) => video.srcObject.getTracks()[0].dispatchEvent(new Event('ended'))"
    )
    expect(page.locator("#status")).to_contain_text("摄像头断开了")
    expect_released(page, socket)


def test_another_network_is_that_of_the_camera_at_once_and_of_the_photo_after(page: Page) -> None:
    open_sample(page, "coffee")
    with page.expect_websocket() as first:
        press_start(page)
    expect(page.locator("#live-heatmap")).to_be_visible()
    with page.expect_websocket(lambda socket: socket is not first.value):
        page.locator(".message [data-open=models]").click()
        page.locator("#detail").check()
        page.locator("#models-close").click()
    expect(page.locator("#live-heatmap")).to_be_visible()
    expect(page.locator("#panel-live")).to_be_visible()
    with page.expect_request(lambda request: "detail=high" in request.url):
        page.locator("#tab-depth").click()
    expect_done(page)
