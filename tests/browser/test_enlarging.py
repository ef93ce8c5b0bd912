"""The page brings a map to the photo's size as the service does for the network that answered."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from service.imaging.transforms import DepthArray, Interpolation, to_image_size
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from tests.browser.conftest import watched_page
from tests.golden.official import golden
from tests.support.photos import as_bytes, photo_pixels
from tests.support.server import ServerProcess
from tests.support.visitor import drop, saved

LINEAR = "depth_anything_v2_vits"
_ENLARGED = """async ([rows, enlarge, kind, width, height]) => {
    const { enlarged } = await import("./static/enlarging.js");
    const map = { values: Float32Array.from(rows.flat()), width: rows[0].length,
        height: rows.length, enlarge };
    return [...enlarged(map, kind, width, height).values];
}"""


def on_the_page(
    page: Page, depth: DepthArray, enlarge: str | None, kind: str, size: tuple[int, int]
) -> DepthArray:
    numbers = page.evaluate(_ENLARGED, [depth.tolist(), enlarge, kind, *size])
    return np.array(numbers, np.float32).reshape(size[::-1])


@pytest.mark.parametrize("size", [(37, 23), (5, 4), (1, 1)], ids=["larger", "smaller", "one"])
@pytest.mark.parametrize("enlarge", ["cubic", "linear", "linear_corners"])
def test_each_way_to_enlarge_is_the_services(
    page: Page, enlarge: str, size: tuple[int, int]
) -> None:
    depth = np.random.default_rng(7).random((7, 9), np.float32)
    page.goto("/")
    ours = on_the_page(page, depth, enlarge, "relative_inverse_depth", size)
    assert np.abs(ours - to_image_size(depth, *size, Interpolation(enlarge))).max() < 1e-5


def test_a_map_that_was_kept_without_its_way_is_enlarged_as_it_was(page: Page) -> None:
    depth = np.random.default_rng(8).random((4, 6), np.float32)
    page.goto("/")
    ours = on_the_page(page, depth, None, "relative_depth", (24, 16))
    assert np.abs(ours - to_image_size(depth, 24, 16)).max() < 1e-5


def test_metres_beside_an_edge_are_none_that_the_map_has_not(page: Page) -> None:
    """A cubic curve falls below the nearest, and even below 0, before it rises to the farthest."""
    depth = np.repeat(np.array([[0.5] * 4 + [40] * 4], np.float32), 8, axis=0)
    page.goto("/")
    relative = on_the_page(page, depth, "cubic", "relative_depth", (64, 64))
    metres = on_the_page(page, depth, "cubic", "metric_depth", (64, 64))
    assert relative.min() < 0
    assert metres.min() == 0.5
    assert (metres == np.maximum(relative, np.float32(0.5))).all()


def test_the_map_that_the_page_saves_is_the_services_for_a_network_that_is_not_cubic(
    browser: Browser, cache_dir: Path, tmp_path: Path
) -> None:
    state, checkpoint = golden(LINEAR).state(), tmp_path / "golden.pt"
    torch.save(
        {key: torch.from_numpy(np.asarray(value)) for key, value in state.items()}, checkpoint
    )
    WeightsStore(tmp_path).install_custom(find_spec(LINEAR), checkpoint)
    photo = as_bytes(photo_pixels("coffee.png"), "JPEG")
    with (
        ServerProcess(
            cache_dir=str(cache_dir), weights_dir=str(tmp_path), model=LINEAR, engine="torch"
        ) as server,
        watched_page(browser, server.url, locale="en-US") as page,
    ):
        page.goto("/")
        drop(page, "coffee.jpg", photo)
        expect(page.locator("#status")).to_contain_text(LINEAR)
        ours = np.load(io.BytesIO(saved(page, "[data-download=npy]")))
        answer = server.client.post("/v1/depth?format=npy", files={"image": photo})
    served = np.load(io.BytesIO(answer.content))
    assert ours.shape == served.shape == (400, 600)
    assert np.abs(ours - served).max() < 1e-4 * np.ptp(served)
