"""A folder of photos: one that cannot be read costs only itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from service.api.depth_query import DepthQuery
from service.bulk.outputs import OutputFolder
from service.bulk.photos import PhotoOrder, PhotoWorker
from service.bulk.worker import DONE
from service.effects.catalog import EFFECTS
from service.imaging.depth_description import read_description
from service.imaging.formats import OutputFormat
from service.models.choice import NetworkChoice
from service.pipeline.estimator import OutputSize
from service.pipeline.offline import OfflineDepth, OfflineNetwork
from service.pipeline.offline_effect import OfflineEffect
from service.pipeline.representation import Representation
from service.settings import Settings
from tests.support.inputs import input_bytes


def order_of(
    tmp_path: Path, settings: Settings, format: OutputFormat = OutputFormat.HEATMAP
) -> PhotoOrder:
    """What is made of the folder ``photos``, into the folder ``depth``."""
    photos, outputs = tmp_path / "photos", tmp_path / "depth"
    photos.mkdir()
    OutputFolder(outputs).open()
    return PhotoOrder(
        photos,
        outputs,
        OfflineDepth(Representation(format), OutputSize.NETWORK),
        settings,
    )


def test_what_decoders_cannot_read_is_reported_and_the_block_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    order = order_of(tmp_path, settings)
    names = ["tiff_ascii_tag.tif", "base.jpg", "x.avif"]
    for name in names:
        (order.photos / name).write_bytes(input_bytes(name))
    (order.photos / "text.gif").write_text("no photo")
    worker = PhotoWorker(order)
    faults = [worker.attempt(name.encode())[1] for name in [*names, "text.gif"]]
    assert faults == ["undecodable-image", "", "", "unsupported-media-type"]
    assert {path.name for path in order.outputs.glob("*.png")} == {"base.jpg.png", "x.avif.png"}


def test_16_bits_say_what_they_are(settings: Settings, tmp_path: Path) -> None:
    order = order_of(tmp_path, settings, OutputFormat.DEPTH16)
    photo = input_bytes("base.jpg")
    (order.photos / "base.jpg").write_bytes(photo)
    assert PhotoWorker(order).attempt(b"base.jpg") == (b"base.jpg", DONE, "")
    (written,) = order.outputs.glob("*.png")
    description = read_description(written.read_bytes())
    assert description is not None
    truth = OfflineNetwork(NetworkChoice(), settings).depth(photo, OutputSize.NETWORK)
    assert (description.kind, description.model) == (truth.kind, truth.model)
    level = (description.high - description.low) / 65535
    values = description.values(np.asarray(Image.open(written), np.uint16))
    assert np.abs(values - truth.values).max() <= 0.51 * level


def test_an_order_is_the_same_however_it_is_said(settings: Settings) -> None:
    """What a folder's outputs are told apart by is what was made, not what was written out."""
    network = OfflineNetwork(NetworkChoice(), settings)

    def identity(**said: Any) -> dict[str, str]:
        return network.identity_of(DepthQuery(**said).offline(OutputFormat.HEATMAP, 1_000_000))

    usual = identity()
    for said in (
        {"model": "depth_lite_256"},
        {"colormap": "inferno", "size": "original"},
        {"format": "heatmap", "invert": "false"},
    ):
        assert identity(**said) == usual
    # Without a field of view EXIF tells it.
    for other in ({"colormap": "gray"}, {"size": "network"}, {"fov": "65"}, {"far": "3"}):
        assert identity(**other) != usual
    assert identity(fov=65) == identity(fov=65.0) != identity(fov=66)


def test_effects_tell_a_given_field_of_view_from_none(settings: Settings) -> None:
    network, relief = OfflineNetwork(NetworkChoice(), settings), EFFECTS["relief"].options

    def identity(**said: Any) -> dict[str, str]:
        return network.identity_of(OfflineEffect("relief", relief(**said)))

    assert identity(fov=65) != identity() == identity(far_ratio=relief().far_ratio)
