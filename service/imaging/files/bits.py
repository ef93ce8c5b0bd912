"""Numbers of any number of bits: headers of video streams."""

from __future__ import annotations

HEADER_BYTES = 512
"""More than any header takes up to what is read of it."""


class Bits:
    """Unsigned numbers of any width, first bit first; beyond the end all bits are 0."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data[:HEADER_BYTES].ljust(HEADER_BYTES, b"\0"))
        self._left = 8 * HEADER_BYTES

    def take(self, count: int) -> int:
        """The next number; raises :class:`ValueError` beyond what a header may have."""
        self._left -= count
        if self._left < 0:
            raise ValueError("a header is too long")
        return self._value >> self._left & ((1 << count) - 1)

    def variable(self) -> int:
        """A number of as many bits as there are zeros before its first one (Exp-Golomb)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros) if zeros < 32 else (1 << 32) - 1
