"""Load weights into a network, strictly: every key used, none missing, no pickle executed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import nn
from torch.overrides import TorchFunctionMode

from service.errors import WeightsError
from service.models.spec import NetworkSpec

_NESTED = ("model", "depth_model")
# What torch's DataParallel puts before every key.
_PARALLEL = "module."
# What weights are drawn with before a training, by torch's layers and by timm.
_DRAWING = {
    *(nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_),
    *(torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.erfinv_),
}


def load_network(spec: NetworkSpec, path: Path, sha256: str | None = None) -> nn.Module:
    """The network of ``spec`` with the weights in ``path``: float32, CPU, eval mode.

    Reads ``.safetensors`` files and torch checkpoints (a plain state dict, or one within another
    under the names that the official training code uses), with official or own key names. Tables
    that the network computes for itself may be in it, and must then be equal. Of a file that was
    verified before, ``sha256`` is the hash that was found right: it is checked again on
    the very bytes that are loaded. Raises :class:`WeightsError` when the file cannot be read, is no
    longer that file, or when its keys or shapes are not exactly the network's.
    """
    rename = spec.renamer()
    with _WithoutDrawing():
        network = spec.build()
    tables = _computed_tables(network)
    state = {}
    for key, value in _read(path, sha256).items():
        ours = rename(key.removeprefix(_PARALLEL))
        if ours in tables:
            if not torch.equal(value, tables[ours]):
                raise WeightsError(f"The file does not fit {spec.name}: {key} is another table.")
        elif ours is not None:
            state[ours] = value
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise WeightsError(f"The file does not fit {spec.name}: {error}") from error
    return network.float().eval().requires_grad_(False)


class _WithoutDrawing(TorchFunctionMode):
    """Within it a network is built without the random weights to start a training from.

    A file has them all. To draw hundreds of millions takes seconds.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        named = kwargs or {}
        if func in _DRAWING:
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def _computed_tables(network: nn.Module) -> dict[str, torch.Tensor]:
    """What a network computes for itself, and old checkpoints may carry: masks, indices."""
    loaded = network.state_dict()
    return {name: value for name, value in network.named_buffers() if name not in loaded}


def _read(path: Path, sha256: str | None) -> Mapping[str, torch.Tensor]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}.") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(f"{path.name} was exchanged while it was being loaded.")
    try:
        state: Any
        if path.suffix == ".safetensors":
            state = load(data)
        else:
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
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
