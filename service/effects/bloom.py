"""Bloom: lights as bright as they were before the sensor clipped them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.strips import strips_in_turn

_BRIGHT = np.float32(0.5)
_STANDING_OUT = np.float32(0.5)
_LARGEST_GAIN = 6.0
_TRACE = np.float32(1e-3)

Plane = NDArray[np.float32]


def bloom_gain(light: Plane, share: Plane, reach: int, strength: float) -> Plane:
    """By how much to multiply linear ``light`` ``(h, w, 3)`` in 0..1: ``(h, w)``, from 1.

    Only what stands out from its surroundings, ``reach`` pixels to each side, is a light; a white
    wall is not. Where ``share`` ``(h, w)`` is 0 is no surrounding: beside dark hair in focus every
    wall would stand out. ``strength`` is in 0..1.
    """
    grey = cv2.cvtColor(light, cv2.COLOR_RGB2GRAY)
    if strength == 0:
        return np.ones(grey.shape, np.float32)
    side = 2 * reach + 1
    weight = cv2.blur(share, (side, side)) + _TRACE
    around = cv2.divide(cv2.blur(cv2.multiply(grey, share), (side, side)), weight)
    bright = np.clip((grey - _BRIGHT) * np.float32(1 / (1 - _BRIGHT)), 0, 1)
    standing_out = np.clip((grey - around) * np.float32(1 / _STANDING_OUT), 0, 1)
    return np.asarray(
        1 + bright * standing_out**2 * np.float32(strength * _LARGEST_GAIN), np.float32
    )


def brighten(light: Plane, gain: Plane) -> None:
    """Multiply ``light`` ``(h, w, 3)`` by ``gain`` ``(h, w)``, in its place."""
    for strip in strips_in_turn(gain.shape):
        rows = light[strip.rows]
        cv2.multiply(rows, cv2.merge([gain[strip.rows]] * 3), rows)
