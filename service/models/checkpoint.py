"""Load weights into a network, strictly: every key used, none missing, no pickle executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from service.errors import WeightsError
from service.models.registry import NetworkSpec


def load_network(spec: NetworkSpec, path: Path) -> nn.Module:
    """The network of ``spec`` with the weights in ``path``: float32, CPU, eval mode.

    Reads ``.safetensors`` files and torch checkpoints (a plain state dict, or one under "model"
    as MiDaS training writes it), with official or own key names. Raises :class:`WeightsError`
    when the file cannot be read or its keys or shapes are not exactly the network's.
    """
    state = {spec.rename_key(key): value for key, value in _read(path).items()}
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
    if isinstance(state, Mapping) and isinstance(state.get("model"), Mapping):
        state = state["model"]
    if not isinstance(state, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in state.values()
    ):
        raise WeightsError("The file is not a state dict: names mapped to tensors.")
    return state
