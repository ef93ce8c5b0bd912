"""What the live tab says when the service does not answer as it should."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.conftest import watched_page
from tests.browser.test_live import HEATMAP, expect_released, press_start, start
from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess
from tests.support.visitor import drop, open_sample


def test_a_server_that_restarts_while_live_is_said_in_words(
    browser: Browser, cache_dir: Path
) -> None:
    with (
        ServerProcess(cache_dir=str(cache_dir)) as server,
        watched_page(browser, server.url, locale="en-US") as page,
    ):
        socket = start(page)
        server.terminate()
        expect(page.locator("#status")).to_contain_text("server is restarting")
        expect_released(page, socket)
        expect(page.locator("#retry")).to_be_visible()
        server.wait()


def test_a_server_that_goes_down_is_said_in_words_live_and_after(
    browser: Browser, cache_dir: Path
) -> None:
    with (
        ServerProcess(cache_dir=str(cache_dir)) as server,
        watched_page(browser, server.url, locale="en-US") as page,
    ):
        open_sample(page, "coffee")
        with page.expect_websocket() as opened:
            press_start(page)
        expect(page.locator("#live-figures")).not_to_be_empty()
        server.process.kill()
        server.wait()
        expect(page.locator("#status")).to_contain_text("server cannot be reached")
        expect_released(page, opened.value)
        expect(page.locator("#retry")).to_be_visible()
        page.locator("#tab-depth").click()
        with page.expect_event("requestfailed"):
            page.locator("[data-download=height]").click()
        expect(page.locator("#status")).to_contain_text("server cannot be reached")
        expect(page.locator("#retry")).to_be_visible()
        with page.expect_event("requestfailed"):
            drop(page, "cat.png", photo_bytes("chelsea.png"))
        expect(page.locator("#status")).to_contain_text("server cannot be reached")
        expect(page.locator("#photo")).to_be_visible()


def test_a_busy_server_is_said_in_words_and_the_stream_goes_on(other_page: Page) -> None:
    sequence = 0
    busy = True

    def serve(socket: WebSocketRoute) -> None:
        def answer(_: bytes | str) -> None:
            nonlocal sequence
            sequence += 1
            head: dict[str, object] = {"sequence": sequence}
            if busy:
                socket.send(json.dumps(head | {"error": "overloaded", "detail": "Busy."}))
            else:
                socket.send(json.dumps(head | {"dropped": 3, "model": "mock"}))
                socket.send(HEATMAP)

        socket.on_message(answer)

    other_page.route_web_socket("**/v1/stream*", serve)
    other_page.goto("/")
    press_start(other_page)
    expect(other_page.locator("#status")).to_contain_text("服务器繁忙")
    expect(other_page.locator("#live-video")).to_be_visible()
    busy = False
    expect(other_page.locator("#live-figures")).to_contain_text("服务器跳过 3 帧")
    expect(other_page.locator("#status")).to_contain_text("mock")


def test_a_network_that_is_lost_without_a_word_is_said_and_can_be_tried_again(
    browser: Browser, server: ServerProcess
) -> None:
    sockets: list[WebSocketRoute] = []
    frames: list[bytes | str] = []

    def take(frame: bytes | str) -> None:
        frames.append(frame)

    def swallow(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.on_message(take)

    # A clock is the whole context's.
    with watched_page(browser, server.url, locale="zh-CN") as page:
        page.clock.install()
        page.route_web_socket("**/v1/stream*", swallow)
        page.goto("/")
        press_start(page)
        while len(frames) < 2:
            page.wait_for_timeout(50)
        # An answer to the first begins the wait anew.
        page.clock.fast_forward(20_000)
        sockets[0].send(json.dumps({"sequence": 1, "dropped": 0, "model": "mock"}))
        sockets[0].send(HEATMAP)
        expect(page.locator("#status")).to_contain_text("mock")
        page.clock.fast_forward(20_000)
        expect(page.locator("#live-heatmap")).to_be_visible()
        page.clock.fast_forward(20_000)
        expect(page.locator("#status")).to_contain_text("无法连接服务器")
        expect(page.locator("#live-heatmap")).to_be_hidden()
        page.locator("#retry").click()
        expect(page.locator("#live-video")).to_be_visible()
        while len(sockets) < 2:
            page.wait_for_timeout(50)


def test_retry_comes_back_to_the_live_tab(other_page: Page) -> None:
    other_page.route_web_socket("**/v1/stream*", lambda socket: socket.close(code=1001))
    other_page.goto("/")
    press_start(other_page)
    expect(other_page.locator("#status")).to_contain_text("正在重启")
    other_page.locator("#tab-depth").click()
    other_page.locator("#retry").click()
    expect(other_page.locator("#panel-live")).to_be_visible()
    expect(other_page.locator("#status")).to_contain_text("正在重启")
