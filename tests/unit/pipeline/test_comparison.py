from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock

import pytest

from service.errors import Overloaded, PayloadTooLarge
from service.imaging.render import Colormap
from service.models.choice import NetworkChoice
from service.observability.context import RequestRecord
from service.pipeline.comparison import ComparisonFormat, ComparisonOrder, ComparisonPipeline
from service.pipeline.estimator import OutputSize
from service.pipeline.workshop import PhotoSizes

MODELS = ("a", "b", "c")
ORDER = ComparisonOrder(MODELS, ComparisonFormat.ZIP, Colormap.INFERNO, OutputSize.ORIGINAL)


def workshop_of(pixels: int, **more: Any) -> Mock:
    """A workshop in which a photo has so many pixels."""
    return Mock(count=AsyncMock(return_value=PhotoSizes([(pixels, 1)], 13 * pixels)), **more)


def test_a_zip_that_never_fits_is_told_what_to_lower() -> None:
    pipeline = ComparisonPipeline(workshop_of(50_000_000), Mock(), 600_000_000)
    with pytest.raises(PayloadTooLarge, match=r"Ask for size=network, or for fewer models\.$"):
        asyncio.run(pipeline.run(b"", ORDER, Mock(), RequestRecord("test")))


def test_the_sheets_photo_is_decoded_in_its_clients_turn() -> None:
    place = object()
    workshop = workshop_of(1000, run=AsyncMock(), make_room=AsyncMock(), turn=MagicMock())
    workshop.turn.return_value.__aenter__.return_value = place
    order = ComparisonOrder((), ComparisonFormat.PNG, Colormap.INFERNO, OutputSize.NETWORK)
    record = RequestRecord("test")
    asyncio.run(ComparisonPipeline(workshop, Mock(), 10**9).run(b"", order, Mock(), record))
    decoding, drawing = workshop.run.await_args_list
    assert decoding.args[1] is workshop.decoder.effect_input
    assert decoding.kwargs == {"place": place}
    assert not drawing.kwargs
    assert {"decode", "encode"} <= record.seconds.keys()


def test_a_comparison_is_charged_for_each_networks_map() -> None:
    workshop = workshop_of(1000, admit=Mock(side_effect=Overloaded("full")))
    choose = workshop.catalog.served.choose
    network = choose.return_value
    network.input_rule.network_size.return_value = (20, 10)
    ticket: Any = object()
    with pytest.raises(Overloaded):
        pipeline = ComparisonPipeline(workshop, Mock(), 10**9)
        asyncio.run(pipeline.run(b"", ORDER, ticket, RequestRecord("test")))
    assert [call.args[0] for call in choose.call_args_list] == [*map(NetworkChoice, MODELS)]
    workshop.admit.assert_called_once_with(ticket, 3000, [network.run_on(20, 10)] * 3)
