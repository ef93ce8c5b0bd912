"""One batch through an engine, so that a bad item fails alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from service.errors import InferenceFailed
from service.imaging.transforms import DepthArray, Tensor
from service.inference.engines.base import Engine

logger = logging.getLogger(__name__)

Outcome = DepthArray | InferenceFailed

_RAISED = "The network raised an error on this image; the log has it."


def run_batch(engine: Engine, tensors: Sequence[Tensor]) -> list[Outcome]:
    """Infer ``tensors``, each ``(3, h, w)`` of one shape; an outcome each, in order.

    An outcome is a finite ``(h, w)`` float32 map or the error of that item. When the batch raises
    or any output is not a depth map, its items are run again one by one: only the culprit errors.
    """
    try:
        return list(_checked(engine.infer(np.stack(tensors)), tensors))
    except Exception as error:
        if len(tensors) == 1:
            logger.exception("inference failed")
            return [InferenceFailed.because_of(error, _RAISED)]
        logger.warning("a batch of %d failed (%s); running its items singly", len(tensors), error)
    return [outcome for tensor in tensors for outcome in run_batch(engine, [tensor])]


def _checked(depths: DepthArray, tensors: Sequence[Tensor]) -> DepthArray:
    expected = (len(tensors), *tensors[0].shape[1:])
    if depths.shape != expected:
        raise InferenceFailed(f"The network answered shape {depths.shape} instead of {expected}.")
    if not np.isfinite(depths).all():
        raise InferenceFailed("The network answered numbers that are not finite.")
    return depths
