"""A decode worker: ``python -m service.decoding.worker MEMORY_BYTES``, an order socket on stdin.

It imports what decoding needs and nothing else: about 50 MB, in a fraction of a second.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.decoding.channel import Channel
from service.decoding.frames import Order, Reply, ReplyKind, Task, read_order, refusal
from service.decoding.limits import die_with_parent, lock_up
from service.errors import DepthError
from service.imaging.decode import decode_grey, read_header
from service.imaging.effect_input import effect_input
from service.imaging.files import heif_reader
from service.imaging.files.formats import OPTIONAL_FORMATS, PhotoFormat
from service.imaging.network_input import network_input
from service.imaging.strips import keep_to_one_thread


def _answer(channel: Channel, order: Order, data: bytes) -> None:
    try:
        reply, arrays = _TASKS[order.task](order, data)
    except DepthError as error:
        channel.send(refusal(error))
        return
    channel.send(reply.frame())
    for array in arrays:
        channel.send(np.ascontiguousarray(array).data.cast("B"))


def _optional() -> tuple[PhotoFormat, ...]:
    """Formats of which the decoder is installed: this process is what they may be read in."""
    return OPTIONAL_FORMATS if heif_reader.is_usable() else ()


def _photo_size(order: Order, data: bytes) -> _Answer:
    header = read_header(data, order.max_pixels, _optional())
    return Reply(ReplyKind.SIZE, header.width, header.height), []


def _network_input(order: Order, data: bytes) -> _Answer:
    rule = order.rule
    assert rule is not None  # noqa: S101 (the order's task demands it)
    prepared = network_input(data, rule, order.scaled_decode)
    took = int(1e6 * prepared.transform_seconds)
    reply = Reply(ReplyKind.TENSOR, prepared.width, prepared.height, took)
    return reply, [prepared.tensor, np.array([prepared.focal], np.uint16)]


def _effect_input(order: Order, data: bytes) -> _Answer:
    prepared = effect_input(data, order.rule, order.side, order.scaled_decode)
    photo = prepared.photo
    took = int(1e6 * prepared.transform_seconds)
    tensors = [] if prepared.tensor is None else [prepared.tensor]
    reply = Reply(ReplyKind.PHOTO, photo.width, photo.height, took)
    return reply, [*tensors, prepared.pixels, np.array([photo.focal], np.uint16)]


def _grey(order: Order, data: bytes) -> _Answer:
    numbers = decode_grey(data, order.max_pixels)
    return Reply(ReplyKind.NUMBERS, numbers.shape[1], numbers.shape[0]), [numbers]


_Answer = tuple[Reply, Sequence[NDArray[Any]]]
_TASKS: dict[Task, Callable[[Order, bytes], _Answer]] = {
    Task.PHOTO_SIZE: _photo_size,
    Task.NETWORK_INPUT: _network_input,
    Task.EFFECT_INPUT: _effect_input,
    Task.GREY: _grey,
}


def _main() -> None:
    die_with_parent()
    # The service ends this process when it is done with it, which is after its own SIGTERM.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=0))
    cv2.setNumThreads(1)
    keep_to_one_thread()
    # What Pillow imports only when it opens a file: once locked up, none can be read.
    Image.preinit()
    optional = _optional()
    with contextlib.suppress(ImportError):
        importlib.import_module("OpenEXR")
    # Codecs write to standard error what they like; it is not the service's log.
    os.dup2(1, 2)
    lock_up(int(sys.argv[1]), with_threads=bool(optional))
    channel.send(Reply(ReplyKind.READY).frame())
    with contextlib.suppress(ConnectionError):
        while True:
            _answer(channel, *read_order(channel.read_into))


if __name__ == "__main__":
    _main()
