"""Folders of clips: a clip that is none costs only itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import pytest

from service.bulk.clips import ClipOrder, ClipWorker
from service.bulk.outputs import OutputFolder
from service.bulk.worker import DONE
from service.errors import InvalidParameter
from service.geometry.metres import MetresOptions
from service.imaging.depth_map import DepthMap
from service.imaging.transforms import Tensor
from service.models.choice import NetworkChoice
from service.models.registry import find_spec
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from service.video.order import Look, VideoOrder
from service.video.run import make_video
from tests.support.clips import write_clip
from tests.unit.video.conftest import stopped_after


def test_each_clip_becomes_one_and_what_is_none_is_reported(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips, outputs = tmp_path / "clips", tmp_path / "depth"
    (clips / "sub").mkdir(parents=True)
    write_clip(clips / "sub" / "a.mkv", 5, sound="aac")
    write_clip(clips / "b.mp4", 3)
    (clips / "text.mov").write_text("no clip")
    (clips / "notes.txt").touch()
    OutputFolder(outputs).open()
    video = VideoOrder(Look.SIDE_BY_SIDE, network=NetworkChoice("depth_lite_256"), frames_a_part=1)
    order = ClipOrder(clips, outputs, ".mp4", video, settings)
    worker = order.worker()
    attempts = [worker.attempt(str(file).encode()) for file in order.files()]
    assert {file: error for file, error, _ in attempts} == {
        b"b.mp4": "",
        b"text.mov": "invalid-parameter",
        b"sub/a.mkv": "",
    }
    OutputFolder(outputs).close()
    made = {str(path.relative_to(outputs)) for path in outputs.rglob("*.mp4") if path.is_file()}
    assert made == {"b.mp4.mp4", "sub/a.mkv.mp4"}
    with av.open(str(outputs / "sub" / "a.mkv.mp4")) as container:
        assert len(container.streams.audio) == 1
    take_up(worker, order, monkeypatch)


def take_up(worker: ClipWorker, order: ClipOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a lost worker left of a clip is gone on with: the frames of its parts are not new."""
    output = order.outputs / "b.mp4.mp4"
    whole = output.read_bytes()
    output.unlink()
    clip, network = order.clips / "b.mp4", worker._network
    make_video(clip, output, order.video, lambda: network, watch=stopped_after(2))
    output.unlink()
    seen, infer = [], network.infer

    def counted(tensor: Tensor) -> DepthMap:
        seen.append(tensor)
        return infer(tensor)

    monkeypatch.setattr(network, "infer", counted)
    OutputFolder(order.outputs).open()
    assert worker.attempt(b"b.mp4") == (b"b.mp4", DONE, "")
    assert output.read_bytes() == whole
    assert len(seen) == 1


def test_points_in_clips_that_are_metric_already_are_refused_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by each of very many clips, when it has been decoded."""
    network = SimpleNamespace(spec=find_spec("depth_anything_v2_metric_indoor_vits"))
    monkeypatch.setattr("service.bulk.clips.OfflineNetwork", lambda *_: network)
    video = VideoOrder(metres=MetresOptions(((0.5, 0.9, 0.6), (0.5, 0.1, 3.0))))
    with pytest.raises(InvalidParameter, match="in metres already"):
        ClipOrder(tmp_path, tmp_path / "depth", ".mp4", video, settings).worker()
    clip, output = write_clip(tmp_path / "a.mp4", 3), tmp_path / "out.mp4"
    loaded = cast(OfflineNetwork, network)
    with pytest.raises(InvalidParameter, match="in metres already"):
        make_video(clip, output, video, lambda: loaded)
    assert list(tmp_path.iterdir()) == [clip]
