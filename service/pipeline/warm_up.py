"""The first request, before anybody may ask."""

from __future__ import annotations

import logging

import cv2
import numpy as np

from service.errors import DepthError
from service.imaging.encode import EncodeOptions
from service.imaging.formats import FORMATS, OutputFormat
from service.models.spec import SAMPLE_PHOTO, NetworkSpec
from service.observability.context import RequestRecord
from service.pipeline.admission import Admission
from service.pipeline.depth import DepthOrder, DepthPipeline
from service.pipeline.estimator import OutputSize

logger = logging.getLogger(__name__)

_NOBODY = "warm-up"
# OpenCV makes its threads for the first picture that is worth them; the sample is not.
_WORTH_ALL_THREADS = (1024, 1024)


async def warm_up(pipeline: DepthPipeline, admission: Admission, network: NetworkSpec) -> None:
    """Take the sample photo through decoding, the network and encoding.

    Libraries make threads and tables when they are first used, and some end the process if they
    cannot: with a limit of processes just above what the start takes, that must not be a client's
    request. A sample that is refused, as by ``DEPTH_MAX_PIXELS``, is only logged.
    """
    cv2.resize(np.zeros((8, 8), np.uint8), _WORTH_ALL_THREADS)
    heatmap = FORMATS[OutputFormat.HEATMAP]
    order = DepthOrder(
        network,
        OutputSize.ORIGINAL,
        heatmap.media_type,
        lambda found: heatmap.encode(found.depth, EncodeOptions()),
    )
    try:
        with admission.open(_NOBODY) as ticket:
            await pipeline.run(SAMPLE_PHOTO.read_bytes(), order, ticket, RequestRecord(_NOBODY))
    except DepthError as error:
        logger.warning("the sample photo was refused at the start: %s", error.detail)
