from __future__ import annotations

import concurrent.futures
import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from service.decoding.decoder import InProcessDecoder
from service.decoding.isolated import DecodeLimits, IsolatedDecoder
from service.decoding.process import DecodeProcess
from service.errors import DecoderUnavailable, DepthError, UndecodableImage
from service.models.registry import find_spec
from service.pipeline.photo_formats import formats_in_process
from service.settings import Settings
from tests.support.decoders import decoders_of, wait_until_gone, wait_until_one_works
from tests.support.photos import (
    as_bytes,
    grey_tiff,
    jpeg_of_many_scans,
    photo_bytes,
    png_header_bomb,
    tiff_of_one_huge_tile,
)
from tests.support.server import ROOT

MAX_PIXELS = 50_000_000
RULE = find_spec("depth_lite_256").input_rule
CAT = Image.open(io.BytesIO(photo_bytes("chelsea.png")))
PHOTO = as_bytes(CAT)


class Isolated:
    """An isolated decoder and how often its processes were replaced."""

    def __init__(
        self, processes: int = 1, seconds: float = 60, memory_bytes: int = 2_000_000_000
    ) -> None:
        self.restarts = 0
        self._others = decoders_of()
        limits = DecodeLimits(seconds, memory_bytes)
        self.decoder = IsolatedDecoder(processes, limits, MAX_PIXELS, True, self._restarted)

    def _restarted(self) -> None:
        self.restarts += 1

    def __enter__(self) -> Isolated:
        self.decoder.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.decoder.close()

    def processes(self) -> list[psutil.Process]:
        return [process for process in decoders_of() if process not in self._others]

    def decode(self, data: bytes) -> Any:
        return self.decoder.network_input(data, RULE).tensor


@pytest.fixture(scope="module")
def isolated() -> Iterator[Isolated]:
    with Isolated(processes=2) as isolated:
        yield isolated


@pytest.fixture
def in_process() -> InProcessDecoder:
    # What is installed is read in decode processes, and here where the operator insists.
    optional = formats_in_process(Settings(heic_in_process=True))
    return InProcessDecoder(MAX_PIXELS, scaled_decode=True, optional=optional)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


PHOTOS: dict[str, bytes] = {
    "png": PHOTO,
    "png turned": as_bytes(CAT, "PNG", exif=turned(6)),
    "png palette": as_bytes(CAT.convert("P")),
    "png bilevel": as_bytes(CAT.convert("1")),
    "png transparent": as_bytes(CAT.convert("LA")),
    "png animated": as_bytes(CAT, "PNG", save_all=True, append_images=[CAT.rotate(9)]),
    "jpeg": as_bytes(CAT, "JPEG"),
    "jpeg reduced and turned": as_bytes(CAT.resize((3000, 2000)), "JPEG", exif=turned(8)),
    "jpeg progressive": as_bytes(CAT, "JPEG", progressive=True),
    "jpeg cmyk": as_bytes(CAT.convert("CMYK"), "JPEG"),
    "jpeg of two pictures": as_bytes(CAT, "MPO", save_all=True, append_images=[CAT]),
    "webp": as_bytes(CAT, "WEBP"),
    "webp transparent": as_bytes(CAT.convert("RGBA"), "WEBP", lossless=True),
    "webp animated": as_bytes(CAT, "WEBP", save_all=True, append_images=[CAT.rotate(9)]),
    "bmp": as_bytes(CAT, "BMP"),
    "tiff": as_bytes(CAT, "TIFF"),
    "tiff lzw turned": as_bytes(CAT, "TIFF", compression="tiff_lzw", exif=turned(3)),
    "tiff jpeg": as_bytes(CAT, "TIFF", compression="jpeg"),
    "tiff 16 bits": as_bytes(
        Image.fromarray(np.asarray(CAT.convert("L")).astype(np.uint16) * 257), "TIFF"
    ),
    "tiff white is zero": grey_tiff(b"\0\0\xff\xff", 16, 0),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_every_kind_of_photo_gives_the_same_bits_as_in_process(
    isolated: Isolated, in_process: InProcessDecoder, name: str
) -> None:
    data = PHOTOS[name]
    assert isolated.decoder.photo_size(data) == in_process.photo_size(data)
    ours, expected = (
        decoder.network_input(data, RULE) for decoder in (isolated.decoder, in_process)
    )
    assert (ours.width, ours.height) == (expected.width, expected.height)
    assert ours.tensor.dtype == expected.tensor.dtype
    assert np.array_equal(ours.tensor, expected.tensor)


def test_the_focal_length_comes_with_a_networks_input(
    isolated: Isolated, in_process: InProcessDecoder
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[41989] = 26
    photo = as_bytes(Image.new("RGB", (64, 48)), "JPEG", exif=exif)
    for decoder in (isolated.decoder, in_process):
        assert decoder.network_input(photo, RULE).focal == 26
        assert decoder.network_input(PHOTO, RULE).focal == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        PHOTO[:20],
        PHOTO[: len(PHOTO) // 2],
        png_header_bomb(),
        tiff_of_one_huge_tile(4096),
        jpeg_of_many_scans(64, 400),
        as_bytes(Image.new("F", (4, 4)), "TIFF"),
    ],
    ids=["empty", "text", "header", "truncated", "bomb", "tile", "scans", "float"],
)
def test_refusals_are_the_same_as_in_process(
    isolated: Isolated, in_process: InProcessDecoder, data: bytes
) -> None:
    def refusal(decoder: IsolatedDecoder | InProcessDecoder) -> tuple[str, str]:
        with pytest.raises(DepthError) as caught:
            decoder.photo_size(data)
            decoder.network_input(data, RULE)
        return caught.value.slug, caught.value.detail

    restarts = isolated.restarts
    assert refusal(isolated.decoder) == refusal(in_process)
    assert isolated.restarts == restarts


def test_the_transform_is_timed_apart_from_decoding(isolated: Isolated) -> None:
    assert isolated.decoder.network_input(PHOTO, RULE).transform_seconds > 0


@pytest.mark.parametrize(
    ("memory_bytes", "said"), [(60_000_000, "too much memory"), (200_000_000, "failed on this")]
)
def test_a_photo_beyond_the_memory_limit_is_refused_and_the_next_is_fine(
    memory_bytes: int, said: str
) -> None:
    """The first limit is met by the decoder, the second by the transform."""
    large = as_bytes(Image.new("RGB", (5000, 3100)))
    with Isolated(memory_bytes=memory_bytes) as isolated:
        for _ in range(3):
            with pytest.raises(UndecodableImage, match=said):
                isolated.decode(large)
            assert isolated.decode(PHOTO).shape[0] == 3


@pytest.fixture(scope="module")
def slow() -> bytes:
    """A JPEG that takes seconds to decode."""
    return jpeg_of_many_scans(7000, 90)


def test_a_decoder_killed_in_mid_photo_loses_only_that_photo(slow: bytes) -> None:
    with Isolated(processes=2) as isolated, concurrent.futures.ThreadPoolExecutor(1) as pool:
        lost = pool.submit(isolated.decode, slow)
        busy = wait_until_one_works(isolated.processes())
        assert isolated.decode(PHOTO).shape[0] == 3
        busy.kill()
        with pytest.raises(UndecodableImage, match="failed on this image"):
            lost.result(60)
        assert isolated.restarts == 1
        for _ in range(3):
            assert isolated.decode(PHOTO).shape[0] == 3
        assert len(isolated.processes()) == 2


def test_a_decoder_that_hangs_is_killed_when_its_time_is_over() -> None:
    with Isolated(seconds=1) as isolated:
        hanging = isolated.processes()
        hanging[0].suspend()
        with pytest.raises(UndecodableImage, match="gave up"):
            isolated.decode(PHOTO[:1000])
        wait_until_gone(hanging)
        assert isolated.decode(PHOTO).shape[0] == 3
        assert isolated.restarts == 1


def test_a_death_while_idle_is_not_noticed() -> None:
    with Isolated() as isolated:
        for _ in range(2):
            isolated.processes()[0].kill()
            assert isolated.decode(PHOTO).shape[0] == 3
        assert isolated.restarts == 2


def test_a_death_before_the_whole_photo_was_sent_is_not_the_photos_fault() -> None:
    # More than fits into the socket, so that the sender waits for a reader that never comes.
    large = as_bytes(np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), np.uint8))
    with Isolated() as isolated, concurrent.futures.ThreadPoolExecutor(1) as pool:
        stopped = isolated.processes()
        stopped[0].suspend()
        photo = pool.submit(isolated.decode, large)
        with pytest.raises(concurrent.futures.TimeoutError):
            photo.result(0.5)
        stopped[0].kill()
        assert photo.result(60).shape[0] == 3
        assert isolated.restarts == 1


@pytest.mark.parametrize("error", [MemoryError(), ValueError("too large"), OSError("broken")])
def test_a_reply_that_cannot_be_taken_is_not_the_next_photos(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    with Isolated() as isolated:
        with monkeypatch.context() as patch, pytest.raises(UndecodableImage):
            patch.setattr(DecodeProcess, "receive_tensor", fail)
            isolated.decode(PHOTO)
        assert isolated.decode(PHOTO).shape[0] == 3
        assert isolated.restarts == 1


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_signals_to_the_whole_group_leave_it_to_the_service(signal_number: int) -> None:
    with Isolated() as isolated:
        isolated.processes()[0].send_signal(signal_number)
        assert isolated.decode(PHOTO).shape[0] == 3
        assert isolated.restarts == 0


@pytest.mark.parametrize("program", ["/bin/false", "/nonexistent"])
def test_a_decoder_that_cannot_be_started_is_the_services_fault(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    decoder = IsolatedDecoder(1, DecodeLimits(60, 10**9), MAX_PIXELS, True, lambda: None)
    for _ in range(3):
        with pytest.raises(DecoderUnavailable) as caught:
            decoder.photo_size(PHOTO)
        assert caught.value.retry_after_seconds is not None
    assert not decoder.is_healthy()
    monkeypatch.undo()
    assert decoder.photo_size(PHOTO) == (CAT.width, CAT.height)
    assert decoder.is_healthy()
    decoder.close()


def test_closing_ends_busy_decoders_and_starts_no_more(slow: bytes) -> None:
    with Isolated() as isolated, concurrent.futures.ThreadPoolExecutor(1) as pool:
        lost = pool.submit(isolated.decode, slow)
        busy = wait_until_one_works(isolated.processes())
        isolated.decoder.close()
        wait_until_gone([busy])
        with pytest.raises(DecoderUnavailable, match="shutting down"):
            lost.result(60)
        assert isolated.restarts == 0
        with pytest.raises(DecoderUnavailable, match="shutting down"):
            isolated.decode(PHOTO)
        assert isolated.processes() == []


def test_a_decoder_is_small_and_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    with Isolated() as isolated:
        isolated.decode(PHOTO)
        [decoder] = isolated.processes()
        # Of mapped libraries the kernel counts more or fewer pages, as their files were written.
        memory = decoder.memory_info()
        assert memory.rss - memory.shared < 40e6
        assert "DATABASE_PASSWORD" not in decoder.environ()
        assert not decoder.net_connections("inet")


def test_a_decoder_imports_only_what_decoding_needs() -> None:
    script = (
        "import sys, service.decoding.worker;"
        "print({'torch', 'openvino', 'fastapi', 'pydantic', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
