"""Decoding in processes that can be killed: a hostile photo costs its own request and no other.

There are as many processes as threads that ask, so nobody waits for one. A process that dies or
overruns in mid-photo is replaced at once, and its photo is refused; one that died idle is replaced
when it is next needed, and nobody notices.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.decoding.frames import Order, ReplyKind, Task
from service.decoding.process import DecodeProcess
from service.errors import DecoderUnavailable, DepthError, UndecodableImage
from service.imaging.decode import Photo
from service.imaging.effect_input import EffectInput
from service.imaging.network_input import NetworkInput
from service.imaging.transforms import InputRule, bounded_size

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Starts that may fail in a row before the service calls itself unhealthy: one may be bad luck.
_MAX_FAILED_STARTS = 3
_RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True)
class DecodeLimits:
    """What one photo may take, beyond what its header promises."""

    seconds: float
    memory_bytes: int


class _Slot:
    """Place of one process in the pool."""

    process: DecodeProcess | None = None


class IsolatedDecoder:
    """A :class:`Decoder` over a pool of decode processes, which start when it is created."""

    def __init__(
        self,
        processes: int,
        limits: DecodeLimits,
        max_pixels: int,
        scaled_decode: bool,
        on_restart: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._max_pixels = max_pixels
        self._scaled_decode = scaled_decode
        self._on_restart = on_restart
        self._lock = threading.Lock()
        self._closed = False
        self._failed_starts = 0
        self._slots = [_Slot() for _ in range(processes)]
        # First in, first out: a replacement has the longest time to get ready.
        self._idle: queue.SimpleQueue[_Slot] = queue.SimpleQueue()
        for slot in self._slots:
            self._start_ahead(slot)
            self._idle.put(slot)

    def wait_until_ready(self) -> None:
        """Return when every process can take photos; raises :class:`DecoderUnavailable`."""
        for slot in self._slots:
            self._ready(slot)

    def photo_size(self, data: bytes) -> tuple[int, int]:
        """See :class:`Decoder`."""
        order = Order(Task.PHOTO_SIZE, self._max_pixels)

        def receive(process: DecodeProcess) -> tuple[int, int]:
            reply = process.receive(ReplyKind.SIZE, self._max_pixels)
            return reply.width, reply.height

        return self._ask(order, data, receive)

    def network_input(self, data: bytes, rule: InputRule) -> NetworkInput:
        """See :class:`Decoder`."""
        order = Order(Task.NETWORK_INPUT, self._max_pixels, rule, self._scaled_decode)

        def receive(process: DecodeProcess) -> NetworkInput:
            reply = process.receive(ReplyKind.TENSOR, self._max_pixels)
            tensor = process.receive_tensor(rule, reply)
            focal = process.receive_focal()
            return NetworkInput(tensor, reply.width, reply.height, reply.transform_seconds, focal)

        return self._ask(order, data, receive)

    def effect_input(self, data: bytes, rule: InputRule | None, side: int) -> EffectInput:
        """See :class:`Decoder`."""
        order = Order(Task.EFFECT_INPUT, self._max_pixels, rule, self._scaled_decode, side)

        def receive(process: DecodeProcess) -> EffectInput:
            reply = process.receive(ReplyKind.PHOTO, self._max_pixels)
            tensor = process.receive_tensor(rule, reply) if rule is not None else None
            pixels = process.receive_pixels(bounded_size(reply.width, reply.height, side))
            photo = Photo(pixels, reply.width, reply.height, process.receive_focal())
            return EffectInput(photo, tensor, reply.transform_seconds)

        return self._ask(order, data, receive)

    def grey(self, data: bytes) -> NDArray[np.float32]:
        """See :class:`Decoder`."""

        def receive(process: DecodeProcess) -> NDArray[np.float32]:
            return process.receive_numbers(process.receive(ReplyKind.NUMBERS, self._max_pixels))

        return self._ask(Order(Task.GREY, self._max_pixels), data, receive)

    def is_healthy(self) -> bool:
        """Whether processes can be started."""
        return self._failed_starts < _MAX_FAILED_STARTS

    def close(self) -> None:
        """End all processes; work in hand fails with :class:`DecoderUnavailable`."""
        with self._lock:
            self._closed = True
            for slot in self._slots:
                # A thread that discards it does not ask for the lock.
                if (process := slot.process) is not None:
                    process.kill()

    def _ask(self, order: Order, data: bytes, receive: Callable[[DecodeProcess], T]) -> T:
        slot = self._idle.get()
        try:
            return receive(self._hand_over(slot, order, data))
        except DepthError:
            # A refusal, which has been read to its end, or there is no process.
            raise
        except TimeoutError:
            self._check_open()
            self._replace(slot, "was stopped: an image took it too long")
            raise UndecodableImage(
                f"The decoder gave up on this image after {self._limits.seconds:g} s."
            ) from None
        except Exception as error:
            self._check_open()
            # Whatever it is: the rest of this reply would be taken for that of the next photo.
            self._replace(slot, f"failed on an image: {error!r}")
            raise UndecodableImage("The decoder failed on this image.") from error
        finally:
            self._idle.put(slot)

    def _hand_over(self, slot: _Slot, order: Order, data: bytes) -> DecodeProcess:
        process = self._ready(slot)
        try:
            process.send(order, data, self._limits.seconds)
        except ConnectionError:
            # It ended before it had the photo, so the photo is not why.
            self._discard(slot)
            process = self._ready(slot)
            process.send(order, data, self._limits.seconds)
        return process

    def _ready(self, slot: _Slot) -> DecodeProcess:
        """The slot's process, or a new one; raises :class:`DecoderUnavailable`."""
        if slot.process is not None and not slot.process.is_alive():
            self._discard(slot)
        process = slot.process or self._start(slot)
        try:
            process.wait_until_ready()
        except OSError as error:
            self._discard(slot)
            raise self._unavailable(error) from error
        self._failed_starts = 0
        return process

    def _replace(self, slot: _Slot, reason: str) -> None:
        logger.warning("a decoder %s", reason)
        self._discard(slot)
        self._start_ahead(slot)

    def _discard(self, slot: _Slot) -> None:
        if slot.process is not None:
            slot.process.kill()
            slot.process = None
            self._on_restart()

    def _start_ahead(self, slot: _Slot) -> None:
        # If it cannot be started now, whoever needs it tries again.
        with contextlib.suppress(DecoderUnavailable):
            self._start(slot)

    def _start(self, slot: _Slot) -> DecodeProcess:
        with self._lock:
            self._check_open()
            try:
                slot.process = DecodeProcess(self._limits.memory_bytes)
            except OSError as error:
                raise self._unavailable(error) from error
            return slot.process

    def _check_open(self) -> None:
        """Raise :class:`DecoderUnavailable` once all processes were ended, for whatever photo."""
        if self._closed:
            raise DecoderUnavailable(
                "The service is shutting down.", retry_after_seconds=_RETRY_AFTER_SECONDS
            )

    def _unavailable(self, error: OSError) -> DecoderUnavailable:
        self._failed_starts += 1
        logger.error("a decoder does not start: %s", error)
        return DecoderUnavailable(
            "No decoder can be started.", retry_after_seconds=_RETRY_AFTER_SECONDS
        )
