"""A decode process as the service sees it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.decoding.channel import Channel
from service.decoding.frames import Order, Reply, ReplyKind, read_reply
from service.imaging.transforms import InputRule, Rgb, Tensor

_MODULE = "service.decoding.worker"
_START_SECONDS = 60.0
# Credentials in the environment are none of a decoder's business.
_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
_ALLOCATION = {
    # One thread and one heap: each would reserve address space, which is what is limited.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    # Keep the buffers of a usual photo: giving them back after each, which is glibc's default,
    # doubles the time of a 1280x720 JPEG.
    "MALLOC_MMAP_THRESHOLD_": "16000000",
    "MALLOC_TRIM_THRESHOLD_": "32000000",
}


class DecodeProcess:
    """One process and its socket; used by one thread at a time, but for :meth:`kill`.

    Creating it returns before the process is ready. Raises :class:`OSError` when the system has
    no room for it.
    """

    def __init__(self, memory_bytes: int) -> None:
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        self._ready = False
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                    [sys.executable, "-m", _MODULE, str(memory_bytes)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=inherited | _ALLOCATION,
                    cwd=Path(__file__).parents[2],
                    # A Ctrl-C in the terminal is for the service alone.
                    start_new_session=True,
                )
            except BaseException:
                self._channel.close()
                raise

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Return when it can take orders.

        Raises :class:`ConnectionError` if it ended, :class:`TimeoutError` if it hangs.
        """
        if not self._ready:
            self._channel.allow(_START_SECONDS)
            read_reply(self._channel.read_into, ReplyKind.READY, 0)
            self._ready = True

    def send(self, order: Order, data: bytes, seconds: float) -> None:
        """Hand over a photo; the process has ``seconds`` until its answer has been read.

        Raises :class:`ConnectionError` if it ended before it had the whole photo, so that the
        photo cannot be why; :class:`TimeoutError` past the time.
        """
        self._channel.allow(seconds)
        self._channel.send(order.frame(len(data)))
        self._channel.send(data)

    def receive(self, expected: ReplyKind, max_pixels: int) -> Reply:
        """The answer to an order.

        Raises the typed errors of decoding, :class:`ConnectionError` if the process ended or
        answered nonsense, :class:`TimeoutError` past the order's time.
        """
        return read_reply(self._channel.read_into, expected, max_pixels)

    def receive_tensor(self, rule: InputRule, reply: Reply) -> Tensor:
        """The pixels after a :data:`ReplyKind.TENSOR`; raises as :meth:`receive`.

        Their number follows from the photo's size and the rule, not from what the process says.
        """
        width, height = rule.network_size(reply.width, reply.height)
        tensor = np.empty((3, height, width), np.float32)
        self._channel.read_into(tensor.data.cast("B"))
        return tensor

    def receive_pixels(self, size: tuple[int, int]) -> Rgb:
        """Pixels ``(h, w, 3)`` of ``size`` ``(width, height)``, which follows from the order."""
        pixels = np.empty((size[1], size[0], 3), np.uint8)
        self._channel.read_into(pixels.data.cast("B"))
        return pixels

    def receive_focal(self) -> int:
        """The photo's focal length, after its pixels or tensor."""
        focal = np.empty(1, np.uint16)
        self._channel.read_into(focal.data.cast("B"))
        return int(focal[0])

    def receive_numbers(self, reply: Reply) -> NDArray[np.float32]:
        """The numbers ``(h, w)`` after a :data:`ReplyKind.NUMBERS`."""
        numbers = np.empty((reply.height, reply.width), np.float32)
        self._channel.read_into(numbers.data.cast("B"))
        return numbers

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
