"""Load weights into a network, strictly: every key used, none missing, no pickle executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from service.errors import WeightsError
from service.models.spec import NetworkSpec

_NESTED = ("model", "depth_model")
# What torch's DataParallel puts before every key.
_PARALLEL = "module."


def load_network(spec: NetworkSpec, path: Path) -> nn.Module:
    """The network of ``spec`` with the weights in ``path``: float32, CPU, eval mode.

    Reads ``.safetensors`` files and torch checkpoints (a plain state dict, or one within another
    under the names that the official training code uses), with official or own key names. Raises
    :class:`WeightsError` when the file cannot be read or its keys or shapes are not exactly the
    network's.
    """
    rename = spec.renamer()
    state = {
        ours: value
        for key, value in _read(path).items()
        if (ours := rename(key.removeprefix(_PARALLEL))) is not None
    }
    network = spec.build()
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise WeightsError(f"The file does not fit {spec.name}: {error}") from error
    return network.float().eval().requires_grad_(False)


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        state: Any
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's unpickler raises almost anything on damaged files.
        raise WeightsError(
            "The file cannot be read as weights: it is damaged, or it holds pickled objects "
            "beside tensors, which are never executed here."
        ) from error
    for name in _NESTED:
        if isinstance(state, Mapping) and isinstance(state.get(name), Mapping):
            state = state[name]
    if not isinstance(state, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in state.values()
    ):
        raise WeightsError("The file is not a state dict: names mapped to tensors.")
    return state
