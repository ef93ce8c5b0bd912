"""A network's memory has a bound on every way in, before anything is decoded."""

from __future__ import annotations

import numpy as np
import pytest

from service.effects.catalog import EFFECTS
from service.errors import PayloadTooLarge
from service.imaging.render import Colormap
from service.models.choice import NetworkChoice
from service.models.spec import NetworkSpec
from service.observability.context import RequestRecord
from service.pipeline.comparison import ComparisonFormat, ComparisonOrder
from service.pipeline.depth import DepthOrder
from service.pipeline.effect import EffectOrder
from service.pipeline.estimator import OutputSize
from service.pipeline.runtime import Runtime
from service.settings import Settings
from tests.support.in_process import serve
from tests.support.photos import photo_bytes

NAME = "depth_lite_256"
PHOTO = photo_bytes("motorcycle_left.png")


def test_what_would_never_fit_is_refused_on_every_way_in(settings: Settings) -> None:
    async def scenario(runtime: Runtime) -> None:
        served = runtime.catalog.served
        low, high = (served.choose(NetworkChoice(NAME, resolution=size)) for size in (128, 512))
        record = RequestRecord("test")

        def depth(spec: NetworkSpec) -> DepthOrder:
            return DepthOrder(spec, OutputSize.NETWORK, "", lambda found: b"depth")

        with runtime.admission.open("client") as ticket:
            answer = await runtime.pipeline.run(PHOTO, depth(low), ticket, record)
            assert answer.body == b"depth"
        with runtime.admission.open("client") as ticket:
            with pytest.raises(PayloadTooLarge, match=r"lower resolution \(512\)"):
                await runtime.pipeline.run(PHOTO, depth(high), ticket, record)
            with pytest.raises(PayloadTooLarge):
                await runtime.pipeline.run_photos([PHOTO], high, ticket, record)
            with pytest.raises(PayloadTooLarge):
                batch = np.zeros((1, 3, 512, 512), np.float32)
                await runtime.pipeline.run_tensors(batch, high, ticket, record)
            effect = EFFECTS["portrait"]
            order = EffectOrder(high, effect, effect.options())
            with pytest.raises(PayloadTooLarge):
                await runtime.effects.run(PHOTO, None, order, ticket, record)
            models = (NAME, "midas_v21_384")
            compared = ComparisonOrder(
                models, ComparisonFormat.PNG, Colormap.INFERNO, OutputSize.NETWORK
            )
            with pytest.raises(PayloadTooLarge, match="midas_v21_384"):
                await runtime.comparison.run(PHOTO, compared, ticket, record)

    serve(settings.model_copy(update={"max_network_mb": 55.0}), scenario)
