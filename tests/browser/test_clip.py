"""A video file in the live tab: the browser decodes it, the service sees single frames."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest
from playwright.sync_api import Page, expect

from service.models.choice import NetworkChoice
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from service.video.clip import Span
from service.video.order import Look, VideoOrder
from service.video.run import make_video
from tests.browser.test_measure import calibrated
from tests.support.clips import write_clip
from tests.support.visitor import drop

_SHOWN = "() => document.getElementById('live-video')"


_SHOWN_DEPTH = """() => {
    const { width, height } = document.getElementById("live-heatmap");
    const context = document.getElementById("live-heatmap").getContext("2d");
    return context.getImageData(0, 0, width, height).data;
}"""


_FIRST_FRAME_MEAN = """async () => {
    const video = document.getElementById("live-video");
    const there = new Promise((resolve) => { video.onseeked = resolve; });
    video.currentTime = 0;
    await there;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [160, 90];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, 160, 90);
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) sum += data[at] + data[at + 1] + data[at + 2];
    return sum / (3 * 160 * 90);
}"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds; VP9, since Chromium of some systems has no H.264."""
    options = {"deadline": "realtime", "cpu-used": "8"}
    path = tmp_path_factory.mktemp("clip") / "clip.webm"
    return write_clip(path, 100, codec="libvpx-vp9", options=options)


@pytest.fixture(scope="module")
def network(settings: Settings) -> OfflineNetwork:
    return OfflineNetwork(NetworkChoice("depth_lite_256"), settings)


def open_clip(page: Page, clip: Path) -> None:
    page.goto("/")
    page.locator("#tab-live").click()
    page.locator("#live-file").set_input_files(clip)
    expect(page.locator("#live-heatmap")).to_be_visible()


def test_a_chosen_clip_plays_beside_its_depth_and_the_file_goes_nowhere(
    page: Page, clip: Path
) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    open_clip(page, clip)
    expect(page.locator("#status")).to_contain_text("depth_lite_256")
    assert page.locator("#live-video").evaluate("(video) => video.controls")
    assert "POST" not in sent
    page.locator("#live-switch").click()
    expect(page.locator("#status")).to_have_text("视频已关闭。")
    expect(page.locator("#live-heatmap")).to_be_hidden()
    assert not page.locator("#live-video").evaluate("(video) => video.controls || video.src")


def test_a_clip_has_no_metres_and_the_words_say_so(page: Page, clip: Path) -> None:
    calibrated(page)
    page.locator("#tab-live").click()
    expect(page.locator("#live-metres")).to_contain_text("米数来自您量过的照片")
    page.locator("#live-file").set_input_files(clip)
    expect(page.locator("#live-metres")).to_contain_text("视频不给米数")
    expect(page.locator("#live-heatmap")).to_be_visible()
    expect(page.locator("#live-reading")).to_be_empty()


def seek(page: Page, second: float) -> None:
    """Go there, and wait for the depth of it."""
    before = page.evaluate_handle(_SHOWN_DEPTH)
    page.evaluate(f"(second) => {{ ({_SHOWN})().currentTime = second; }}", second)
    page.wait_for_function(
        f"(before) => ({_SHOWN_DEPTH})().some((value, at) => value !== before[at])", arg=before
    )


def test_a_paused_clip_shows_the_depth_of_where_one_seeks(page: Page, clip: Path) -> None:
    open_clip(page, clip)
    page.evaluate(f"({_SHOWN})().pause()")
    for second in (0.5, 3.5):
        seek(page, second)


def test_a_recording_is_a_webm_with_both_side_by_side(page: Page, clip: Path) -> None:
    open_clip(page, clip)
    page.evaluate(f"({_SHOWN})().pause()")
    expect(page.locator("#live-record")).to_have_text("录制")
    page.locator("#live-record").click()
    expect(page.locator("#live-record")).to_have_text("停止并保存录像")
    for second in (0.5, 1.5, 2.5, 3.5):
        seek(page, second)
    with page.expect_download() as download:
        page.locator("#live-record").click()
    assert download.value.suggested_filename == "depth.webm"
    with av.open(io.BytesIO(Path(download.value.path()).read_bytes()), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    # How many depends on how busy the browser's encoder is.
    assert len(frames) > 1
    assert frames[0].shape == (90, 320, 3)
    # The clip's own colours to the left, inferno's to the right.
    assert frames[-1][:, 160:].astype(int).max() > 150
    assert frames[-1][:, :160].std() > 20
    expect(page.locator("#status")).to_contain_text("depth.webm")


@pytest.mark.parametrize("name", ["depth.mp4", "depth.webm"])
def test_what_the_command_makes_plays_in_a_browser(
    page: Page, clip: Path, network: OfflineNetwork, tmp_path: Path, name: str
) -> None:
    order = VideoOrder(Look.GREY, span=Span(end=1))
    make_video(clip, tmp_path / name, order, lambda: network)
    open_clip(page, tmp_path / name)
    page.evaluate(f"({_SHOWN})().pause()")
    shown = page.evaluate(
        f"() => {{ const video = ({_SHOWN})();"
        "return [video.videoWidth, video.videoHeight, Math.round(10 * video.duration)]; }"
    )
    assert shown == [160, 90, 10]
    with av.open(str(tmp_path / name), "r") as container:
        ours = next(container.decode(video=0)).to_ndarray(format="rgb24")
    theirs = page.evaluate(_FIRST_FRAME_MEAN)
    assert theirs == pytest.approx(ours.mean(), abs=4)


def test_a_dropped_clip_opens_the_tab_and_what_cannot_be_played_is_said(
    page: Page, clip: Path
) -> None:
    page.goto("/")
    drop(page, "clip.webm", clip.read_bytes(), "video/webm")
    expect(page.locator("#panel-live")).to_be_visible()
    expect(page.locator("#live-heatmap")).to_be_visible()
    drop(page, "broken.mp4", b"no video", "video/mp4")
    expect(page.locator("#status")).to_contain_text("放不了“broken.mp4”")
    expect(page.locator("#live-heatmap")).to_be_hidden()
