"""Replies of a decode process that is in the hands of its photo."""

from __future__ import annotations

import io
import struct

import pytest

from service.decoding.frames import (
    Order,
    ReadInto,
    Reply,
    ReplyKind,
    Task,
    read_order,
    read_reply,
    refusal,
)
from service.errors import DepthError, PayloadTooLarge, UndecodableImage
from service.models.registry import find_spec

LIMIT = 1000


def reader(data: bytes) -> ReadInto:
    stream = io.BytesIO(data)

    def read_into(buffer: memoryview) -> None:
        if stream.readinto(buffer) < len(buffer):
            raise ConnectionResetError

    return read_into


@pytest.mark.parametrize(
    "rule",
    [None, find_spec("midas_v21_small_256").input_rule, find_spec("zoedepth_n").best_rule],
)
def test_an_order_arrives_as_it_was_sent(rule: object) -> None:
    order = Order(Task.NETWORK_INPUT, LIMIT, rule, scaled_decode=True)  # type: ignore[arg-type]
    assert read_order(reader(order.frame(5) + b"photo")) == (order, b"photo")


def test_a_reply_arrives_as_it_was_sent() -> None:
    reply = Reply(ReplyKind.TENSOR, 40, 25, 7)
    assert read_reply(reader(reply.frame()), ReplyKind.TENSOR, LIMIT) == reply


@pytest.mark.parametrize("error", [UndecodableImage("broken"), PayloadTooLarge("多い" * 400)])
def test_a_refusal_arrives_as_its_error(error: DepthError) -> None:
    with pytest.raises(type(error)) as caught:
        read_reply(reader(refusal(error)), ReplyKind.TENSOR, LIMIT)
    assert error.detail.startswith(caught.value.detail.rstrip("\ufffd")[:100])


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x80\x04K\x01.",
        bytes(13),
        b"\xff" * 13,
        Reply(ReplyKind.SIZE, 10, 10).frame(),
        Reply(ReplyKind.TENSOR, 0, 10).frame(),
        Reply(ReplyKind.TENSOR, 1001, 1).frame(),
        Reply(ReplyKind.TENSOR, 2**32 - 1, 2**32 - 1).frame(),
        Reply(ReplyKind.REFUSED, 0).frame(),
        Reply(ReplyKind.REFUSED, 2**32 - 1).frame() + b"undecodable-image\n",
        Reply(ReplyKind.REFUSED, 20).frame() + b"undecodable-image\n",
        Reply(ReplyKind.REFUSED, 15).frame() + b"internal-error\n",
    ],
)
def test_anything_else_is_a_broken_connection(frame: bytes) -> None:
    with pytest.raises(ConnectionError):
        read_reply(reader(frame), ReplyKind.TENSOR, LIMIT)


def test_the_text_of_a_refusal_is_one_plain_line() -> None:
    text = b"undecodable-image\nfine\r\n\x1b[31mforged log line\x00\xff"
    frame = struct.pack("=BIII", ReplyKind.REFUSED, len(text), 0, 0) + text
    with pytest.raises(UndecodableImage) as caught:
        read_reply(reader(frame), ReplyKind.TENSOR, LIMIT)
    assert caught.value.detail == "fine[31mforged log line\ufffd"
