"""``quality=best`` of a network whose official code pads a photo and mirrors it.

The mechanism, on the embedded network; ZoeDepth's own numbers are in ``test_networks.py``.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from service.imaging.transforms import to_image_size
from service.inference.engines.selection import LoadedNetwork
from service.models.choice import NetworkChoice
from service.models.registry import SPECS
from service.models.spec import NetworkSpec, Quality
from service.observability.context import RequestRecord
from service.pipeline.depth import DepthOrder
from service.pipeline.estimator import Detail, OutputSize
from service.pipeline.offline import OfflineNetwork
from service.pipeline.runtime import Runtime
from service.settings import Precision, Settings
from tests.support.in_process import serve
from tests.support.photos import photo_bytes

NAME = "depth_lite_256"
PHOTO = photo_bytes("motorcycle_left.png")
WIDTH, HEIGHT = 741, 500
# int(sqrt(741 / 2) * 3) and int(sqrt(500 / 2) * 3).
ACROSS, DOWN = 57, 47


@pytest.fixture(autouse=True)
def padded(monkeypatch: pytest.MonkeyPatch) -> NetworkSpec:
    """The embedded network, for which ``best`` is what it is for ZoeDepth."""
    spec = SPECS[NAME]
    best = replace(spec.input_rule, padding=3.0, mirror=True)
    monkeypatch.setitem(SPECS, NAME, replace(spec, best_rule=best))
    return SPECS[NAME]


@pytest.fixture(scope="module")
def fp32(settings: Settings) -> Settings:
    return settings.model_copy(update={"precision": Precision.FP32})


@pytest.fixture(scope="module")
def expected(exact: LoadedNetwork) -> np.ndarray:
    """By hand: the border, both inputs, the mean, the border away."""
    pixels = np.asarray(Image.open(io.BytesIO(PHOTO)).convert("RGB"))
    outer = np.pad(pixels, ((DOWN, DOWN), (ACROSS, ACROSS), (0, 0)), mode="reflect")
    height, width = outer.shape[:2]
    rule = exact.spec.input_rule
    size = rule.network_size(width, height)

    def depth_of(picture: np.ndarray) -> np.ndarray:
        unit = (picture / 255).astype(np.float32)
        resized = cv2.resize(unit, size, interpolation=cv2.INTER_CUBIC)
        tensor = ((resized - np.array(rule.mean)) / np.array(rule.std)).transpose(2, 0, 1)
        depth = exact.engine.infer(np.ascontiguousarray(tensor[None], np.float32))[0]
        return to_image_size(depth, width, height)

    mirrored = depth_of(np.ascontiguousarray(outer[:, ::-1]))[:, ::-1]
    mean = (depth_of(outer) + mirrored) / 2
    return np.asarray(mean[DOWN : DOWN + HEIGHT, ACROSS : ACROSS + WIDTH])


def order(spec: NetworkSpec, size: OutputSize, detail: Detail = Detail.NORMAL) -> DepthOrder:
    """A map's own numbers."""

    def write(found: Any) -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, found.depth.values)
        return buffer.getvalue()

    return DepthOrder(spec, size, "application/x-npy", write, detail=detail)


def test_the_service_answers_the_mean_without_the_border(
    fp32: Settings, padded: NetworkSpec, expected: np.ndarray
) -> None:
    async def scenario(runtime: Runtime) -> None:
        best = runtime.catalog.served.choose(NetworkChoice(NAME, quality=Quality.BEST))

        async def ask(order: DepthOrder) -> tuple[np.ndarray, float]:
            with runtime.admission.open("client") as ticket:
                answer = await runtime.pipeline.run(PHOTO, order, ticket, RequestRecord("test"))
                return np.load(io.BytesIO(answer.body)), ticket.gflop

        depth, gflop = await ask(order(best, OutputSize.ORIGINAL))
        assert depth.shape == (HEIGHT, WIDTH)
        assert np.abs(depth - expected).max() <= 1e-3 * np.ptp(expected)
        outer = WIDTH + 2 * ACROSS, HEIGHT + 2 * DOWN
        once = padded.run_on(*padded.input_rule.network_size(*outer))
        assert gflop == pytest.approx(2 * once.gflop)

        small, _ = await ask(order(best, OutputSize.NETWORK))
        assert (small.shape[1], small.shape[0]) == best.input_rule.map_size(WIDTH, HEIGHT)
        enlarged = to_image_size(small, WIDTH, HEIGHT)
        assert np.abs(enlarged - expected).mean() <= 0.01 * np.ptp(expected)

        detailed, _ = await ask(order(best, OutputSize.ORIGINAL, Detail.HIGH))
        assert detailed.shape == (HEIGHT, WIDTH)
        assert np.corrcoef(detailed.ravel(), expected.ravel())[0, 1] > 0.98

    serve(fp32, scenario)


def test_the_command_line_and_effects_do_the_same(fp32: Settings, expected: np.ndarray) -> None:
    network = OfflineNetwork(NetworkChoice(NAME, quality=Quality.BEST), fp32)
    assert network.spec.input_rule.mirror
    depth = network.depth(PHOTO, OutputSize.ORIGINAL).values
    assert np.abs(depth - expected).max() <= 1e-3 * np.ptp(expected)
    photo, of_effect = network.photo_and_depth(PHOTO, WIDTH)
    same = to_image_size(of_effect.values, photo.width, photo.height)
    assert np.abs(same - expected).mean() <= 0.01 * np.ptp(expected)


def test_only_best_is_more_than_a_size(padded: NetworkSpec) -> None:
    for quality in (Quality.FAST, Quality.BALANCED):
        rule = padded.at_quality(quality).input_rule
        assert not rule.padding
        assert not rule.mirror
