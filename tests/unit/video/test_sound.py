"""What is heard when, in the clip and in what is made of it: whichever way it is written."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from service.pipeline.offline import OfflineNetwork
from service.video.clip import Span
from service.video.order import VideoOrder
from service.video.run import make_video
from tests.support.clips import with_tones, write_clip

TIMES = [0, 200, 400, 600, 800, 960]
# In seconds: a clip's rounded times, and the blocks of two encoders.
EXACT = 0.06
TONES = {
    "all along": [(0.0, 1.0)],
    "from late on": [(0.4, 1.0)],
    "with a gap": [(0.0, 0.3), (0.6, 1.0)],
    "late, with a gap": [(0.2, 0.4), (0.7, 0.9)],
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(
        tmp_path_factory.mktemp("pictures") / "clip.mkv", 6, times=TIMES, codec="ffv1"
    )


def heard(path: Path) -> list[tuple[float, float]]:
    """From when to when there is a tone."""
    levels: dict[int, float] = {}
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(float))
            if frame.format.name.startswith("s16"):
                samples /= 32768
            for number, level in enumerate(samples.reshape(-1)):
                tick = int(100 * ((frame.time or 0) + number / frame.sample_rate))
                levels[tick] = max(levels.get(tick, 0), level)
    loud = [tick for tick, level in sorted(levels.items()) if level > 0.05]
    edges = [0, *(n for n in range(1, len(loud)) if loud[n] - loud[n - 1] > 3), len(loud)]
    spans = itertools.pairwise(edges)
    return [(loud[start] / 100, (loud[end - 1] + 1) / 100) for start, end in spans]


@pytest.mark.parametrize("codec", ["pcm_s16le", "aac"])
@pytest.mark.parametrize("name", ["a.webm", "a.mkv", "a.mp4"])
@pytest.mark.parametrize("tones", TONES.values(), ids=TONES.keys())
@pytest.mark.parametrize("start", [None, 0.6])
def test_sound_stays_where_it_was(
    network: OfflineNetwork,
    pictures: Path,
    tmp_path: Path,
    codec: str,
    name: str,
    tones: list[tuple[float, float]],
    start: float | None,
) -> None:
    clip = with_tones(tmp_path / "clip.mkv", pictures, tones, codec)
    make_video(clip, tmp_path / name, VideoOrder(span=Span(start)), lambda: network)
    begin = start or 0.0
    expected = [(max(low, begin) - begin, high - begin) for low, high in tones if high > begin]
    found = heard(tmp_path / name)
    assert len(found) == len(expected)
    assert np.abs(np.subtract(found, expected)).max() < EXACT
