"""The fast engine: the same network converted to OpenVINO."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from service.imaging.transforms import DepthArray, Tensor
from service.inference.engines.base import EngineUnavailable
from service.inference.engines.compiled import compile_or_read
from service.machine.cpu import has_native_bf16
from service.settings import Precision

_CACHED_KERNELS = 128
# Networks with more weights than this take long enough not to feel their buffers go and come.
_LARGE_BYTES = 80_000_000
# Up to so many bytes of weights, what was compiled is kept. Read from there, the embedded network
# takes 8 MB less memory, too; a large one would hold its weights, which are mapped from their file.
_KEPT_BYTES = 25_000_000
_FEW_THREADS = 2


class OpenVinoEngine:
    """One compiled model for all batch sizes and image shapes; an int8 graph is quantised already.

    Shapes are left dynamic on purpose: on the embedded network at 192x320 a compiled static model
    is no faster (10.7 against 10.0 ms in bf16), costs 0.15 s and its own copy of the weights a
    shape, and would let a caller who cycles through aspect ratios stall the worker.
    """

    name = "openvino"

    def __init__(
        self,
        network_xml: Path,
        precision: Precision,
        threads: int,
        cache_dir: Path | None = None,
    ) -> None:
        if precision is Precision.BF16 and not has_native_bf16():
            raise EngineUnavailable("this CPU has no bfloat16 instructions")
        large = _LARGE_BYTES // 4 if precision is Precision.INT8 else _LARGE_BYTES
        self.precision = precision
        # On two cores in fp32, a batch of 4 in one call is hardly faster than its photos one by one
        # (27.0 and 26.3 ms each in one run of `python -m load_tests.engines`, 35.3 and 38.3 in
        # another), and takes the service some 40 MB more (`python -m load_tests.load`); so in int8
        # (21.8 and 21.9 ms). In bf16 one call is 8% faster, and more threads have more to share.
        self.one_by_one = precision is not Precision.BF16 and threads <= _FEW_THREADS
        weights_bytes = network_xml.with_suffix(".bin").stat().st_size
        self._large = weights_bytes > large
        self._compiled = compile_or_read(
            network_xml,
            {
                # What an int8 graph leaves in float is computed in fp32: bf16 is hardly faster,
                # and the same graph would answer otherwise on another CPU.
                "INFERENCE_PRECISION_HINT": "bf16" if precision is Precision.BF16 else "f32",
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": 1,
                # Else every process binds its threads to the machine's first cores: four replicas
                # on two cores gave 14.9 instead of 27.8 images/s (`python -m load_tests.replicas`).
                "ENABLE_CPU_PINNING": False,
                # Kernels are kept for each shape and batch size. Unbounded, they grew to 890 MB
                # over all 62 input shapes in batches of 1 to 4; bounded, to 360 MB, no slower.
                "CPU_RUNTIME_CACHE_CAPACITY": _CACHED_KERNELS,
            },
            cache_dir if weights_bytes <= _KEPT_BYTES else None,
        )
        self._request = self._compiled.create_infer_request()

    def infer(self, batch: Tensor) -> DepthArray:
        """See :class:`Engine`."""
        # share_inputs saves the copy in; outputs are copied, since the next call reuses them.
        outputs = self._request.infer({0: batch}, share_inputs=True)
        depth = np.asarray(outputs[0], dtype=np.float32)
        if self._large:
            # What lies between the layers would stay until the next call: 185 of Depth Anything's
            # 300 MB. A small network needs its own again at once.
            self._compiled.release_memory()
        return depth
