"""The newest frame, and how many were dropped for it."""

from __future__ import annotations

import asyncio

from service.api.stream.newest_frame import NewestFrame


def test_only_the_newest_frame_waits() -> None:
    asyncio.run(_put_and_take())


async def _put_and_take() -> None:
    frames = NewestFrame()
    for frame in (b"1", b"2", b"3"):
        frames.put(frame)
    assert await frames.take() == (3, b"3")
    assert frames.dropped == 2
    waiting = asyncio.create_task(frames.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    frames.put(b"4")
    assert await waiting == (4, b"4")
    assert frames.dropped == 2
