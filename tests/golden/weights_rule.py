"""Deterministic weights and inputs from names and seeds (numpy only).

The official networks were run with weights drawn by this rule, since trained ones cannot be
redistributed here; a network of ours that takes the same keys must give the same numbers.
The draws are float64, ``Generator(PCG64(crc32(key) + 1000003 * seed)).standard_normal(shape)``;
what each becomes depends on the key's last name.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TOKENS = ("pos_embed", "cls_token", "mask_token")
_INPUT_SEEDS = {"A": 12345, "B": 54321}


def draw_weight(
    key: str, shape: tuple[int, ...], dtype: str, override: dict[str, float]
) -> NDArray[Any]:
    """The weight called ``key``; integer dtypes are counters, which are 0."""
    if "int" in dtype:
        return np.zeros(shape, np.int64)
    if "value" in override:
        return np.full(shape, override["value"], np.float32)
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    draw = rng.standard_normal(shape)
    name = key.rsplit(".", 1)[-1]
    if name == "running_mean":
        draw *= 0.1
    elif name == "running_var":
        draw = 1.0 + 0.1 * np.abs(draw)
    elif name.endswith("bias"):
        draw *= 0.05
    elif len(shape) <= 1:
        draw = 1.0 + 0.1 * draw
    elif name in _TOKENS:
        draw *= 0.02
    else:
        # In place: some are 100 MB.
        draw *= override.get("gain", 1.0) / np.sqrt(float(np.prod(shape[1:])))
    return np.asarray(draw, np.float32)


def draw_state(facts: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """The state dict of a network with this manifest, by its official keys.

    Without what the manifest calls fixed: tables that each network computes.
    """
    overrides = facts["overrides"]
    return {
        key: draw_weight(key, tuple(shape), dtype, overrides.get(key, {}))
        for key, shape, dtype, what in facts["state_dict"]
        if what != "fixed"
    }


def draw_input(which: str, height: int, width: int) -> NDArray[np.float32]:
    """Network input ``A`` or ``B``, ``(1, 3, height, width)``."""
    rng = np.random.Generator(np.random.PCG64(_INPUT_SEEDS[which]))
    noise = rng.standard_normal((1, 3, height, width)) * 0.8
    return np.clip(noise, -2.2, 2.6).astype(np.float32)
