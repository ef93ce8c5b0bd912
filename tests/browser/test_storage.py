"""What the page keeps in the browser, and what it does where there is no room or no sense in it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.photos import photo_path
from tests.support.visitor import expect_done

_FULL = """async () => {
    const { ofTab } = await import("./static/storage.js");
    ofTab.set("thing", "old");
    const real = Storage.prototype.setItem;
    Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError"); };
    ofTab.set("thing", "new");
    const full = ofTab.get("thing");
    Storage.prototype.setItem = real;
    ofTab.set("thing", "newer");
    return [full, ofTab.get("thing"), sessionStorage.getItem("thing")];
}"""
# Delete the database, which waits for those who have it open.
_DELETE = """() => new Promise((resolve) => {
    const deleting = indexedDB.deleteDatabase("depth-page");
    deleting.onblocked = () => resolve("blocked");
    deleting.onsuccess = () => resolve("deleted");
})"""
_KEEP = """async () => {
    const { keep, recall } = await import("./static/memory.js");
    await keep({ key: Date.now(), file: new Blob() });
    await recall(1);
}"""


def test_what_there_is_no_room_for_is_remembered_until_the_page_is_left(page: Page) -> None:
    page.goto("/")
    assert page.evaluate(_FULL) == ["new", "newer", "newer"]


def test_what_cannot_be_read_counts_as_nothing(page: Page) -> None:
    page.goto("/")
    for key in ("strip", "calibrations"):
        page.evaluate("(key) => sessionStorage.setItem(key, '{half')", key)
    page.reload()
    page.locator("#file").set_input_files(photo_path("chelsea.png"))
    expect_done(page)
    expect(page.locator("#strip")).to_be_hidden()


def test_photos_are_kept_without_holding_the_database(page: Page) -> None:
    page.goto("/")
    page.evaluate(_KEEP)
    assert page.evaluate(_DELETE) == "deleted"
