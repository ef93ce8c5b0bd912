"""One clip, and what is made of it in parts of four frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from service.models.choice import NetworkChoice
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from service.video.order import VideoOrder
from service.video.run import VideoSummary, Watch, make_video
from tests.support.clips import write_clip

FRAMES = 10
Make = Callable[..., VideoSummary]


@pytest.fixture(scope="module")
def network(settings: Settings) -> OfflineNetwork:
    return OfflineNetwork(NetworkChoice("depth_lite_256"), settings)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", FRAMES, sound="aac")


@pytest.fixture
def make(clip: Path, network: OfflineNetwork) -> Make:
    def make(output: Path, order: VideoOrder | None = None, **options: object) -> VideoSummary:
        order = dataclasses.replace(order or VideoOrder(), frames_a_part=4)
        return make_video(clip, output, order, lambda: network, **options)  # type: ignore[arg-type]

    return make


def stopped_after(frames: int) -> Watch:
    seen: list[int] = []
    return Watch(frame=seen.append, is_stopped=lambda: sum(seen) >= frames)
