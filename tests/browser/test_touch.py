"""The page under fingers: what scrolls, what a tap does, and two of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.browser.conftest import watched_page
from tests.support.server import ServerProcess
from tests.support.visitor import open_small, pixels

Point = tuple[float, float]


@pytest.fixture(scope="module")
def phone(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """A phone that shows a photo with its depth; a low one, so that there is what to scroll to."""
    size = {"width": 390, "height": 600}
    options = {"locale": "en-US", "viewport": size, "has_touch": True, "is_mobile": True}
    with watched_page(browser, server.url, **options) as page:
        open_small(page, "coffee")
        yield page


class Fingers:
    """Fingers on the screen, at given points of one element."""

    def __init__(self, page: Page, selector: str) -> None:
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        page.locator(selector).scroll_into_view_if_needed()
        box = page.locator(selector).bounding_box()
        assert box is not None
        self._left, self._top = box["x"], box["y"]

    def send(self, kind: str, *points: Point) -> None:
        touches = [
            {"x": self._left + x, "y": self._top + y, "id": number}
            for number, (x, y) in enumerate(points)
        ]
        self._cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def drag(self, *paths: tuple[Point, Point]) -> None:
        self.send("touchStart", *(start for start, _ in paths))
        for step in range(1, 11):
            share = step / 10
            self.send(
                "touchMove",
                *((x + share * (u - x), y + share * (v - y)) for (x, y), (u, v) in paths),
            )
        self.send("touchEnd")


def wait_until_scrolled(page: Page) -> None:
    """And at rest: a tap on what still moves only stops it."""
    page.wait_for_function(
        """async () => {
            const start = scrollY;
            for (let frame = 0; frame < 10; frame++) await new Promise(requestAnimationFrame);
            return start > 20 && scrollY === start;
        }"""
    )


def focus_of(page: Page) -> list[str]:
    marker = page.locator("#portrait .marker")
    place: list[str] = marker.evaluate(
        "({ style }) => [style.getPropertyValue('--x'), style.getPropertyValue('--y')]"
    )
    return place


def test_a_swipe_over_a_portrait_scrolls_and_a_tap_sets_its_focus(phone: Page) -> None:
    phone.locator("#tab-portrait").tap()
    before = focus_of(phone)
    phone.evaluate("scrollTo(0, 0)")
    Fingers(phone, "#portrait").drag(((180, 200), (180, 20)))
    wait_until_scrolled(phone)
    assert focus_of(phone) == before
    phone.locator("#portrait").tap(position={"x": 90, "y": 60})
    phone.wait_for_function(
        "(before) => document.querySelector('#portrait .marker').style"
        ".getPropertyValue('--x') !== before",
        arg=before[0],
    )


def test_a_swipe_over_a_parallax_scrolls(phone: Page) -> None:
    phone.locator("#tab-parallax").tap()
    phone.evaluate("scrollTo(0, 0)")
    Fingers(phone, "#parallax").drag(((180, 200), (180, 20)))
    wait_until_scrolled(phone)


def test_two_fingers_zoom_the_relief_and_the_hint_says_so(phone: Page) -> None:
    phone.locator("#tab-relief").tap()
    expect(phone.get_by_text("pinch with two to zoom")).to_be_visible()
    expect(phone.get_by_text("scroll to zoom")).to_be_hidden()
    phone.wait_for_function("() => document.querySelector('#relief canvas').width > 300")
    before = pixels(phone, "#relief canvas")
    fingers = Fingers(phone, "#relief")
    fingers.drag(((150, 120), (60, 120)), ((210, 120), (300, 120)))
    assert pixels(phone, "#relief canvas") != before
    fingers.drag(((60, 120), (150, 120)), ((300, 120), (210, 120)))
    assert pixels(phone, "#relief canvas") == before
    assert phone.evaluate("visualViewport.scale") == 1
