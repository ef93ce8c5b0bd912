"""What the page's calls make of answers that no route of the service gives, but a proxy may."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.photos import photo_bytes
from tests.support.visitor import drop, expect_done

_POST = """async () => {
    const { post } = await import("./static/client.js");
    const answer = await post("v1/depth", new Blob(["x"]));
    return [...answer.headers].filter(([name]) => name.startsWith("x-"));
}"""


@pytest.mark.parametrize("status", [204, 205, 304])
def test_an_answer_without_a_body_is_a_server_that_cannot_be_reached(
    page: Page, status: int
) -> None:
    page.goto("/")
    page.route("**/v1/depth?*", lambda route: route.fulfill(status=status))
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect(page.locator("#status")).to_contain_text("无法连接服务器")
    page.unroute("**/v1/depth?*")
    page.locator("#retry").click()
    expect_done(page)


def test_headers_may_be_empty_or_have_colons(page: Page) -> None:
    page.goto("/")
    headers = {"X-Zero": "", "X-Time": "10:20: 30"}
    page.route("**/v1/depth?*", lambda route: route.fulfill(headers=headers, body="{}"))
    assert page.evaluate(_POST) == [["x-time", "10:20: 30"], ["x-zero", ""]]
