"""A person brings a photo to the page."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from service.imaging.decode import decode_photo
from tests.support.photos import as_bytes, photo_bytes, photo_path, photo_pixels
from tests.support.visitor import box_of, canvas_size, drop, expect_done, open_sample, paste, pixels

_NOTE_PROGRESS = """() => {
    window.noted = { words: [], shares: [] };
    const line = document.getElementById("status"), bar = document.getElementById("progress");
    new MutationObserver(() => noted.words.push(line.textContent))
        .observe(line, { childList: true });
    new MutationObserver(() => noted.shares.push(bar.value)).observe(bar, { attributes: true });
}"""


def test_upload_by_the_button_shows_the_photo_left_and_the_heatmap_right(page: Page) -> None:
    page.goto("/")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("上传照片测距").click()
    chooser.value.set_files(photo_path("coffee.png"))
    expect_done(page)
    assert canvas_size(page, "#heatmap") == [600, 400]
    photo, heatmap = box_of(page, "#photo"), box_of(page, "#heatmap")
    assert photo["x"] + photo["width"] <= heatmap["x"]


def test_upload_by_drop_and_again(page: Page) -> None:
    page.goto("/")
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect_done(page)
    assert canvas_size(page, "#heatmap") == [451, 300]
    drop(page, "rocket.jpg", photo_bytes("rocket.jpg"))
    page.wait_for_function("() => document.getElementById('heatmap').width === 640")
    expect_done(page)


def test_what_is_dropped_without_a_file_is_said(page: Page) -> None:
    page.goto("/")
    text = page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.setData('text/plain', 'x'); return data; }"
    )
    page.dispatch_event("main", "drop", {"dataTransfer": text})
    expect(page.locator("#status")).to_contain_text("没有拖来文件")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_is_shown_as_the_service_turns_it(page: Page, orientation: int) -> None:
    """Chromium does not turn it."""
    colours = np.array(
        [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255] * 3, [0] * 3, [255, 255, 0]]]
    )
    picture = colours.repeat(40, axis=0).repeat(40, axis=1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = as_bytes(picture, "WEBP", exif=exif, lossless=True)
    page.goto("/")
    drop(page, "turned.webp", data, "image/webp")
    expect_done(page)
    upright = decode_photo(data).pixels
    width, height = canvas_size(page, "#photo")
    shown = np.frombuffer(pixels(page, "#photo"), np.uint8).reshape(height, width, 4)[..., :3]
    assert shown.shape == upright.shape
    assert np.abs(shown.astype(int) - upright).mean() < 3


def test_upload_by_paste(page: Page) -> None:
    page.goto("/")
    paste(page, "image.png", photo_bytes("chelsea.png"))
    expect_done(page)


def test_what_only_the_browser_can_show_is_converted_there(page: Page) -> None:
    page.goto("/")
    # An icon, for what HEIC is in Safari.
    cat = Image.open(photo_path("chelsea.png")).resize((200, 120))
    drop(page, "cat.ico", as_bytes(cat, "ICO", sizes=[cat.size]), "image/x-icon")
    expect_done(page)
    assert canvas_size(page, "#heatmap") == [200, 120]


def test_what_nobody_can_read_is_called_by_its_name(page: Page) -> None:
    page.goto("/")
    drop(page, "page.pdf", b"%PDF-1.7 no photo")
    expect(page.locator("#status")).to_contain_text("This is PDF")


def test_a_snapshot_from_the_camera(page: Page) -> None:
    page.goto("/")
    page.locator("#camera").click()
    page.wait_for_function("() => document.querySelector('#camera-dialog video').videoWidth > 0")
    page.locator("#shoot").click()
    expect_done(page)
    expect(page.locator("#camera-dialog")).to_be_hidden()


def test_a_camera_that_is_unplugged_before_the_snapshot_is_said_in_words(page: Page) -> None:
    page.goto("/")
    page.locator("#camera").click()
    video = page.locator("#camera-dialog video")
    expect(video).to_be_visible()
    video.evaluate("(video) => video.srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.locator("#camera-dialog")).to_be_hidden()
    expect(page.locator("#status")).to_contain_text("摄像头断开了")


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "astronaut"])
def test_every_sample_photo_works(page: Page, name: str) -> None:
    open_sample(page, name)


def test_a_big_photo_is_sent_small_but_for_finer_detail_and_has_its_proportions(page: Page) -> None:
    page.goto("/")
    big = as_bytes(photo_pixels("coffee.png").repeat(6, axis=0).repeat(6, axis=1), "JPEG")
    with page.expect_request("**/v1/depth*") as sent:
        drop(page, "big.jpg", big)
    expect_done(page)
    assert int(sent.value.all_headers()["content-length"]) < len(big) / 2
    assert canvas_size(page, "#heatmap") == [1024, 683]
    # Finer detail is in the file itself.
    page.locator(".message [data-open=models]").click()
    with page.expect_request("**/v1/depth*") as sent:
        page.locator("#detail").check()
        page.locator("#models-close").click()
    assert int(sent.value.all_headers()["content-length"]) > len(big)
    expect_done(page)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello", "不支持这种文件"),
        (photo_bytes("chelsea.png")[:5000], "照片无法读取"),
        (b"", "这个文件是空的"),
    ],
)
def test_a_wrong_file_is_refused_in_words_and_the_next_one_works(
    page: Page, data: bytes, words: str
) -> None:
    page.goto("/")
    drop(page, "photo.png", data)
    expect(page.locator("#status")).to_contain_text(words)
    expect(page.locator("#heatmap")).to_be_hidden()
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect_done(page)


def test_a_wrong_file_leaves_the_result_before_it(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#tab-obstacle").click()
    drop(page, "note.txt", b"not a photo")
    expect(page.locator("#status")).to_have_class("error")
    expect(page.locator("#obstacle canvas")).to_be_visible()
    assert canvas_size(page, "#obstacle canvas") == [600, 400]
    page.locator("#tab-depth").click()
    expect(page.locator("#heatmap")).to_be_visible()


def test_a_new_photo_comes_up_in_the_tab_that_was_open(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#tab-obstacle").click()
    drop(page, "rocket.jpg", photo_bytes("rocket.jpg"))
    page.wait_for_function("() => document.querySelector('#obstacle canvas').width === 640")
    expect(page.locator("#obstacle canvas")).to_be_visible()


def drop_several(page: Page, *files: tuple[str, bytes]) -> None:
    page.evaluate(
        """(files) => {
            const dataTransfer = new DataTransfer();
            for (const [name, data] of files) {
                const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
                dataTransfer.items.add(new File([bytes], name));
            }
            dispatchEvent(new DragEvent("drop", { dataTransfer }));
        }""",
        [[name, base64.b64encode(data).decode()] for name, data in files],
    )


def test_several_photos_make_a_row_of_results_that_open_in_all_tabs_and_survive_a_reload(
    page: Page,
) -> None:
    page.goto("/")
    cat, rocket = photo_bytes("chelsea.png"), photo_bytes("rocket.jpg")
    files = [("note.txt", b"milk"), ("cat.png", cat), ("half.png", cat[:5000]), ("sky.jpg", rocket)]
    drop_several(page, *files)
    expect_done(page)
    expect(page.locator("#status")).to_contain_text("4 个文件里用了 3 张照片")
    row = page.locator("#strip button")
    expect(row.nth(2)).to_be_enabled()
    expect(row.nth(0)).to_have_attribute("aria-pressed", "true")
    assert row.nth(1).get_attribute("aria-label") == "half.png: 读不了"
    page.locator("#tab-obstacle").click()
    row.nth(2).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("打开了 sky.jpg")
    assert canvas_size(page, "#obstacle canvas") == [640, 427]
    expect(row.nth(2)).to_be_focused()
    page.reload()
    expect(row).to_have_count(2)
    row.nth(0).click()
    page.wait_for_function("() => document.querySelector('#obstacle canvas').width === 451")
    page.go_back()
    page.wait_for_function("() => document.querySelector('#obstacle canvas').width === 640")
    drop_several(page, ("note.txt", b"milk"), ("cat.png", cat))
    expect(page.locator("#status")).to_contain_text("2 个文件里只有一张照片")
    expect(page.locator("#strip")).to_be_hidden()


def test_a_format_the_browser_cannot_show_still_gets_its_heatmap(page: Page) -> None:
    page.goto("/")
    drop(page, "cat.tif", as_bytes(photo_pixels("chelsea.png"), "TIFF"))
    expect(page.locator("#status")).to_contain_text("浏览器不能显示这种图片格式")
    expect(page.locator("#heatmap")).to_be_visible()


def test_a_busy_server_is_said_with_the_seconds_to_wait_and_tried_again(page: Page) -> None:
    refusal = {"type": "overloaded", "status": 503, "title": "Overloaded", "detail": "Busy."}

    def refuse(route: Route) -> None:
        headers = {"Retry-After": "7", "Content-Type": "application/problem+json"}
        route.fulfill(status=503, headers=headers, body=json.dumps(refusal))

    page.goto("/")
    page.route("**/v1/depth*", refuse)
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect(page.locator("#status")).to_contain_text("请在 7 秒后再试")
    page.unroute("**/v1/depth*")
    page.locator("#retry").click()
    expect_done(page)


def test_an_upload_tells_how_far_it_is_and_can_be_cancelled(page: Page) -> None:
    open_sample(page, "coffee")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 30_000}
    session = page.context.new_cdp_session(page)
    session.send("Network.emulateNetworkConditions", slow)
    page.evaluate(_NOTE_PROGRESS)
    drop(page, "cat.png", photo_bytes("chelsea.png"))
    expect(page.locator("#status")).to_have_text("正在上传…")
    page.wait_for_function("() => new Set(noted.shares).size > 1")
    page.get_by_role("button", name="取消").press("Enter")
    expect(page.locator("#status")).to_have_text("已取消。")
    # The bar tells how far it is; what is read out is said once.
    assert page.evaluate("noted.words").count("正在上传…") == 1
    expect(page.locator("#status")).to_be_focused()
    expect(page.locator("#progress")).to_be_hidden()
    session.detach()
    # The result before it is there again.
    assert canvas_size(page, "#heatmap") == [600, 400]
    expect(page.locator("#heatmap")).to_be_visible()


def test_the_language_is_the_browsers_and_can_be_switched_and_is_remembered(page: Page) -> None:
    open_sample(page, "coffee")
    expect(page.get_by_role("heading", level=1)).to_have_text("单目深度估计")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Depth from one photo")
    expect(page.locator("#status")).to_contain_text("Done in")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Depth from one photo")
    assert page.locator("body").inner_text().count("照片") == 0
