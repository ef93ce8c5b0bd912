"""One batch through an engine, so that a bad item fails alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from service.errors import InferenceFailed
from service.imaging.transforms import DepthArray, Tensor
from service.inference.engines.base import Engine
from service.observability.context import log_lines_of

logger = logging.getLogger(__name__)

Outcome = DepthArray | InferenceFailed

_RAISED = "The network raised an error on this image; the log has it."


@dataclass(frozen=True)
class BatchItem:
    """A network input ``(3, h, w)``, the request it belongs to, and who is told of its run.

    Both are called in the inference thread: ``on_start`` when the network begins with it,
    ``on_execution`` of one item with the size and the seconds of each call that was answered.
    """

    tensor: Tensor
    request_id: str = "-"
    on_start: Callable[[], None] = lambda: None
    on_execution: Callable[[int, float], None] = lambda size, seconds: None


def run_batch(engine: Engine, items: Sequence[BatchItem]) -> list[Outcome]:
    """Infer the tensors of ``items``, which have one shape; an outcome each, in order.

    An outcome is a finite ``(h, w)`` float32 map or the error of that item. When the batch raises
    or any output is not a depth map, its items are run again one by one: only the culprit errors.
    What is logged meanwhile has the ids of the requests that are concerned.
    """
    with log_lines_of(*dict.fromkeys(item.request_id for item in items)):
        tensors = [item.tensor for item in items]
        started = time.perf_counter()
        try:
            depths = _checked(engine.infer(np.stack(tensors)), tensors)
        except Exception as error:
            if len(items) == 1:
                logger.exception("inference failed")
                return [InferenceFailed.because_of(error, _RAISED)]
            logger.warning("a batch of %d failed (%s); running its items singly", len(items), error)
        else:
            items[0].on_execution(len(items), time.perf_counter() - started)
            return list(depths)
    return [outcome for item in items for outcome in run_batch(engine, [item])]


def _checked(depths: DepthArray, tensors: Sequence[Tensor]) -> DepthArray:
    expected = (len(tensors), *tensors[0].shape[1:])
    if depths.shape != expected:
        raise InferenceFailed(f"The network answered shape {depths.shape} instead of {expected}.")
    if not np.isfinite(depths).all():
        raise InferenceFailed("The network answered numbers that are not finite.")
    return depths
