"""Reload, back, forward and links find what they are about, in the tab that it was seen in."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.photos import photo_bytes
from tests.support.visitor import canvas_size, drop, expect_done, open_sample

# Keep so many photos, as a visit does; returns the first one's key.
_KEEP = """async (count) => {
    const { keep } = await import("/static/memory.js");
    const first = Date.now();
    for (let key = first; key < first + count; key++) await keep({ key, file: new Blob() });
    return first;
}"""
_RECALL = """async (key) => {
    const { recall } = await import("/static/memory.js");
    return Boolean(await recall(key));
}"""


def test_a_link_opens_a_sample_in_a_tab(page: Page) -> None:
    page.goto("/#sample=coffee&tab=obstacle")
    expect(page.locator("#panel-obstacle")).to_be_visible()
    assert canvas_size(page, "#obstacle canvas") == [600, 400]
    page.goto("/#sample=nothing&tab=nothing")
    page.reload()
    expect(page.locator("#panel-depth")).to_be_visible()


def test_reload_back_and_forward_keep_the_photo_and_the_tab(page: Page) -> None:
    page.goto("/")
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect_done(page)
    page.locator("#tab-obstacle").click()
    page.route("**/v1/depth*", lambda route: route.abort())
    page.reload()
    expect(page.locator("#panel-obstacle")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("照片和结果还在")
    assert canvas_size(page, "#obstacle canvas") == [451, 300]
    page.unroute("**/v1/depth*")
    drop(page, "rocket.jpg", photo_bytes("rocket.jpg"))
    page.wait_for_function("() => document.querySelector('#obstacle canvas').width === 640")
    page.go_back()
    page.wait_for_function("() => document.querySelector('#obstacle canvas').width === 451")
    page.go_back()
    expect(page.locator("#panel-depth")).to_be_visible()
    page.go_back()
    expect(page.locator("#heatmap")).to_be_hidden()
    for _ in range(3):
        page.go_forward()
    page.wait_for_function("() => document.querySelector('#obstacle canvas').width === 640")
    expect(page.locator("#panel-obstacle")).to_be_visible()


def test_a_link_is_followed_on_the_page_too_and_back_leaves_it(page: Page) -> None:
    open_sample(page, "coffee")
    page.evaluate("() => { location.hash = 'sample=chelsea&tab=obstacle'; }")
    expect(page.locator("#panel-obstacle")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#obstacle canvas').width === 451")
    page.go_back()
    expect(page.locator("#heatmap")).to_be_hidden()
    page.go_back()
    expect(page.locator("#status")).to_contain_text("照片和结果还在")
    expect(page.locator("#heatmap")).to_be_visible()


def test_a_reload_stays_with_the_camera(page: Page) -> None:
    page.goto("/")
    page.locator("#tab-live").click()
    page.reload()
    expect(page.locator("#panel-live")).to_be_visible()
    expect(page.locator("#tab-live")).to_have_attribute("aria-selected", "true")


def test_many_photos_of_one_tab_leave_those_of_another(page: Page) -> None:
    page.goto("/")
    kept = page.evaluate(_KEEP, 1)
    other = page.context.new_page()
    other.goto("/")
    first = other.evaluate(_KEEP, 42)
    other.reload()
    # It keeps forty of its own.
    assert [other.evaluate(_RECALL, first + more) for more in (0, 1, 2, 41)] == [
        *(False, False, True, True)
    ]
    other.close()
    page.reload()
    assert page.evaluate(_RECALL, kept)


def test_where_nothing_can_be_stored_the_page_keeps_no_more(page: Page) -> None:
    page.goto("/")
    page.evaluate("() => { indexedDB.open = () => { throw new DOMException(''); }; }")
    first = page.evaluate(_KEEP, 42)
    assert [page.evaluate(_RECALL, first + more) for more in (1, 2)] == [False, True]


def test_the_colours_are_remembered(page: Page) -> None:
    page.goto("/")
    page.locator("#colormap").select_option("viridis")
    page.reload()
    expect(page.locator("#colormap")).to_have_value("viridis")
