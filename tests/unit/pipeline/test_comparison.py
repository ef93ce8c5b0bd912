from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from service.errors import Overloaded
from service.imaging.render import Colormap
from service.observability.context import RequestRecord
from service.pipeline.comparison import ComparisonFormat, ComparisonOrder, ComparisonPipeline
from service.pipeline.estimator import OutputSize


def test_a_comparison_is_charged_for_each_networks_map() -> None:
    workshop = Mock(count=AsyncMock(return_value=1000), admit=Mock(side_effect=Overloaded("full")))
    models = ("a", "b", "c")
    order = ComparisonOrder(models, ComparisonFormat.ZIP, Colormap.INFERNO, OutputSize.ORIGINAL)
    ticket: Any = object()
    with pytest.raises(Overloaded):
        pipeline = ComparisonPipeline(workshop, Mock())
        asyncio.run(pipeline.run(b"", order, ticket, RequestRecord("test")))
    choose = workshop.catalog.served.choose
    assert [call.args[0] for call in choose.call_args_list] == list(models)
    workshop.admit.assert_called_once_with(ticket, 3000, [choose.return_value] * 3)
