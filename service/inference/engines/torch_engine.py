"""The reference engine: the network itself, in torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from service.imaging.network_input import network_input
from service.imaging.transforms import DepthArray, InputRule, Tensor
from service.inference.engines.base import EngineUnavailable, Reference
from service.machine.cpu import has_native_bf16
from service.models.spec import SAMPLE_PHOTO
from service.settings import Precision


class TorchEngine:
    """Eager torch on the CPU; always works."""

    name = "torch"
    # On two cores batches gain little (`python -m load_tests.engines`), and their activations leave
    # 500 MB more resident once several shapes have been through.
    one_by_one = True

    def __init__(self, network: nn.Module, precision: Precision, threads: int) -> None:
        if precision is Precision.BF16 and not has_native_bf16():
            raise EngineUnavailable("this CPU has no bfloat16 instructions")
        torch.set_num_threads(threads)
        self.precision = precision
        self._dtype = torch.bfloat16 if precision is Precision.BF16 else torch.float32
        self._network = network.to(dtype=self._dtype).to(memory_format=torch.channels_last)

    def infer(self, batch: Tensor) -> DepthArray:
        """See :class:`Engine`."""
        with torch.inference_mode():
            images = torch.from_numpy(batch).to(self._dtype, memory_format=torch.channels_last)
            depth: DepthArray = self._network(images).float().numpy()
            return depth


def reference_for(network: nn.Module, rule: InputRule) -> Reference:
    """The answer of ``network``, a float32 module, for the sample photo that ships here."""
    tensor = network_input(SAMPLE_PHOTO.read_bytes(), rule).tensor[np.newaxis]
    with torch.inference_mode():
        depth = network(torch.from_numpy(tensor)).numpy()
    return Reference(tensor=tensor, depth=depth)
