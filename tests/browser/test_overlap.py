"""One thing is on its way when another begins: what came last is what counts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from tests.browser.conftest import watched_page
from tests.browser.test_measure import tell
from tests.support.photos import as_bytes, photo_bytes, photo_path, photo_pixels
from tests.support.server import ServerProcess
from tests.support.visitor import drop, expect_done, open_sample

COFFEE, CAT = photo_path("coffee.png"), photo_path("chelsea.png")
# Storage that the person does not let this site have.
NO_STORAGE = """for (const name of ["localStorage", "sessionStorage"])
    Object.defineProperty(window, name, { get() { throw new DOMException("", "SecurityError"); } });
"""
TWO_NETWORKS = {
    "models": [
        {"name": name, "state": "loaded", "licence_accepted": True, "title": "", "licence": ""}
        for name in ("one", "two")
    ]
}


class Held:
    """Requests that wait until they are let go."""

    def __init__(self, page: Page, pattern: str, then: Callable[[Route], None]) -> None:
        self._routes: list[Route] = []
        self._then: Callable[[Route], None] | None = None
        self._release = then
        page.route(pattern, self._take)

    def _take(self, route: Route) -> None:
        if self._then is None:
            self._routes.append(route)
        else:
            self._then(route)

    def let_go(self) -> None:
        self._then = self._release
        for route in self._routes:
            self._release(route)


def proceed(route: Route) -> None:
    route.continue_()


def test_metres_that_were_given_up_do_not_come_back(page: Page) -> None:
    open_sample(page, "coffee")
    fit = Held(page, "**/v1/effects/obstacle?*", proceed)
    tell(page, 0.5, 0.93, 0.4)
    tell(page, 0.08, 0.12, 1.5)
    expect(page.locator("#anchors li")).to_have_count(2)
    page.locator("#reset-metres").click()
    fit.let_go()
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.locator("#anchors li")).to_have_count(0)
    expect(page.locator("#status")).not_to_have_text(re.compile("现在都用米了"))


def test_a_comparison_is_of_the_photo_it_was_asked_of(page: Page) -> None:
    page.route("**/v1/models", lambda route: route.fulfill(body=json.dumps(TWO_NETWORKS)))
    sheet = as_bytes(photo_pixels("coffee.png"), "PNG")
    open_sample(page, "coffee")
    page.locator("#tab-compare").click()
    compare = Held(
        page,
        "**/v1/compare?*",
        lambda route: route.fulfill(body=sheet, content_type="image/png"),
    )
    page.locator("#get-networks").click()
    page.locator("#file").set_input_files(CAT)
    expect(page.locator("#status")).to_contain_text("depth_lite_256")
    with page.expect_response("**/v1/compare?*"):
        compare.let_go()
    page.wait_for_timeout(200)
    expect(page.locator("#sheet")).to_be_hidden()
    page.locator("#get-networks").click()
    expect(page.locator("#sheet")).to_be_visible()


def test_back_while_another_photo_is_computed(page: Page) -> None:
    open_sample(page, "coffee")
    depth = Held(page, "**/v1/depth?*", proceed)
    page.locator("[data-sample=chelsea]").click()
    expect(page.locator("#status")).to_have_text("正在计算深度…")
    page.go_back()
    expect(page.locator("#status")).to_have_text("请选择一张照片。")
    expect(page.locator("#cancel")).to_be_hidden()
    depth.let_go()


@pytest.mark.parametrize("then", [proceed, lambda route: route.abort()], ids=["comes", "fails"])
def test_back_leaves_nothing_of_a_photo_whose_depth_comes_or_fails_after_it(
    page: Page, then: Callable[[Route], None]
) -> None:
    page.goto("/")
    network = Held(page, "**/v1/models/depth_lite_256", then)
    page.locator("#tab-live").click()
    with page.expect_request("**/v1/models/*"):
        page.locator("#file").set_input_files(CAT)
    page.go_back()
    expect(page.locator("#status")).to_have_text("请选择一张照片。")
    asked = page.expect_event("requestfinished" if then is proceed else "requestfailed")
    with asked:
        network.let_go()
    # What is asked for next comes later than that.
    page.locator(".message [data-open=models]").click()
    page.locator("#models-close").click()
    expect(page.locator("#status")).to_have_text("请选择一张照片。")
    expect(page.locator("#heatmap")).to_be_hidden()


def test_a_download_that_fails_leaves_the_progress_of_what_began_after_it(page: Page) -> None:
    open_sample(page, "coffee")
    busy = '{"type": "overloaded", "detail": "Busy."}'
    effect = Held(page, "**/v1/effects/*", lambda route: route.fulfill(status=503, body=busy))
    depth = Held(page, "**/v1/depth?*", proceed)
    with page.expect_request("**/v1/effects/*"):
        page.locator("[data-download=height]").click()
    with page.expect_request("**/v1/depth?*"):
        page.locator("#file").set_input_files(CAT)
    effect.let_go()
    expect(page.locator("[data-download=height]")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#status")).to_have_text("正在计算深度…")
    expect(page.locator("#cancel")).to_be_visible()
    depth.let_go()
    expect_done(page)


def test_cancel_ends_all_that_one_drop_began(page: Page) -> None:
    page.goto("/")
    depth = Held(page, "**/v1/depth?*", proceed)
    with page.expect_request("**/v1/depth?*"):
        page.locator("#file").set_input_files([CAT, COFFEE, CAT])
    page.locator("#cancel").click()
    row = page.locator("#strip button")
    expect(row).to_have_text(["点此重试"] * 3)
    depth.let_go()
    row.nth(1).click()
    expect(row.nth(1).locator("img")).to_be_visible()
    expect(page.locator("#strip img")).to_have_count(1)


def test_an_empty_file_among_photos_cannot_be_read_however_often_it_is_tried(page: Page) -> None:
    page.goto("/")
    empty = FilePayload(name="empty.png", mimeType="image/png", buffer=b"")
    cat = FilePayload(name="cat.png", mimeType="image/png", buffer=CAT.read_bytes())
    row = page.locator("#strip button")
    for files, place in (([cat, empty], 1), ([empty, cat], 0)):
        page.locator("#file").set_input_files(files)
        expect(row.nth(1 - place).locator("img")).to_be_visible()
        expect(row.nth(place)).to_have_attribute("aria-label", "empty.png: 读不了")


@pytest.mark.parametrize("wrong", [b"", b"milk"], ids=["empty", "text"])
def test_a_row_of_photos_stays_until_another_photo_has_come(page: Page, wrong: bytes) -> None:
    page.goto("/")
    page.locator("#file").set_input_files([CAT, COFFEE])
    row = page.locator("#strip img")
    expect(row).to_have_count(2)
    drop(page, "note.png", wrong)
    expect(page.locator("#status")).to_have_class("error")
    expect(row).to_have_count(2)
    depth = Held(page, "**/v1/depth?*", proceed)
    with page.expect_request("**/v1/depth?*"):
        page.locator("#file").set_input_files(CAT)
    expect(row).to_have_count(2)
    depth.let_go()
    expect(page.locator("#strip")).to_be_hidden()


def test_a_slow_sample_does_not_replace_a_photo_that_came_later(page: Page) -> None:
    page.goto("/")
    sample = Held(page, "**/samples/rocket.jpg", proceed)
    page.locator("[data-sample=rocket]").click()
    page.locator("#file").set_input_files(CAT)
    expect_done(page)
    with page.expect_response("**/samples/rocket.jpg"):
        sample.let_go()
    page.wait_for_timeout(200)
    expect_done(page)
    assert page.locator("#heatmap").evaluate("(canvas) => canvas.width") == 451


def test_a_network_that_is_chosen_meanwhile_is_the_one_that_answers(page: Page) -> None:
    page.goto("/")
    depth = Held(page, "**/v1/depth?*", proceed)
    page.locator("#file").set_input_files([CAT, COFFEE])
    page.locator(".message [data-open=models]").click()
    with page.expect_request(lambda request: "detail=high" in request.url):
        page.locator("#detail").check()
        page.locator("#models-close").click()
    depth.let_go()
    expect_done(page)
    # The row has it, too, which the first request was for.
    expect(page.locator("#strip img")).to_have_count(2)


def test_a_download_that_ends_leaves_the_progress_of_what_began_after_it(page: Page) -> None:
    open_sample(page, "coffee")
    effect = Held(page, "**/v1/effects/*", proceed)
    depth = Held(page, "**/v1/depth?*", proceed)
    with page.expect_download() as download:
        with page.expect_request("**/v1/effects/*"):
            page.locator("[data-download=height]").click()
        with page.expect_request("**/v1/depth?*"):
            page.locator("#file").set_input_files(CAT)
        effect.let_go()
    assert download.value.suggested_filename.endswith("-height.png")
    expect(page.locator("[data-download=height]")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#status")).to_have_text("正在计算深度…")
    expect(page.locator("#cancel")).to_be_visible()
    depth.let_go()
    expect_done(page)


def test_what_did_not_come_of_several_photos_can_be_asked_for_again(page: Page) -> None:
    page.goto("/")
    answered = []

    def busy_once(route: Route) -> None:
        answered.append(route)
        if len(answered) == 2:
            route.fulfill(status=503, body='{"type": "overloaded", "detail": "Busy."}')
        else:
            route.continue_()

    page.route("**/v1/depth?*", busy_once)
    page.locator("#file").set_input_files([COFFEE, CAT])
    again = page.locator("#strip button").nth(1)
    expect(again).to_have_text("点此重试")
    again.click()
    expect(again.locator("img")).to_be_visible()


def test_a_row_that_fills_stays_under_the_finger(page: Page) -> None:
    page.goto("/")
    page.locator("#file").set_input_files(COFFEE)
    expect_done(page)
    depth = Held(page, "**/v1/depth?*", proceed)
    page.locator("#file").set_input_files([COFFEE, CAT])
    first = page.locator("#strip button").first.element_handle()
    depth.let_go()
    expect(page.locator("#strip img")).to_have_count(2)
    assert first.evaluate("(button) => button.isConnected && Boolean(button.querySelector('img'))")


def test_a_photo_that_is_converted_does_not_replace_one_that_came_later(page: Page) -> None:
    page.goto("/")
    page.evaluate(
        """() => {
            const real = createImageBitmap;
            window.createImageBitmap = async (file) => {
                if (file.type === "image/slow") {
                    await new Promise((go) => { window.go = go; });
                    window.converted = true;
                }
                return real(file);
            };
        }"""
    )
    drop(page, "slow.img", photo_bytes("rocket.jpg"), "image/slow")
    expect(page.locator("#status")).to_have_text("正在读取照片…")
    drop(page, "cat.png", photo_bytes("chelsea.png"), "image/png")
    expect_done(page)
    page.wait_for_function("() => window.go")
    page.evaluate("() => window.go()")
    page.wait_for_function("() => window.converted")
    page.wait_for_timeout(200)
    assert page.locator("#heatmap").evaluate("(canvas) => canvas.width") == 451


def test_back_leaves_a_photo_of_a_row_to_be_tried_again(page: Page) -> None:
    open_sample(page, "coffee")
    depth = Held(page, "**/v1/depth?*", proceed)
    page.locator("#file").set_input_files([CAT, COFFEE])
    expect(page.locator("#status")).to_have_text("正在计算深度…")
    page.go_back()
    first = page.locator("#strip button").first
    expect(first).to_have_text("点此重试")
    depth.let_go()
    first.click()
    expect(first.locator("img")).to_be_visible()


def test_a_photo_without_any_storage(browser: Browser, server: ServerProcess) -> None:
    with watched_page(browser, server.url, locale="zh-CN") as page:
        page.add_init_script(NO_STORAGE)
        open_sample(page, "coffee")
        tell(page, 0.5, 0.93, 0.4)
        expect(page.locator("#anchors li")).to_have_count(1)


def test_a_folder_is_called_so(page: Page) -> None:
    """As browsers hand one over: a file that nobody can read."""
    page.goto("/")
    page.evaluate(
        """() => { File.prototype.slice = () => ({
            arrayBuffer: () => Promise.reject(new DOMException("", "NotFoundError")) }); }"""
    )
    drop(page, "folder", photo_bytes("chelsea.png"))
    expect(page.locator("#status")).to_have_text(re.compile("它是文件夹"))
