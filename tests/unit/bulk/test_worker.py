"""One block of a bulk run: a photo that cannot be read costs only itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from service.bulk.outputs import OutputFolder
from service.bulk.worker import BulkOrder, PhotoWorker
from service.imaging.encode import EncodeOptions
from service.imaging.formats import OutputFormat
from service.pipeline.estimator import OutputSize
from service.settings import Settings
from tests.support.inputs import input_bytes


def test_what_decoders_cannot_read_is_reported_and_the_block_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    photos, outputs = tmp_path / "photos", tmp_path / "depth"
    photos.mkdir()
    names = ["tiff_ascii_tag.tif", "base.jpg", "x.avif"]
    for name in names:
        (photos / name).write_bytes(input_bytes(name))
    (photos / "text.gif").write_text("no photo")
    OutputFolder(outputs).open()
    order = BulkOrder(
        photos,
        outputs,
        model=None,
        size=OutputSize.NETWORK,
        format=OutputFormat.HEATMAP,
        options=EncodeOptions(),
        settings=settings,
    )
    batch: dict[str, Sequence[bytes]] = {"photo": [name.encode() for name in [*names, "text.gif"]]}
    report = PhotoWorker(order)(batch)
    assert list(report["error"]) == ["undecodable-image", "", "", "unsupported-media-type"]
    assert {path.name for path in outputs.glob("*.png")} == {"base.jpg.png", "x.avif.png"}
