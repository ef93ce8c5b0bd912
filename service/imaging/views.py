"""What a network is shown of one input, and one map of its answers: as it is, or mirrored, too.

The mean with the mirror image's answer, mirrored back, is how some official codes score
(``infer`` with ``with_flip_aug``, isl-org/ZoeDepth, ``zoedepth/models/depth_model.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.imaging.transforms import DepthArray, InputRule, Tensor


def views(tensor: Tensor, rule: InputRule) -> list[Tensor]:
    """The input ``(3, h, w)``, and its mirror image where the rule says so."""
    return [tensor, np.ascontiguousarray(tensor[..., ::-1])] if rule.mirror else [tensor]


def mean_of_views(depths: Sequence[DepthArray]) -> DepthArray:
    """One map ``(h, w)`` of the answers to :func:`views`."""
    if len(depths) == 1:
        return depths[0]
    straight, mirrored = depths
    return (straight + mirrored[:, ::-1]) / np.float32(2)
